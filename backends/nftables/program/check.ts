import { elementForm, parseElement } from './element.ts';
import { parseName } from './names.ts';
import type { Chain, DataType, Hook, KeyPart, NftProgram } from './program.ts';
import type { Field, Statement, Verdict } from './rule.ts';
import { standingOrder } from './standing.ts';

/**
 * What is wrong with a program as a whole, one sentence each; empty when it may be loaded.
 *
 * The kernel refuses most of this as well, in the middle of a transaction and without saying for which Service.
 */
export function checkProgram(program: NftProgram): string[] {
  const problems: string[] = [];
  for (const [key, { name }] of program.chains) {
    if (key !== name || parseName(name) === undefined) problems.push(`${key} is no name of a chain`);
  }
  for (const [key, set] of program.sets) {
    if (key !== set.name || parseName(key) === undefined) problems.push(`${key} is not a set name`);
    const form = elementForm(program.family, set);
    for (const { text } of set.elements.values()) {
      // The form is quick to test and rejects some correct elements, IPv6 addresses among them.
      const isRight = form.test(text) || parseElement(program.family, set, text)?.text === text;
      if (!isRight) problems.push(`${key} cannot hold ${text}`);
    }
  }
  const targets = createTargets(program);
  const hooks = hooksOf(program, targets);
  for (const chain of program.chains.values()) {
    const reached = hooks.get(chain.name);
    // A chain that every program has is there even if no element leads to it.
    if (reached === undefined && !standingOrder.has(chain.name)) problems.push(`${chain.name} is reached by nothing`);
    chain.rules.forEach((rule, i) => {
      if (rule === undefined) problems.push(`not understood: ${chain.lines[i]}`);
      for (const statement of rule?.statements ?? []) {
        const problem = statementProblem(program, statement, [...(reached ?? [])]);
        if (problem !== undefined) problems.push(`${chain.name}: ${chain.lines[i]}: ${problem}`);
      }
    });
  }
  const cycle = findCycle(program, targets);
  if (cycle !== undefined) problems.push(`${cycle.join(' → ')} is a cycle`);
  return problems;
}

function statementProblem(program: NftProgram, statement: Statement, hooks: readonly Hook[]): string | undefined {
  switch (statement.kind) {
    case 'inSet':
      return setProblem(program, statement.set, keyOf(statement.fields), 'none');
    case 'dportInSet':
      return setProblem(program, statement.set, ['port'], 'none');
    case 'update':
      return setProblem(program, statement.set, ['address'], 'none');
    case 'verdictMap':
      return setProblem(program, statement.map, keyOf(statement.fields), 'verdict');
    case 'dnatMap':
      return (
        setProblem(program, statement.map, [...keyOf(statement.fields), 'slot'], 'endpoint') ??
        placeProblem(hooks, 'nat', ['prerouting', 'output'])
      );
    case 'dnat':
    case 'dnatSlots':
      return placeProblem(hooks, 'nat', ['prerouting', 'output']);
    case 'masquerade':
      return placeProblem(hooks, 'nat', ['postrouting']);
    case 'reject':
      return placeProblem(hooks, 'filter', ['input', 'forward', 'output']);
    default:
      return undefined;
  }
}

export function keyOf(fields: readonly Field[]): KeyPart[] {
  return fields.map((field) => (field === 'l4proto' ? 'protocol' : field === 'dport' ? 'port' : 'address'));
}

function setProblem(program: NftProgram, name: string, key: readonly KeyPart[], data: DataType): string | undefined {
  const set = program.sets.get(name);
  if (set === undefined) return `${name} is not there`;
  return set.key.join() === key.join() && set.data === data ? undefined : `${name} has another type`;
}

function placeProblem(hooks: readonly Hook[], type: Hook['type'], at: readonly Hook['at'][]): string | undefined {
  const wrong = hooks.filter((hook) => hook.type !== type || !at.includes(hook.at));
  return wrong.length === 0 ? undefined : `reached from ${wrong.map((hook) => `${hook.type} ${hook.at}`).join(', ')}`;
}

/** Chains that rules and maps lead to: a map's elements are gone through once, since many rules look into it. */
interface Targets {
  ofChain(chain: Chain): readonly string[];
  ofMap(map: string): readonly string[];
}

function createTargets(program: NftProgram): Targets {
  const known = new Map<string, readonly string[]>();
  const ofMap = (map: string): readonly string[] => {
    const targets = known.get(map) ?? mapTargets(program, map);
    known.set(map, targets);
    return targets;
  };
  const ofStatement = (statement: Statement): readonly string[] =>
    statement.kind === 'verdictMap' ? ofMap(statement.map) : statementTargets(program, statement);
  return { ofChain: ({ rules }) => rules.flatMap((rule) => rule?.statements ?? []).flatMap(ofStatement), ofMap };
}

/** Chains that a rule leads to: by itself, or by the elements of a map. */
export function statementTargets(program: NftProgram, statement: Statement): readonly string[] {
  switch (statement.kind) {
    case 'verdict':
      return chainsOf([statement.verdict]);
    case 'verdictSlots':
      return chainsOf(statement.slots.map(({ outcome }) => outcome));
    case 'verdictMap':
      return mapTargets(program, statement.map);
    default:
      return [];
  }
}

function mapTargets(program: NftProgram, map: string): readonly string[] {
  const targets = new Set<string>();
  const set = program.sets.get(map);
  if (set?.data !== 'verdict') return [];
  for (const { data } of set.elements.values()) if (data !== undefined && 'chain' in data) targets.add(data.chain);
  return [...targets];
}

function chainsOf(verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap((verdict) => ('chain' in verdict ? [verdict.chain as string] : []));
}

/**
 * For every chain that is there and that something leads to: the hooks it is reached from. None for what only elements of
 * a map lead to that no rule looks into: where no address answers on node ports, that is the map of node ports.
 */
function hooksOf(program: NftProgram, targets: Targets): ReadonlyMap<string, ReadonlySet<Hook>> {
  const reached = new Map<string, Set<Hook>>();
  for (const base of program.chains.values()) {
    if (base.hook === undefined) continue;
    const pending: string[] = [base.name];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const hooks = reached.get(name) ?? new Set<Hook>();
      const chain = program.chains.get(name);
      if (hooks.has(base.hook) || chain === undefined) continue;
      reached.set(name, hooks.add(base.hook));
      pending.push(...targets.ofChain(chain));
    }
  }
  const pending = [...program.sets.keys()].flatMap(targets.ofMap);
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const chain = program.chains.get(name);
    if (reached.has(name) || chain === undefined) continue;
    reached.set(name, new Set());
    pending.push(...targets.ofChain(chain));
  }
  return reached;
}

/** A circle of jumps, or a jump to nowhere, as its chains; undefined if there is none. */
function findCycle(program: NftProgram, targets: Targets): string[] | undefined {
  const finished = new Set<string>();
  const walk = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (finished.has(name)) return undefined;
    const chain = program.chains.get(name);
    if (chain === undefined) return [...path, `${name} (not there)`];
    for (const next of targets.ofChain(chain)) {
      const cycle = walk(next, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(name);
    return undefined;
  };
  for (const name of program.chains.keys()) {
    const cycle = walk(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
