import { endpointText } from '../ir/ir.ts';
import type { IpAddress } from '../values/address.ts';
import { compareText } from '../values/names.ts';
import type { Port } from '../values/port.ts';
import { add, type Rational } from '../values/rational.ts';
import type { OtherShare, Share, Verdict } from './packet.ts';

/** What happens to one connection. */
export type Fate =
  | { readonly kind: 'forward'; readonly address: IpAddress; readonly port: Port; readonly masquerade: boolean }
  | { readonly kind: OtherShare['fate'] };

/** The fate of a part of the connections that look like one packet. */
export interface Outcome {
  readonly fate: Fate;
  readonly share: Rational;
}

/** All outcomes as one verdict, with equal fates added up. The caller must not pass shares of 0 or an empty list. */
export function toVerdict(outcomes: readonly Outcome[]): Verdict {
  const inOrder = forwardsInOrder(outcomes);
  if (inOrder !== undefined) return { kind: 'forward', to: inOrder };
  const forwards = new Map<string, Share>();
  const others = new Map<OtherShare['fate'], Rational>();
  for (const { fate, share } of outcomes) {
    if (fate.kind === 'forward') {
      const key = fateText(fate);
      const known = forwards.get(key);
      const { address, port, masquerade } = fate;
      forwards.set(key, { address, port, masquerade, share: known === undefined ? share : add(known.share, share) });
    } else {
      const known = others.get(fate.kind);
      others.set(fate.kind, known === undefined ? share : add(known, share));
    }
  }
  const to = [...forwards].sort(([a], [b]) => compareText(a, b)).map(([, share]) => share);
  const rest = [...others].map(([fate, share]) => ({ fate, share })).sort((a, b) => compareText(a.fate, b.fate));

  if (rest.length === 0) return { kind: 'forward', to };
  const [only] = rest;
  if (to.length === 0 && rest.length === 1 && only !== undefined) return { kind: only.fate };
  return { kind: 'mixed', to, rest };
}

/**
 * Outcomes that are already in the order of a verdict, each once, need no texts for sorting. Pools are in this order,
 * so this is the usual case, often with thousands of endpoints. undefined: they are not in order.
 */
function forwardsInOrder(outcomes: readonly Outcome[]): Share[] | undefined {
  const to: Share[] = [];
  let last: Share | undefined;
  for (const { fate, share } of outcomes) {
    if (fate.kind !== 'forward' || (last !== undefined && !isBefore(last, fate))) return undefined;
    const { address, port, masquerade } = fate;
    last = { address, port, masquerade, share };
    to.push(last);
  }
  return last === undefined ? undefined : to;
}

/** The order of {@link fateText}. The addresses decide it where neither begins with the other. */
function isBefore(a: Share, b: Pick<Share, 'address' | 'port' | 'masquerade'>): boolean {
  return a.address.startsWith(b.address) || b.address.startsWith(a.address)
    ? compareText(fateText(a), fateText(b)) < 0
    : compareText(a.address, b.address) < 0;
}

/**
 * `10.0.0.1:80` or `10.0.0.1:80 masqueraded`: names one way of forwarding, and sorts in the order that Verdict
 * promises.
 */
export function fateText(fate: Pick<Share, 'address' | 'port' | 'masquerade'>): string {
  return fate.masquerade ? `${endpointText(fate)} masqueraded` : endpointText(fate);
}
