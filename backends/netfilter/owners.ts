import type { OwnChains } from './own-chains.ts';
import { jumpTarget } from './text/lines.ts';
import { chainKey, type Ruleset, type Table } from './rule.ts';

/**
 * Which Service port a rule or a chain is for, as `ns/name:port`: comments bear it, as kube-proxy
 * writes them. Read from the text and not from the compiler's own knowledge, so that it holds for
 * what is found in a kernel and for a plan that was saved.
 */
export interface Owners {
  /** undefined: a chain that all Service ports share, or one whose owner is unknown. */
  ofChain(table: Table, chain: string): string | undefined;
  /** `line` is a rule of one of slicewright's chains. */
  ofLine(table: Table, line: string): string | undefined;
}

const servicePort = /^[a-z0-9-]+\/[a-z0-9.-]+(?::[a-z0-9-]+)?$/;

/** `shop/cart:http` of `… --comment "shop/cart:http cluster IP" …`. */
export function servicePortInComment(line: string): string | undefined {
  const comment = /--comment "([^"]*)"/.exec(line)?.[1];
  return comment?.split(' ').find((word) => servicePort.test(word));
}

/** Looks in several programs: an owner that one does not know, the next may, as when a rule is about to go. */
export function ownersIn(rulesets: readonly Ruleset[], { isServiceChain }: OwnChains): Owners {
  // In a large cluster endpoints' rules have no comments: their chains belong to the Service port from which they are reached.
  let callers: Map<string, string[]> | undefined;
  const known = new Map<string, string | undefined>();

  const ofChain = (table: Table, chain: string): string | undefined => {
    if (!isServiceChain(chain)) return undefined;
    const key = chainKey(table, chain);
    if (!known.has(key)) {
      known.set(key, undefined);
      known.set(key, commented(key) ?? called(table, key));
    }
    return known.get(key);
  };
  const commented = (key: string): string | undefined => {
    for (const ruleset of rulesets) {
      for (const line of ruleset.chains.get(key)?.lines ?? []) {
        const owner = servicePortInComment(line);
        if (owner !== undefined) return owner;
      }
    }
    return undefined;
  };
  const called = (table: Table, key: string): string | undefined => {
    callers ??= callingLines(rulesets);
    for (const line of callers.get(key) ?? []) {
      const owner = servicePortInComment(line) ?? ofChain(table, chainOf(line));
      if (owner !== undefined) return owner;
    }
    return undefined;
  };
  return {
    ofChain,
    ofLine(table, line) {
      const target = jumpTarget(line);
      return (
        servicePortInComment(line) ??
        ofChain(table, chainOf(line)) ??
        (target === undefined ? undefined : ofChain(table, target))
      );
    },
  };
}

/** `KUBE-A` of `-A KUBE-A …`; of `-I`, `-D` and `-X` lines too. */
export function chainOf(line: string): string {
  return line.split(' ', 2)[1] ?? '';
}

/** Lines that jump to a chain, by its key. */
function callingLines(rulesets: readonly Ruleset[]): Map<string, string[]> {
  const callers = new Map<string, string[]>();
  for (const ruleset of rulesets) {
    for (const { table, lines } of ruleset.chains.values()) {
      for (const line of lines) {
        const target = jumpTarget(line);
        if (target === undefined) continue;
        const key = chainKey(table, target);
        const known = callers.get(key);
        if (known === undefined) callers.set(key, [line]);
        else known.push(line);
      }
    }
  }
  return callers;
}
