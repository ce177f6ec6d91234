import { expect, it } from 'vitest';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { diagnosticsText } from './diagnostics.ts';

const cart = { kind: 'Service', namespace: 'shop', name: 'cart' } as const;

function diagnostic(severity: Diagnostic['severity'], code: string, message: string): Diagnostic {
  return { severity, code, object: cart, message };
}

it('ends the first line of warnings and errors with the code that docs/diagnostics.md explains', () => {
  const said = [
    diagnostic('info', 'written', 'written'),
    diagnostic('warning', 'no-slices', 'has no EndpointSlice'),
    diagnostic('error', 'service-refused', 'the kernel rejects a line:\n  -A KUBE-SVC-X -j Y'),
  ];
  expect(diagnosticsText(said, 'human')).toBe(
    [
      'error: Service shop/cart: the kernel rejects a line: [service-refused]',
      '  -A KUBE-SVC-X -j Y',
      'warning: Service shop/cart: has no EndpointSlice [no-slices]',
      'info: Service shop/cart: written',
      '',
    ].join('\n'),
  );
});
