import { canonicalLine } from '../text/canonical.ts';
import { isKernelChain } from '../kernel-chains.ts';
import type { Ruleset } from '../rule.ts';
import { compareText } from '../../../compiler/values/names.ts';
import type { DriftedPart } from '../../plane/plane.ts';

/**
 * What another program did to slicewright's chains since slicewright wrote them: per chain the exact rules that are gone
 * and that came, and `order` where only their order differs.
 *
 * Rules are compared in the form in which slicewright prints them, so another version of iptables is no drift.
 */
export function findDrift(believed: Ruleset, found: Ruleset): DriftedPart[] {
  const before = linesByPlace(believed);
  const after = linesByPlace(found);
  const drifted: DriftedPart[] = [];
  for (const where of [...new Set([...before.keys(), ...after.keys()])].sort(compareText)) {
    const old = before.get(where);
    const now = after.get(where);
    if (old !== undefined && now !== undefined && old.join('\n') === now.join('\n')) continue;
    const lost = without(old ?? [], now ?? []);
    const added = without(now ?? [], old ?? []);
    if (isKernelChain(where.slice(where.indexOf(' ') + 1))) drifted.push({ where: `${where} (hooks)`, lost, added });
    else if (old === undefined) drifted.push({ where: `${where} (not slicewright's)`, lost, added });
    else if (now === undefined) drifted.push({ where: `${where} (deleted)`, lost, added });
    else if (lost.length + added.length === 0) drifted.push({ where: `${where} (order)`, lost: old, added: now });
    else drifted.push({ where, lost, added });
  }
  return drifted;
}

function linesByPlace({ family, chains, hooks }: Ruleset): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const [key, { lines }] of chains) {
    places.set(
      key,
      lines.map((line) => canonicalLine(family, line)),
    );
  }
  for (const { table, chain, line } of hooks) {
    const key = `${table} ${chain}`;
    places.set(key, [...(places.get(key) ?? []), canonicalLine(family, line)]);
  }
  return places;
}

/** As often as a line is there more often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
