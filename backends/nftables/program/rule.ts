import type { Cidr, IpAddress } from '../../../compiler/values/address.ts';
import type { Port, Protocol } from '../../../compiler/values/port.ts';
import type { Name } from './names.ts';

/** The part of a packet that a look-up asks for; a concatenation of them is the key of a set or map. */
export type Field = 'saddr' | 'daddr' | 'l4proto' | 'dport';

/** What a rule, or an element of a verdict map, does with a packet. */
export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  /** `jump` comes back to the next rule, `goto` to the chain that jumped last. */
  | { readonly kind: 'jump' | 'goto'; readonly chain: Name };

export interface EndpointAddress {
  readonly address: IpAddress;
  readonly port: Port;
}

/** Some of the equally likely numbers of a `numgen`: `from` to `to`, both among them. */
export interface Slots<Outcome> {
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
}

export type CtState = 'invalid' | 'established' | 'related' | 'new' | 'untracked';
export const ctStates: readonly CtState[] = ['invalid', 'established', 'related', 'new', 'untracked'];

/**
 * What a rule is made of: conditions and actions in the order in which the kernel takes them. A closed vocabulary that
 * holds slicewright's programs and kube-proxy's: print, parse, trace and check all switch over it.
 */
export type Statement =
  | { readonly kind: 'ctState'; readonly states: readonly CtState[] }
  /** A packet of a connection whose destination was translated. */
  | { readonly kind: 'ctStatusDnat' }
  /** One network, or any of several. */
  | {
      readonly kind: 'address';
      readonly side: 'saddr' | 'daddr';
      readonly networks: readonly Cidr[];
      readonly not?: true;
    }
  | { readonly kind: 'inSet'; readonly fields: readonly Field[]; readonly set: Name; readonly not?: true }
  /** prefix: any interface whose name begins so (`cali*`). */
  | { readonly kind: 'inInterface'; readonly name: string; readonly prefix: boolean; readonly not?: true }
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  /** `tcp dport 80`. */
  | { readonly kind: 'dport'; readonly protocol: Protocol; readonly port: Port }
  /** `tcp dport @set`. */
  | { readonly kind: 'dportInSet'; readonly protocol: Protocol; readonly set: Name }
  /** An address of the node itself, whatever interface it is on. */
  | { readonly kind: 'localAddress'; readonly side: 'saddr' | 'daddr'; readonly not?: true }
  | { readonly kind: 'mark'; readonly mask: number; readonly value: number; readonly not?: true }
  | { readonly kind: 'setMark'; readonly operation: 'or' | 'xor'; readonly bits: number }
  /** Remembers the client in a dynamic set. */
  | { readonly kind: 'update'; readonly set: Name }
  /** The verdict that a map has for these fields; without one the rule ends here. */
  | { readonly kind: 'verdictMap'; readonly fields: readonly Field[]; readonly map: Name }
  | { readonly kind: 'verdictSlots'; readonly modulus: number; readonly slots: readonly Slots<Verdict>[] }
  /** Counts packets that come this far. What it has counted is no part of the rule. */
  | { readonly kind: 'counter' }
  | { readonly kind: 'dnat'; readonly to: EndpointAddress }
  | { readonly kind: 'dnatSlots'; readonly modulus: number; readonly slots: readonly Slots<EndpointAddress>[] }
  /**
   * To the endpoint that a map has for these fields and a number below `modulus`. The port is that of one protocol, because
   * the kernel translates ports of a known protocol only.
   */
  | {
      readonly kind: 'dnatMap';
      readonly fields: readonly Field[];
      readonly protocol: Protocol;
      readonly modulus: number;
      readonly map: Name;
    }
  | { readonly kind: 'masquerade'; readonly fullyRandom: boolean }
  | { readonly kind: 'reject' }
  | { readonly kind: 'verdict'; readonly verdict: Verdict };

export interface Rule {
  readonly statements: readonly Statement[];
  readonly comment?: string;
}
