import type { Foreign } from '../../backends/netfilter/parse.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { compareText } from '../../compiler/values/names.ts';
import { endpointsOf, type FrontendChange } from './traffic.ts';

/** Something about a plan that someone should look at before it is applied. */
export interface Danger {
  readonly code:
    | 'last-endpoint'
    | 'many-endpoints-leave'
    | 'hook-missing'
    | 'foreign-in-front'
    | 'another-writer'
    | 'two-modes'
    | 'foreign-server'
    | 'other-set';
  readonly message: string;
}

/** Fewer than this leaving at once is everyday life, whatever part of the whole they are. */
const fewOfAll = 5;
const fewOfOne = 3;

/**
 * endpointCount   of the program before: each Service port counts its own
 */
export function findDangers(
  changes: readonly FrontendChange[],
  endpointCount: number,
  observed: Ruleset,
  desired: Ruleset,
  foreign: Foreign,
): Danger[] {
  return [
    ...lostServicePorts(changes),
    ...leavingEndpoints(changes, endpointCount),
    ...missingHooks(observed, desired),
    ...foreignInFront(foreign),
  ];
}

/** Endpoints that new connections reached before and reach after, by Service port, over all its frontends. */
function endpointsByServicePort(changes: readonly FrontendChange[]) {
  const ports = new Map<string, { readonly before: Set<string>; readonly after: Set<string>; staysServed: boolean }>();
  for (const { servicePort, before, after } of changes) {
    const port = ports.get(servicePort) ?? { before: new Set(), after: new Set(), staysServed: false };
    for (const endpoint of endpointsOf(before)) port.before.add(endpoint);
    for (const endpoint of endpointsOf(after)) port.after.add(endpoint);
    port.staysServed ||= after.kind !== 'absent';
    ports.set(servicePort, port);
  }
  return [...ports].sort(([a], [b]) => compareText(a, b));
}

/** A Service that is deleted is no surprise; one that is still there and answers nobody is. */
function* lostServicePorts(changes: readonly FrontendChange[]): Generator<Danger> {
  for (const [servicePort, { before, after, staysServed }] of endpointsByServicePort(changes)) {
    if (before.size === 0 || after.size > 0 || !staysServed) continue;
    const message = `${servicePort} loses its last endpoint: ${before.size === 1 ? 'it had one' : `it had ${before.size}`}, and its clients will be refused`;
    yield { code: 'last-endpoint', message };
  }
}

function* leavingEndpoints(changes: readonly FrontendChange[], endpointCount: number): Generator<Danger> {
  let leaving = 0;
  for (const [servicePort, { before, after }] of endpointsByServicePort(changes)) {
    const gone = [...before].filter((endpoint) => !after.has(endpoint)).length;
    leaving += gone;
    if (gone >= fewOfOne && gone * 2 > before.size && after.size > 0) {
      const message = `${servicePort} loses ${gone} of its ${before.size} endpoints at once`;
      yield { code: 'many-endpoints-leave', message };
    }
  }
  if (leaving >= fewOfAll && leaving * 3 > endpointCount) {
    yield {
      code: 'many-endpoints-leave',
      message: `${leaving} of the node's ${endpointCount} endpoints leave at once`,
    };
  }
}

/** With chains but without a hook, packets pass our rules by: someone has flushed the kernel's chain. */
function* missingHooks(observed: Ruleset, desired: Ruleset): Generator<Danger> {
  if (observed.chains.size === 0) return;
  const found = new Set(observed.hooks.map(({ table, line }) => `${table} ${line}`));
  for (const { table, chain, line } of desired.hooks) {
    if (found.has(`${table} ${line}`)) continue;
    yield {
      code: 'hook-missing',
      message: `the hook in ${table} ${chain} is missing now, so packets pass these rules by: ${line}`,
    };
  }
}

function* foreignInFront({ inFront }: Foreign): Generator<Danger> {
  const byChain = Map.groupBy(inFront, ({ table, chain }) => `${table} ${chain}`);
  for (const [key, found] of [...byChain].sort(([a], [b]) => compareText(a, b))) {
    const lines = found.map(({ line }) => line);
    const rules = lines.length === 1 ? 'a rule of others stands' : `${lines.length} rules of others stand`;
    yield {
      code: 'foreign-in-front',
      message: `${rules} before our hooks in ${key} and may decide first: ${lines[0]}`,
    };
  }
}
