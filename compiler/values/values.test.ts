import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from './diagnostic.ts';
import {
  type Namespace,
  type ObjectName,
  type PortName,
  parseClusterName,
  parseNamespace,
  parseObjectName,
  parsePortName,
  serviceKey,
  servicePortId,
  servicePortText,
} from './names.ts';
import { formatObjectRef, printable } from './object-ref.ts';
import { parsePort, parseProtocol, protocolText } from './port.ts';
import {
  add,
  compareRationals,
  distance,
  divide,
  formatPercent,
  multiply,
  rational,
  sumRationals,
} from './rational.ts';

describe('ports', () => {
  it.each([1, 80, 65535])('%d is a port', (value) => expect(parsePort(value)).toBe(value));
  it.each([0, 65536, -1, 1.5, Number.NaN, '80', null, undefined])('%j is not', (value) =>
    expect(parsePort(value)).toBeUndefined(),
  );
  it('knows three protocols, upper case as the API writes them', () => {
    expect(parseProtocol('TCP')).toBe('TCP');
    expect(parseProtocol('tcp')).toBeUndefined();
    expect(protocolText('SCTP')).toBe('sctp');
  });
});

describe('names', () => {
  it.each(['a', 'a-b', '0a', 'a'.repeat(63)])('%s is a label', (name) => expect(parseNamespace(name)).toBe(name));
  it.each(['', 'A', '-a', 'a-', 'a.b', 'a_b', 'a b', 'a\n', 'a'.repeat(64), 7, null])('%j is none', (name) =>
    expect(parseNamespace(name)).toBeUndefined(),
  );
  it('allows dots in object and cluster names, and no port name at all', () => {
    expect(parseObjectName('serve-1.x')).toBe('serve-1.x');
    expect(parseObjectName(`${'a.'.repeat(130)}a`)).toBeUndefined();
    expect(parseClusterName('east.eu')).toBe('east.eu');
    expect(parsePortName('')).toBe('');
  });
  it('spells a Service port as kube-proxy does', () => {
    const key = serviceKey('shop' as Namespace, 'cart' as ObjectName);
    expect(servicePortText(key, '' as PortName)).toBe('shop/cart');
    expect(servicePortText(key, 'http' as PortName)).toBe('shop/cart:http');
    expect(servicePortId(key, 'http' as PortName, 'TCP', 'IPv4')).toBe('shop/cart:http/TCP/IPv4');
  });
});

describe('text of objects that is shown to people', () => {
  it('cannot move the cursor, change direction or hide', () => {
    const shown = printable('a\u001b[2Jb\u202ec\u200bd\ne\u2028f\ud800g');
    expect(shown).toBe('a\\u{1b}[2Jb\\u{202e}c\\u{200b}d\\u{a}e\\u{2028}f\\u{d800}g');
  });
  it('is cut', () => expect(printable('x'.repeat(300), 5)).toBe('xxxxx…'));
  it('names the cluster only when it is another one', () => {
    const ref = { kind: 'EndpointSlice', namespace: 'shop', name: 'cart-x7k2' };
    expect(formatObjectRef(ref)).toBe('EndpointSlice shop/cart-x7k2');
    const east = parseClusterName('east');
    if (east === undefined) throw new Error('east is a name');
    expect(formatObjectRef({ ...ref, cluster: east })).toBe('east EndpointSlice shop/cart-x7k2');
  });
});

describe('diagnostics', () => {
  const make = (severity: Diagnostic['severity'], name: string): Diagnostic => ({
    severity,
    code: 'test',
    object: { kind: 'Service', namespace: 'shop', name },
    field: 'spec.ports[1].port',
    message: '70000 is outside 1–65535; the port is skipped',
  });
  it('say object, field, value and what was done', () => {
    expect(formatDiagnostic(make('warning', 'cart'))).toBe(
      'warning: Service shop/cart spec.ports[1].port: 70000 is outside 1–65535; the port is skipped',
    );
  });
  it('come worst first, then in one order whatever the input order', () => {
    const all = [make('info', 'a'), make('error', 'z'), make('error', 'b'), make('warning', 'c')];
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: 4 }), (shuffled) => {
        expect(sortDiagnostics(shuffled).map((d) => d.object.name)).toEqual(['b', 'z', 'c', 'a']);
      }),
    );
  });
});

describe('fractions', () => {
  const fraction = fc
    .tuple(fc.bigInt({ min: -1000n, max: 1000n }), fc.bigInt({ min: 1n, max: 1000n }))
    .map(([n, d]) => rational(n, d));
  it('are exact', () => {
    expect(sumRationals([rational(1, 3), rational(1, 3), rational(1, 3)])).toEqual(rational(1));
    expect(compareRationals(rational(1, 3), rational(2, 6))).toBe(0);
    expect(() => rational(1, 0)).toThrow();
  });
  it('follow the laws of arithmetic', () => {
    fc.assert(
      fc.property(fraction, fraction, fraction, (a, b, c) => {
        expect(add(a, b)).toEqual(add(b, a));
        expect(multiply(a, add(b, c))).toEqual(add(multiply(a, b), multiply(a, c)));
        if (b.numerator !== 0n) expect(multiply(divide(a, b), b)).toEqual(a);
        expect(distance(a, b)).toEqual(distance(b, a));
      }),
    );
  });
  it.each([
    ['50 %', rational(1, 2)],
    ['33.3333 %', rational(1, 3)],
    ['66.6667 %', rational(2, 3)],
    ['12.5 %', rational(1, 8)],
    ['0 %', rational(0)],
    ['100 %', rational(1)],
  ])('shows %s', (text, value) => expect(formatPercent(value)).toBe(text));
});
