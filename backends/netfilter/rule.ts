import type { Cidr, Family, IpAddress } from '../../compiler/values/address.ts';
import type { Brand } from '../../compiler/values/brand.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';

/** Name of a chain: 1 to 28 of letters, digits, `-`, `_` (the kernel's limit is 28), `-` not first. */
export type ChainName = Brand<string, 'ChainName'>;
/** Name of an ipset: 1 to 31 of letters, digits, `-`, `_`, `-` not first. */
export type SetName = Brand<string, 'SetName'>;

export type Table = 'filter' | 'nat' | 'mangle';
/** The order of tables in all of slicewright's listings. */
export const tables: readonly Table[] = ['mangle', 'filter', 'nat'];

/** Chains that the kernel calls by itself. Never declared: that would reset their policy. */
export type KernelChain = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

export type CtState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'DNAT';

/**
 * What one of slicewright's rules can ask of a packet. A closed vocabulary: print, parse, trace and check
 * all switch over it, so a new kind fails to compile until each of them knows it.
 *
 * The order of a rule's matches is the order of its `-m` options; source, destination, interface
 * and protocol print first wherever they are in the rule, as iptables-save prints them.
 */
export type Match =
  | { readonly kind: 'source' | 'destination'; readonly cidr: Cidr; readonly not?: true }
  /** prefix: any interface whose name begins so (`cali+`). */
  | { readonly kind: 'inInterface'; readonly name: string; readonly prefix: boolean; readonly not?: true }
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  /** `-m tcp --dport 80`; without a port just the module, as kube-proxy loads it before DNAT. */
  | { readonly kind: 'transport'; readonly protocol: Protocol; readonly dport?: Port }
  /** An address of the node itself, whatever interface it is on. */
  | { readonly kind: 'addrtype'; readonly side: 'src' | 'dst'; readonly not?: true }
  /** Taken with chance of31 / 2³¹, which is how the kernel keeps it. */
  | { readonly kind: 'probability'; readonly of31: number }
  | { readonly kind: 'recent'; readonly op: 'set'; readonly list: ChainName }
  | { readonly kind: 'recent'; readonly op: 'check'; readonly list: ChainName; readonly seconds: number }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number; readonly not?: true }
  | { readonly kind: 'ctstate'; readonly states: readonly CtState[]; readonly not?: true }
  | { readonly kind: 'set'; readonly name: SetName; readonly dims: readonly ('src' | 'dst')[]; readonly not?: true }
  | { readonly kind: 'physdevIsIn'; readonly not?: true }
  /** A packet of a connection that IPVS took at this virtual server. */
  | { readonly kind: 'ipvs'; readonly address: IpAddress; readonly protocol: Protocol; readonly port: Port }
  /** A packet of a connection that IPVS took at any virtual server. */
  | { readonly kind: 'ipvsAny' }
  /** Counts packets that reach it in an accounting object of this name, and matches all: kube-proxies since 1.31 have two. */
  | { readonly kind: 'nfacct'; readonly name: string }
  | { readonly kind: 'comment'; readonly text: string };

export type Target =
  | { readonly kind: 'jump'; readonly chain: ChainName }
  | { readonly kind: 'dnat'; readonly address: IpAddress; readonly port: Port }
  /** `--set-xmark value/mask`: clears the bits of mask, then flips those of value. */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'masquerade'; readonly randomFully: boolean }
  | { readonly kind: 'reject' }
  | { readonly kind: 'accept' | 'drop' | 'return' };

/** Without a target a rule only counts packets. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target?: Target;
}

/**
 * One of slicewright's chains. `lines` are its rules in iptables-save form (`-A NAME …`); equal lines are
 * an equal chain. Made by `makeChain` (chain.ts) from rules or from a save.
 */
export interface Chain {
  readonly table: Table;
  readonly name: ChainName;
  /** {@link chainKey} of it, made on first use and kept: each program asks for those of 60,000 chains. */
  readonly key: string;
  readonly lines: readonly string[];
  /**
   * The lines as values, in the same order; parsed on first use, and kept from then on.
   * A line outside slicewright's vocabulary (another program wrote into the chain) is `undefined`.
   */
  readonly rules: readonly (Rule | undefined)[];
}

/** One of slicewright's rules in a chain of the kernel: it jumps to one of slicewright's chains. */
export interface Hook {
  readonly table: Table;
  readonly chain: KernelChain;
  /** undefined: found in a kernel, and outside slicewright's vocabulary. */
  readonly rule: Rule | undefined;
  readonly line: string;
  /** It is no hook, but another program's rule in front of one: only in rulesets that are followed, never in a plan. */
  readonly ofOthers?: true;
}

/**
 * Everything of slicewright's in one family's tables. Desired and observed are the same type on purpose: the kernel
 * is read into the values that slicewright writes, so plan(x, x) is empty and one tracer explains both.
 */
export interface Ruleset {
  readonly family: Family;
  /** By {@link chainKey}. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Per kernel chain from its first rule on. */
  readonly hooks: readonly Hook[];
}

/** `nat KUBE-SERVICES`: tables have their own name spaces. */
export function chainKey(table: Table, name: string): string {
  return `${table} ${name}`;
}

export function parseChainName(value: unknown): ChainName | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_][A-Za-z0-9_-]{0,27}$/.test(value)
    ? (value as ChainName)
    : undefined;
}

export function parseSetName(value: unknown): SetName | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_][A-Za-z0-9_-]{0,30}$/.test(value) ? (value as SetName) : undefined;
}
