import { compareText } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';

/** The Services of some Service ports, `shop/cart`, each once in a line; a place without a Service has none. */
export function namesText(servicePorts: readonly (string | undefined)[]): string {
  const names = servicePorts.flatMap((one) => (one === undefined ? [] : [one.split(':')[0] ?? one]));
  return [...new Set(names)]
    .sort(compareText)
    .map((name) => `${printable(name)}\n`)
    .join('');
}
