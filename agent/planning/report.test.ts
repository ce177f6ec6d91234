import { describe, expect, it } from 'vitest';
import type { Danger } from '../../backends/planning/dangers.ts';
import { type FamilyReport, type ReportPaint, reportText } from './report.ts';

const asItIs = (text: string) => text;
const plain: ReportPaint = { heading: asItIs, added: asItIs, removed: asItIs, danger: asItIs };

function reportOf(dangers: readonly Danger[]): FamilyReport {
  return {
    ...{ family: 'IPv4', backend: 'toy', source: 'a dump', services: [], frontends: [], parts: [], notes: [], dangers },
    isFiltered: false,
    cost: { transactions: 1, lines: 1, parts: 1, words: { transaction: 'transaction', part: 'part' } },
  };
}

const linesOf = (dangers: readonly Danger[], verbose = false) =>
  reportText(reportOf(dangers), plain, { withRules: false, verbose })
    .split('\n')
    .filter((line) => line.startsWith('  ! '));

describe('dangers', () => {
  const many = Array.from(
    { length: 12 },
    (_, i): Danger => ({ code: 'source-address-changes', message: `s/${i}: seen` }),
  );

  it('are ten of a code, and how many more; all with --verbose', () => {
    const [last, others] = [linesOf(many).at(-1), linesOf([...many, { code: 'two-modes', message: 'two' }])];
    expect([linesOf(many).length, last]).toEqual([11, '  ! 2 more source-address-changes: plan --verbose has them']);
    expect(others.at(-1)).toBe('  ! two');
    expect(linesOf(many, true)).toHaveLength(12);
  });

  it('fold a long name, and give a terminal no orders', () => {
    const servicePort = `${'n'.repeat(63)}/${'s'.repeat(63)}`;
    const [line = ''] = linesOf([
      { code: 'last-endpoint', message: `${servicePort} loses its last endpoint`, servicePort },
    ]);
    expect(line.length).toBeLessThan(160);
    const [folded = ''] = linesOf([
      {
        code: 'last-endpoint',
        message: `${servicePort} loses its last endpoint: it had one, and all are refused`,
        servicePort,
      },
    ]);
    expect(folded).toMatch(/^ {2}! n+…s+ loses its last endpoint: it had one/);
    expect(linesOf([{ code: 'two-modes', message: 'a\u001b[31mb' }])).toEqual(['  ! a?[31mb']);
  });
});
