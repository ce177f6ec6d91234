import type { LocalDetector } from '../../compiler/ir/node-context.ts';
import { type Cidr, hostCidr, type IpAddress, splitCidr } from '../../compiler/values/address.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';
import { maxCommentLength } from '../netfilter/text/grammar.ts';
import type { Match, Target } from '../netfilter/rule.ts';
import { nodeChain } from './names.ts';

/** Long names can make a comment that iptables would cut; slicewright cuts it at the same place. */
export function comment(text: string): Match {
  return { kind: 'comment', text: text.slice(0, maxCommentLength) };
}

/** Matches that tens of thousands of rules share are in memory once. */
const ofProtocol: Readonly<Record<Protocol, { readonly option: Match; readonly module: Match }>> = {
  TCP: { option: { kind: 'protocol', protocol: 'TCP' }, module: { kind: 'transport', protocol: 'TCP' } },
  UDP: { option: { kind: 'protocol', protocol: 'UDP' }, module: { kind: 'transport', protocol: 'UDP' } },
  SCTP: { option: { kind: 'protocol', protocol: 'SCTP' }, module: { kind: 'transport', protocol: 'SCTP' } },
};

/** `-p tcp` */
export function protocolOption(protocol: Protocol): Match {
  return ofProtocol[protocol].option;
}

/** `-m tcp` */
export function protocolModule(protocol: Protocol): Match {
  return ofProtocol[protocol].module;
}

/** Where what is to be masqueraded is marked. */
export const toMarkMasquerade: Target = { kind: 'jump', chain: nodeChain.markMasquerade };

/** In kube-proxy's order, which iptables-save keeps: the comment between `-p` and the port. */
export function destinationPort(protocol: Protocol, port: Port, ...between: readonly Match[]): readonly Match[] {
  return [protocolOption(protocol), ...between, { kind: 'transport', protocol, dport: port }];
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
