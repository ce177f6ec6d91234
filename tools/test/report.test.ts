import { expect, test } from 'vitest';
import { closingReport, type Outcome, slowestLines } from './report.ts';

const passed: Outcome = { name: 'a', file: 'a.test.ts', state: 'passed', place: 'this process' };
const inMachine: Outcome = { name: 'b', file: 'b.test.ts', state: 'passed', place: 'a virtual machine' };
const skipped: Outcome = { name: 'c', file: 'c.test.ts', state: 'skipped', place: 'a virtual machine', why: 'no qemu' };

const relaxed = { strict: false, seed: '42' };
const inCi = { ...relaxed, strict: true };

test('the last line counts, and places come before it', () => {
  const { lines, ok } = closingReport([passed, passed, inMachine], [], inCi);
  expect(lines).toEqual(['1 ran in a virtual machine', '2 ran in this process', '3 passed, 0 failed']);
  expect(ok).toBe(true);
});

test('what did not run is named with its reason, and fails only in CI', () => {
  const beside = closingReport([passed, skipped, skipped], [], relaxed);
  expect(beside.ok).toBe(true);
  expect(beside.lines).toContain('2 did not run: c.test.ts: no qemu');
  expect(beside.lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped');
  expect(closingReport([passed, skipped], [], inCi).ok).toBe(false);
});

test('a test that never ended and an error outside any test are failures', () => {
  expect(closingReport([passed, { ...passed, state: 'pending' }], [], relaxed)).toMatchObject({ ok: false });
  const broken = closingReport([passed], ['x.test.ts does not load'], relaxed);
  expect(broken.ok).toBe(false);
  expect(broken.lines.at(-1)).toBe('1 passed, 1 failed');
});

test('failures stand last, just before the count, each with the first line of its error', () => {
  const failed: Outcome = { ...passed, name: 'f', state: 'failed', error: 'expected 1 to be 2' };
  const { lines } = closingReport([failed, { ...inMachine, wavered: true }], ['x.test.ts does not load'], relaxed);
  expect(lines.slice(-3)).toEqual([
    'failed: a.test.ts: f: expected 1 to be 2',
    'failed outside a test: x.test.ts does not load',
    '1 passed, 2 failed',
  ]);
  const long = closingReport([{ ...failed, error: 'x'.repeat(1_000) }], [], relaxed).lines.at(-2)!;
  expect(long).toHaveLength(240);
  expect(long.endsWith(' …')).toBe(true);
});

test('the seed is told when something failed, and only then', () => {
  const told = 'the seed of this run is 42; the same chance again: SEED=42 make test FILES=path';
  expect(closingReport([{ ...passed, state: 'failed' }], [], relaxed).lines).toContain(told);
  expect(closingReport([passed], [], relaxed).lines).not.toContain(told);
});

test('what passed only when it was tried again is named', () => {
  const { lines, ok } = closingReport([passed, { ...inMachine, wavered: true }], [], inCi);
  expect(lines).toContain('passed only when tried again: b.test.ts: b');
  expect(ok).toBe(true);
});

test('a run without tests is no success', () => {
  expect(closingReport([], [], relaxed).ok).toBe(false);
});

test('the twenty slowest files are named, slowest first', () => {
  const times = Array.from({ length: 25 }, (_, i) => ({ file: `${i}.test.ts`, ms: i * 1_000 + 40 }));
  const lines = slowestLines(times);
  expect(lines).toHaveLength(20);
  expect(lines[0]).toBe('   24.0 s  24.test.ts');
  expect(lines.at(-1)).toBe('    5.0 s  5.test.ts');
});
