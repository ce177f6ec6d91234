import { describe, expect, it } from 'vitest';
import { chainFromLines, chainName } from '../chain.ts';
import type { Hook, Ruleset } from '../rule.ts';
import { findDrift } from './drift.ts';

const jump = '-A KUBE-A -s 10.0.0.1/32 -j KUBE-B';
const mark = '-A KUBE-A -j MARK --set-xmark 0x4000/0x4000';
const hook = '-A INPUT -j KUBE-A';

function ruleset(chains: Readonly<Record<string, readonly string[]>>, hooks: readonly string[] = [hook]): Ruleset {
  const made = Object.entries(chains).map(([name, lines]) => chainFromLines('IPv4', 'filter', chainName(name), lines));
  const asHook = (line: string): Hook => ({ table: 'filter', chain: 'INPUT', rule: undefined, line });
  return { family: 'IPv4', chains: new Map(made.map((chain) => [chain.key, chain])), hooks: hooks.map(asHook) };
}

describe('drift', () => {
  const believed = ruleset({ 'KUBE-A': [jump, mark] });

  it('is nothing where all is as it was written', () => {
    expect(findDrift(believed, ruleset({ 'KUBE-A': [jump, mark] }))).toEqual([]);
  });

  it('is nothing where only another version of the tools prints a rule differently', () => {
    const other = jump.replace('-s 10.0.0.1/32', '-s 10.0.0.1');
    expect(findDrift(believed, ruleset({ 'KUBE-A': [other, mark] }))).toEqual([]);
  });

  it.each([
    ['a rule that is gone', { 'KUBE-A': [mark] }, { where: 'filter KUBE-A', lost: [jump], added: [] }],
    ['a rule that came', { 'KUBE-A': [jump, mark, mark] }, { where: 'filter KUBE-A', lost: [], added: [mark] }],
    [
      'another order',
      { 'KUBE-A': [mark, jump] },
      { where: 'filter KUBE-A (order)', lost: [jump, mark], added: [mark, jump] },
    ],
    ['a chain that is gone', {}, { where: 'filter KUBE-A (deleted)', lost: [jump, mark], added: [] }],
  ])('is %s', (_, chains, drift) => {
    expect(findDrift(believed, ruleset(chains))).toEqual([drift]);
  });

  it('is a chain that another program made, and a hook that is gone, in the order of names', () => {
    expect(findDrift(believed, ruleset({ 'KUBE-A': [jump, mark], 'KUBE-B': [] }, []))).toEqual([
      { where: 'filter INPUT (hooks)', lost: [hook], added: [] },
      { where: "filter KUBE-B (not slicewright's)", lost: [], added: [] },
    ]);
  });
});
