import type { LocalDetector } from '../../compiler/ir/node-context.ts';
import { type Cidr, hostCidr, type IpAddress, splitCidr } from '../../compiler/values/address.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';
import { maxCommentLength } from '../netfilter/text/grammar.ts';
import type { Match } from '../netfilter/rule.ts';

/** Long names can make a comment that iptables would cut; we cut it where it would. */
export function comment(text: string): Match {
  return { kind: 'comment', text: text.slice(0, maxCommentLength) };
}

/** In kube-proxy's order, which iptables-save keeps: the comment between `-p` and the port. */
export function destinationPort(protocol: Protocol, port: Port, ...between: readonly Match[]): readonly Match[] {
  return [{ kind: 'protocol', protocol }, ...between, { kind: 'transport', protocol, dport: port }];
}

export function destinationAddress(address: IpAddress): Match {
  return { kind: 'destination', cidr: hostCidr(address) };
}

/** Sources within a network. All addresses are in a network of length 0, which is no condition at all. */
export function sourceWithin(cidr: Cidr): readonly Match[] {
  return splitCidr(cidr).length === 0 ? [] : [{ kind: 'source', cidr }];
}

/** Packets of this node's pods. */
export function fromPods(detector: LocalDetector): readonly Match[] {
  return detector.kind === 'source' ? sourceWithin(detector.cidr) : [interfaceOf(detector)];
}

/** All other packets; undefined when there can be none. */
export function notFromPods(detector: LocalDetector): readonly Match[] | undefined {
  const [match] = fromPods(detector);
  return match === undefined ? undefined : [{ ...match, not: true } as Match];
}

function interfaceOf(detector: Exclude<LocalDetector, { readonly kind: 'source' }>): Match {
  return detector.kind === 'interface'
    ? { kind: 'inInterface', name: detector.name, prefix: false }
    : { kind: 'inInterface', name: detector.prefix, prefix: true };
}
