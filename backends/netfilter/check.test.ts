import { describe, expect, it } from 'vitest';
import { chainFromLines, chainName, makeChain, makeHook } from './chain.ts';
import { checkRuleset } from './check.ts';
import { type Chain, chainKey, type Hook, type Rule, type Ruleset, type Table, type Target } from './rule.ts';

const a = chainName('KUBE-A');
const b = chainName('KUBE-B');
const to = (name: string): Rule => ({ matches: [], target: { kind: 'jump', chain: chainName(name) } });
const masquerade: Rule = { matches: [], target: { kind: 'masquerade', randomFully: true } };
const chain = (table: Table, name: typeof a, ...rules: Rule[]) => makeChain('IPv4', table, name, rules);
const hook = (table: Table, kernel: Hook['chain'], name: string) => makeHook('IPv4', table, kernel, to(name));

function ruleset(chains: readonly Chain[], hooks: readonly Hook[]): Ruleset {
  return { family: 'IPv4', chains: new Map(chains.map((one) => [chainKey(one.table, one.name), one])), hooks };
}

function problems(chains: readonly Chain[], hooks: readonly Hook[], standing: readonly string[] = []): string[] {
  return checkRuleset(ruleset(chains, hooks), new Set(standing));
}

describe('a program may be loaded', () => {
  it('when every jump lands, every chain is reached and every target is where it may be', () => {
    const rules: Rule[] = [to('KUBE-B'), { matches: [] }];
    expect(problems([chain('filter', a, ...rules), chain('filter', b)], [hook('filter', 'INPUT', 'KUBE-A')])).toEqual(
      [],
    );
  });

  it('with chains that stand by themselves', () => {
    expect(problems([chain('mangle', a)], [], ['mangle KUBE-A'])).toEqual([]);
    const chains = [chain('nat', a, to('KUBE-B')), chain('nat', b)];
    expect(problems(chains, [], ['nat KUBE-A'])).toEqual([]);
    expect(problems(chains, [], ['nat KUBE-B'])).toEqual(['nat KUBE-A is reached by no rule']);
  });
});

describe('a program is refused', () => {
  it('when a jump leads nowhere, or only another table has the chain', () => {
    expect(problems([chain('nat', a, to('KUBE-B'))], [hook('nat', 'OUTPUT', 'KUBE-A')])).toEqual([
      'nat KUBE-A jumps to KUBE-B, which is not there',
    ]);
    expect(problems([chain('nat', a)], [hook('filter', 'INPUT', 'KUBE-A')])).toEqual([
      'filter INPUT jumps to KUBE-A, which is not there',
      'nat KUBE-A is reached by no rule',
    ]);
  });

  it('when jumps go in a circle', () => {
    const chains = [chain('nat', a, to('KUBE-B')), chain('nat', b, to('KUBE-A'))];
    expect(problems(chains, [hook('nat', 'OUTPUT', 'KUBE-A')])).toEqual([
      'nat KUBE-A → nat KUBE-B → nat KUBE-A is a cycle',
    ]);
    const [self] = [chain('nat', a, to('KUBE-A'))];
    expect(problems([self], [hook('nat', 'OUTPUT', 'KUBE-A')])).toEqual(['nat KUBE-A → nat KUBE-A is a cycle']);
  });

  it('when nothing leads to a chain', () => {
    expect(problems([chain('nat', a)], [])).toEqual(['nat KUBE-A is reached by no rule']);
  });

  it.each<[Table, Hook['chain'], Target, string]>([
    ['nat', 'OUTPUT', { kind: 'drop' }, 'nat KUBE-A drops in table nat'],
    ['nat', 'OUTPUT', { kind: 'reject' }, 'nat KUBE-A has a reject target outside table filter'],
    ['filter', 'OUTPUT', { kind: 'masquerade', randomFully: true }, 'nat'],
    ['nat', 'PREROUTING', { kind: 'masquerade', randomFully: true }, 'is reached from PREROUTING'],
  ])('when a chain of %s reached from %s has the target %j', (table, kernel, target, words) => {
    const found = problems([chain(table, a, { matches: [], target })], [hook(table, kernel, 'KUBE-A')]);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(words);
  });

  it('when a chain of the kernel is not in that table', () => {
    expect(problems([chain('nat', a)], [hook('nat', 'FORWARD', 'KUBE-A')], ['nat KUBE-A'])).toContain(
      'table nat has no chain FORWARD',
    );
  });

  it('by its lines alone: a rule that becomes a value stays in memory', () => {
    const unread = [chain('nat', a, to('KUBE-B')), chain('nat', b, to('KUBE-C'))].map((one) =>
      Object.defineProperty(one, 'rules', { get: () => expect.unreachable() }),
    );
    expect(problems(unread, [hook('nat', 'OUTPUT', 'KUBE-A')])).toEqual([
      'nat KUBE-B jumps to KUBE-C, which is not there',
    ]);
  });

  it('when it is kept under the name of another one', () => {
    const chains = new Map([['nat KUBE-B', chain('nat', a)]]);
    expect(checkRuleset({ family: 'IPv4', chains, hooks: [hook('nat', 'OUTPUT', 'KUBE-B')] }, new Set())).toEqual([
      'nat KUBE-A is kept as nat KUBE-B',
    ]);
  });

  it('for each chain of the kernel from which packets get to a target that is illegal there', () => {
    const rules = [to('KUBE-B'), to('KUBE-B')];
    const chains = [
      chain('nat', a, ...rules),
      chain('nat', b, { matches: [], target: { kind: 'accept' } }, masquerade),
    ];
    const hooks = (['OUTPUT', 'POSTROUTING', 'PREROUTING'] as const).map((kernel) => hook('nat', kernel, 'KUBE-A'));
    expect(problems(chains, hooks, ['nat KUBE-B'])).toEqual([
      'nat KUBE-B has a masquerade target and is reached from PREROUTING, OUTPUT',
    ]);
    expect(problems(chains, hooks.slice(1, 2))).toEqual([]);
  });

  it('when a rule is not understood', () => {
    const odd = chainFromLines('IPv4', 'nat', a, ['-A KUBE-A -j LOG']);
    expect(problems([odd], [hook('nat', 'OUTPUT', 'KUBE-A')])).toEqual(['not understood: -A KUBE-A -j LOG']);
  });
});
