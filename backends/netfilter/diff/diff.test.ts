import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainText, type ChainText, diffTable, type TableState } from './diff.ts';
import type { KernelChain } from '../rule.ts';

const line = (i: number) => `-A KUBE-SERVICES -d 10.0.0.${i}/32 -j KUBE-SVC-${i}`;
/** Different rules of one chain, a few of 250. */
const chain = fc.uniqueArray(fc.integer({ min: 1, max: 250 }), { maxLength: 120 }).map((list) => list.map(line));

/** What a chain holds after a commit says this about it. */
function afterwards(before: readonly string[], { declared, lines }: ChainText): string[] {
  const now = declared ? [] : [...before];
  for (const text of lines) {
    const [, option = '', rest = ''] = /^(-[AID]) KUBE-SERVICES (.*)$/.exec(text) ?? [];
    const rule = (words: string) => `-A KUBE-SERVICES ${words}`;
    if (option === '-A') now.push(rule(rest));
    if (option === '-D') now.splice(now.indexOf(rule(rest)), 1);
    if (option === '-I') {
      const [, place, words = ''] = /^(\d+) (.*)$/.exec(rest) ?? [];
      now.splice(Number(place) - 1, 0, rule(words));
    }
  }
  return now;
}

describe('chainText', () => {
  it('makes of any chain any other', () => {
    fc.assert(
      fc.property(chain, chain, fc.boolean(), (from, other, isSimilar) => {
        const to = isSimilar ? [...other.slice(0, 4).filter((one) => !from.includes(one)), ...from.slice(3)] : other;
        const text = chainText('IPv4', { name: 'KUBE-SERVICES', from, to });
        expect(afterwards(from, text)).toEqual(to);
      }),
      { numRuns: 300 },
    );
  });

  const long = Array.from({ length: 60 }, (_, i) => line(i + 1));

  it('says only what changes in a long chain', () => {
    const to = [...long.slice(0, 10), line(99), ...long.slice(11)];
    expect(chainText('IPv4', { name: 'KUBE-SERVICES', from: long, to })).toEqual({
      name: 'KUBE-SERVICES',
      declared: false,
      lines: ['-D KUBE-SERVICES -d 10.0.0.11/32 -j KUBE-SVC-11', '-I KUBE-SERVICES 11 -d 10.0.0.99/32 -j KUBE-SVC-99'],
    });
  });

  it.each([
    ['short chain', long.slice(0, 20), long.slice(1, 20)],
    ['chain with a rule twice, where a deletion could take the other one', [...long, line(1)], long],
    ['chain with a rule of others that may not read back', [...long, '-A KUBE-SERVICES -m limit --limit 3/sec'], long],
    ['chain most of which changes', long, long.map((_, i) => line(i + 100))],
  ])('writes a %s whole', (_, from, to) => {
    expect(chainText('IPv4', { name: 'KUBE-SERVICES', from, to }).declared).toBe(true);
  });
});

describe('hooks', () => {
  const hook = (name: string) => `-A INPUT -j KUBE-${name}`;
  const state = (names: readonly string[]): TableState => ({
    chains: new Map(),
    hooks: names.map((name) => ({ chain: 'INPUT' satisfies KernelChain, line: hook(name) })),
  });
  const names = fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { maxLength: 6 });

  it('become what they should be, from whatever someone made of them', () => {
    fc.assert(
      fc.property(names, fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D')), (found, wanted) => {
        const now = found.map(hook);
        for (const text of diffTable('IPv4', state(found), state(wanted)).hooks) {
          const rule = `-A${text.slice(2)}`;
          if (text.startsWith('-I')) now.unshift(rule);
          else now.splice(now.indexOf(rule), 1);
        }
        expect(now).toEqual(wanted.map(hook));
      }),
    );
  });

  it('that are right are left alone', () => {
    expect(diffTable('IPv4', state(['A', 'B']), state(['A', 'B'])).hooks).toEqual([]);
    expect(diffTable('IPv4', state(['B']), state(['A', 'B'])).hooks).toEqual(['-I INPUT -j KUBE-A']);
  });
});

describe('lines that another version prints otherwise', () => {
  it('are equal if they say the same', () => {
    const state = (rule: string): TableState => ({ chains: new Map([['KUBE-A', [rule]]]), hooks: [] });
    const found = state('-A KUBE-A -p tcp -s 10.0.0.1/32 -m tcp --dport 80 -j KUBE-B');
    const wanted = state('-A KUBE-A -s 10.0.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-B');
    expect(diffTable('IPv4', found, wanted).changed).toEqual([]);
    expect(diffTable('IPv4', state('-A KUBE-A -j KUBE-C'), wanted).changed.length).toBe(1);
  });
});
