import type { TableState } from './diff.ts';
import { jumpTarget } from './lines.ts';

/** Chains of ours that this chain jumps to, in order. */
export function jumpsFrom(lines: readonly string[], chains: Pick<ReadonlyMap<string, unknown>, 'has'>): string[] {
  return lines.flatMap((line) => {
    const target = jumpTarget(line);
    return target !== undefined && chains.has(target) ? [target] : [];
  });
}

/**
 * Chains that a packet can get to.
 *
 * references   chains of ours that rules of others jump to
 */
export function reachableChains(
  state: { readonly chains: Pick<TableState['chains'], 'has' | 'get'>; readonly hooks: TableState['hooks'] },
  references: readonly string[] = [],
): Set<string> {
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
 * The chains in an order in which every one stands after those that it jumps to.
 *
 * A chain stands right after what it alone needs, so the chains of one Service stay together.
 * A circle, which only another writer can make, is cut where it is met again.
 */
export function leavesFirst<T extends { readonly name: string }>(
  chains: readonly T[],
  linesOf: (chain: T) => readonly string[],
): T[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const met = new Set<string>();
  const ordered: T[] = [];
  const visit = (chain: T): void => {
    if (met.has(chain.name)) return;
    met.add(chain.name);
    for (const target of jumpsFrom(linesOf(chain), byName)) visit(byName.get(target) as T);
    ordered.push(chain);
  };
  for (const chain of chains) visit(chain);
  return ordered;
}
