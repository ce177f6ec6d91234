import type { TableState } from '../diff/diff.ts';
import { jumpTarget } from '../text/lines.ts';
import type { OwnChains } from '../own-chains.ts';
import { chainKey, type Ruleset } from '../rule.ts';

/** Slicewright's chains that this chain jumps to, in order. */
export function jumpsFrom(lines: readonly string[], chains: Pick<ReadonlyMap<string, unknown>, 'has'>): string[] {
  const targets: string[] = [];
  for (const line of lines) {
    const target = jumpTarget(line);
    if (target !== undefined && chains.has(target)) targets.push(target);
  }
  return targets;
}

/** The parts of a table that it takes to follow its jumps. */
export interface Reachable {
  readonly chains: Pick<TableState['chains'], 'has' | 'get'>;
  readonly hooks: TableState['hooks'];
}

/**
 * Table nat without the chains that one Service alone uses. They decide about no frontend, lead to
 * no chain that does, and are nearly all there are.
 */
export function sharedNat({ chains, hooks }: Ruleset, isServiceChain: OwnChains['isServiceChain']): Reachable {
  return {
    chains: {
      has: (name) => !isServiceChain(name) && chains.has(chainKey('nat', name)),
      get: (name) => chains.get(chainKey('nat', name))?.lines,
    },
    hooks: hooks.filter((hook) => hook.table === 'nat'),
  };
}

/**
 * Chains that a packet can get to.
 *
 * references   slicewright's chains that other programs' rules jump to
 */
export function reachableChains(state: Reachable, references: readonly string[] = []): Set<string> {
  const reached = new Set<string>();
  const pending = [
    ...references,
    ...jumpsFrom(
      state.hooks.map((hook) => hook.line),
      state.chains,
    ),
  ];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const lines = state.chains.get(name);
    if (lines === undefined || reached.has(name)) continue;
    reached.add(name);
    pending.push(...jumpsFrom(lines, state.chains));
  }
  return reached;
}

/**
 * The chains in an order in which every one comes after those that it jumps to.
 *
 * A chain comes right after the chains that it alone needs, so the chains of one Service stay together.
 * A circle, which only another writer can make, is cut where it is met again.
 */
export function leavesFirst<T extends { readonly name: string }>(
  chains: readonly T[],
  linesOf: (chain: T) => readonly string[],
): T[] {
  const pending = new Map<string, T>();
  for (const chain of chains) pending.set(chain.name, chain);
  const ordered: T[] = [];
  const visit = (chain: T): void => {
    if (!pending.delete(chain.name)) return;
    for (const line of linesOf(chain)) {
      const next = pending.get(jumpTarget(line) ?? '');
      if (next !== undefined) visit(next);
    }
    ordered.push(chain);
  };
  for (const chain of chains) visit(chain);
  return ordered;
}
