import { expect, test } from 'vitest';
import { turnOf } from './order.ts';

test('what waits for the machine begins first, then what waits for namespaces, then what computes, and last who wants it alone', () => {
  const files = [
    'test/ipvs/modes.test.ts',
    'compiler/compile.test.ts',
    'test/agent/soak.test.ts',
    'test/ipvs/walks.test.ts',
    'golden/golden.test.ts',
    'tools/demo/demo.test.ts',
  ];
  expect(files.toSorted((a, b) => turnOf(a) - turnOf(b))).toEqual([
    'test/ipvs/walks.test.ts',
    'test/agent/soak.test.ts',
    'tools/demo/demo.test.ts',
    'compiler/compile.test.ts',
    'golden/golden.test.ts',
    'test/ipvs/modes.test.ts',
  ]);
});
