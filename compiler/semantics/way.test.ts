import { describe, expect, it } from 'vitest';
import { rational } from '../values/rational.ts';
import type { TraceStep } from './packet.ts';
import { formatFraction } from './verdict-text.ts';
import { type WayStep, wayOf } from './way.ts';

/** `2 A: rule [1/3]`: depth, where, rule, share. */
function step(text: string): TraceStep {
  const [, depth, where = '', rule = '', n = '1', d = '1'] =
    /^(\d) (\w+): (\w+)(?: \[(\d+)\/(\d+)\])?$/.exec(text) ?? [];
  return { where, rule, share: rational(Number(n), Number(d)), depth: Number(depth) };
}

function lines(steps: readonly WayStep[], indent = ''): string[] {
  return steps.flatMap(({ where, rule, share, isRepeated, steps: inner }) => [
    `${indent}${where}: ${rule} ${formatFraction(share)}${isRepeated ? ' again' : ''}`,
    ...lines(inner, `${indent}  `),
  ]);
}

const way = (...steps: readonly string[]) => lines(wayOf({ verdict: { kind: 'drop' }, steps: steps.map(step) }));

describe('the way of a packet', () => {
  it('has each rule once, with the parts of all branches that met it added up', () => {
    expect(
      way(
        '0 pre: services',
        '1 services: one [1/3]',
        '2 one: dnat [1/3]',
        '1 services: two [2/3]',
        '2 two: dnat [2/3]',
        '0 post: post [1/3]',
        '1 masq: return [1/3]',
        '0 post: post [2/3]',
        '1 masq: return [2/3]',
      ),
    ).toEqual([
      'pre: services 1',
      '  services: one 1/3',
      '    one: dnat 1/3',
      '  services: two 2/3',
      '    two: dnat 2/3',
      'post: post 1',
      '  masq: return 1',
    ]);
  });

  it('shows a chain once that several rules lead to, if the same becomes of the same parts', () => {
    expect(way('0 a: x', '1 mark: or', '0 a: y [1/2]', '1 mark: or [1/2]', '0 a: z', '1 mark: or [1/2]')).toEqual([
      'a: x 1',
      '  mark: or 1',
      'a: y 1/2 again',
      'a: z 1',
      '  mark: or 1/2',
    ]);
  });

  it('tells two rules with one text apart where both are met by all that comes', () => {
    expect(way('0 a: x', '0 a: x')).toEqual(['a: x 1', 'a: x 1']);
  });
});
