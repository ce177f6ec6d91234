import type { Family } from '../../../compiler/values/address.ts';
import type { Protocol } from '../../../compiler/values/port.ts';
import { type Name, nameOf } from './names.ts';
import { parseRule } from './parse-rule.ts';
import { printRule } from './print-rule.ts';
import type { EndpointAddress, Rule, Verdict } from './rule.ts';

/** A part of a key. `slot`: a number that `numgen` draws. */
export type KeyPart = 'address' | 'protocol' | 'port' | 'slot';
export type DataType = 'none' | 'verdict' | 'endpoint';

export interface Element {
  /** `10.0.0.1 . tcp . 80`, as nft prints it. */
  readonly key: string;
  readonly data: Verdict | EndpointAddress | undefined;
  readonly comment?: string;
  /** The whole element as nft prints it: equal texts are equal elements. */
  readonly text: string;
}

/** A set, or with data a map. */
export interface NftSet {
  readonly name: Name;
  readonly key: readonly KeyPart[];
  readonly data: DataType;
  /** The protocol of the ports in key and data, in a set with slots: nft knows their type by an example, `tcp dport`. */
  readonly protocol?: Protocol;
  /** Filled by rules: its elements are clients, no part of a program, and never listed here. */
  readonly dynamic?: { readonly size: number; readonly timeoutSeconds: number };
  /** Each element counts the packets that find it. How many is nothing of the set, and not kept. */
  readonly counted?: true;
  readonly comment?: string;
  /** By key. */
  readonly elements: ReadonlyMap<string, Element>;
}

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** Where the kernel enters a chain by itself. */
export interface Hook {
  readonly type: 'filter' | 'nat';
  readonly at: HookName;
  readonly priority: number;
}

/** `lines` are its rules as nft prints them; equal lines are an equal chain. */
export interface Chain {
  readonly name: Name;
  readonly hook: Hook | undefined;
  readonly comment?: string;
  /** A chain of another table, in front of this one's: only in programs that are followed, never in a plan. */
  readonly ofOthers?: true;
  readonly lines: readonly string[];
  /** The lines as values; `undefined` is not in the vocabulary. */
  readonly rules: readonly (Rule | undefined)[];
}

/**
 * One family's table. Wanted and found are the same type: the kernel is read into the values that are written, so
 * plan(x, x) is empty and one tracer explains both.
 */
export interface NftProgram {
  readonly family: Family;
  readonly table: Name;
  readonly comment?: string;
  /** Sets and maps. */
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly chains: ReadonlyMap<string, Chain>;
  /** By name: sets and maps that were found and could not be read, or not all of their elements, with what could not. */
  readonly unread?: ReadonlyMap<string, readonly string[]>;
  /** Everything that was found in the table and is outside the vocabulary, but for rules: a program that was made has none. */
  readonly strange?: readonly string[];
}

/** A chain that is wanted. Its lines are printed here, once. */
export function makeChain(family: Family, name: Name, rules: readonly Rule[], hook?: Hook): Chain {
  return { name, hook, rules, lines: rules.map((rule) => printRule(family, rule)) };
}

/**
 * A chain as found. Rules that are understood are printed again, since versions of nft differ in how they print them: then
 * equal chains have equal lines, whichever version listed them.
 *
 * known   a chain that most likely is the same, with its lines as they are printed: what they say is not parsed again
 */
export function chainFromLines(
  family: Family,
  found: Pick<Chain, 'name' | 'hook' | 'comment'>,
  lines: readonly string[],
  known?: Chain,
): Chain {
  const rules = lines.map((line, i) => (known?.lines[i] === line ? known.rules[i] : parseRule(family, line)));
  return {
    ...found,
    rules,
    lines: lines.map((line, i) => {
      const rule = rules[i];
      return rule === undefined || known?.lines[i] === line ? line : printRule(family, rule);
    }),
  };
}

export function emptySet(name: string, key: readonly KeyPart[], data: DataType = 'none'): NftSet {
  return { name: nameOf(name), key, data, elements: new Map() };
}
