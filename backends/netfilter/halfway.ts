import type { TableState } from './diff.ts';
import { commonLines, mergeLines } from './lines.ts';
import type { OwnChains } from './own-chains.ts';
import { parseRule } from './parse-rule.ts';
import { reachableChains } from './reach.ts';
import { chainKey, type Rule, type Ruleset } from './rule.ts';

/**
 * What table filter holds while table nat changes.
 *
 * Each table commits by itself, so between the old nat and the new one there is an instant in which
 * a packet meets the nat of one program and the filter of the other. Filter refuses what nat has
 * left alone, so which of its rules may be there already, or still, depends on what nat does to
 * their frontend before and after:
 *
 *   a refusal is added early   if the old nat translates its frontend: it bites when that ends
 *                     late     if not: the new nat may translate it, and must do so first
 *   a refusal goes    late     if the new nat translates its frontend: it bites until that begins
 *                     early    if not: what the old nat still translates does not meet it
 *
 * Everything that names no frontend (accept what is marked, drop what is invalid) comes early and
 * goes late. Lines keep the order of both programs, so the first that takes a packet is the first
 * in the old program or the first in the new one: a packet gets its old verdict or its new one.
 *
 * What this cannot do: where one Service's endpoint has the very address and port that another
 * Service refuses, and both change at once, that address is judged by either's old or new rules.
 */
export function halfwayFilter(
  observed: Ruleset,
  desired: Ruleset,
  states: { readonly from: TableState; readonly to: TableState },
  own: OwnChains,
): TableState {
  const { from, to } = states;
  const reached = reachableChains(from);
  const captured = {
    before: lazily(() => capturedFrontends(observed, own)),
    after: lazily(() => capturedFrontends(desired, own)),
  };
  const stay = (line: string): boolean => {
    const frontend = frontendOfLine(observed, line);
    return frontend === undefined || captured.after().has(frontend);
  };
  const isEarly = (line: string): boolean => {
    const frontend = frontendOfLine(observed, line);
    return frontend === undefined || captured.before().has(frontend);
  };
  const chains = new Map<string, readonly string[]>();
  for (const name of new Set([...from.chains.keys(), ...to.chains.keys()])) {
    const before = from.chains.get(name) ?? [];
    const after = to.chains.get(name) ?? [];
    // What no packet gets to is not in force: only the new lines count.
    const inForce = reached.has(name) ? before : [];
    const common = commonLines(inForce, after);
    const keptBefore = new Set(common.map(([i]) => i));
    const keptAfter = new Set(common.map(([, j]) => j));
    const old = inForce.filter((line, i) => keptBefore.has(i) || stay(line));
    const young = after.filter((line, j) => keptAfter.has(j) || isEarly(line));
    chains.set(name, before === after ? before : mergeLines(old, young));
  }
  const lineSet = new Set([...from.hooks, ...to.hooks].map((hook) => hook.chain));
  const hooks = [...lineSet].flatMap((chain) => {
    const lines = (state: TableState) => state.hooks.filter((hook) => hook.chain === chain).map((hook) => hook.line);
    return mergeLines(lines(from), lines(to)).map((line) => ({ chain, line }));
  });
  return { chains, hooks };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Frontends that nat translates: destination, protocol and port of every jump in a shared chain that packets get to. */
function capturedFrontends(ruleset: Ruleset, { isServiceChain }: OwnChains): Set<string> {
  const chains = new Map(
    [...ruleset.chains.values()].filter(({ table }) => table === 'nat').map((chain) => [chain.name, chain.lines]),
  );
  const hooks = ruleset.hooks.filter(({ table }) => table === 'nat');
  const frontends = new Set<string>();
  for (const name of reachableChains({ chains: chains as ReadonlyMap<string, readonly string[]>, hooks })) {
    if (isServiceChain(name)) continue;
    for (const rule of ruleset.chains.get(chainKey('nat', name))?.rules ?? []) {
      const frontend = rule?.target?.kind === 'jump' ? frontendOf(rule) : undefined;
      if (frontend !== undefined) frontends.add(frontend);
    }
  }
  return frontends;
}

function frontendOfLine({ family }: Ruleset, line: string): string | undefined {
  const rule = parseRule(family, line)?.rule;
  return rule === undefined ? undefined : frontendOf(rule);
}

/** `10.0.0.1/32 TCP 80`; `* TCP 30080` for a node port. undefined for a rule that is for no one frontend. */
function frontendOf({ matches }: Rule): string | undefined {
  let destination = '*';
  let port: string | undefined;
  for (const match of matches) {
    if (match.kind === 'destination' && match.not !== true) destination = match.cidr;
    else if (match.kind === 'transport' && match.dport !== undefined) port = `${match.protocol} ${match.dport}`;
  }
  return port === undefined ? undefined : `${destination} ${port}`;
}
