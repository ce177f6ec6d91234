import { canonicalLine } from '../text/canonical.ts';
import { isKernelChain } from '../kernel-chains.ts';
import { sameLines } from '../text/lines.ts';
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
  const [before, after] = [placesOf(believed), placesOf(found)];
  const drifted: DriftedPart[] = [];
  for (const where of differingPlaces(before, after).sort(compareText)) {
    const old = before.linesAt(where)?.map((line) => canonicalLine(believed.family, line));
    const now = after.linesAt(where)?.map((line) => canonicalLine(found.family, line));
    if (old !== undefined && now !== undefined && sameLines(old, now)) continue;
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

/** Chains, and chains of the kernel with the hooks in them, by `TABLE CHAIN`. */
interface Places {
  readonly chains: Ruleset['chains'];
  readonly hooks: ReadonlyMap<string, readonly string[]>;
  readonly linesAt: (where: string) => readonly string[] | undefined;
}

function placesOf({ chains, hooks: all }: Ruleset): Places {
  const hooks = new Map<string, string[]>();
  for (const { table, chain, line } of all) {
    const key = `${table} ${chain}`;
    hooks.set(key, [...(hooks.get(key) ?? []), line]);
  }
  return { chains, hooks, linesAt: (where) => chains.get(where)?.lines ?? hooks.get(where) };
}

/** Where the text differs. An agent looks at all rules twice a minute, and nearly always nothing differs: so no rule is parsed for it. */
function differingPlaces(before: Places, after: Places): string[] {
  const places: string[] = [];
  const compare = (where: string, old: readonly string[] | undefined, now: readonly string[] | undefined): void => {
    if (old === undefined || now === undefined || !sameLines(old, now)) places.push(where);
  };
  after.chains.forEach(({ lines }, where) => compare(where, before.chains.get(where)?.lines, lines));
  before.chains.forEach(({ lines }, where) => {
    if (!after.chains.has(where)) compare(where, lines, undefined);
  });
  for (const where of new Set([...before.hooks.keys(), ...after.hooks.keys()])) {
    compare(where, before.hooks.get(where), after.hooks.get(where));
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
