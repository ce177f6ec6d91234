import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetsOf } from '../agent/planning/targets.ts';
import type { GoldenCase, GoldenState } from '../agent/suite/case.ts';
import { expectationsOf, shownFamilies } from '../agent/suite/expectations.ts';
import { leftAfterChanges } from '../agent/suite/plans.ts';
import { compiledStates } from '../agent/suite/states.ts';
import { defineGoldenSuite } from '../agent/suite/vitest.ts';
import { backendNames, byName } from '../backends/index.ts';
import { compile } from '../compiler/index.ts';
import { formatMismatch } from '../compiler/semantics/verify.ts';
import { caseNames, readCase } from './case.ts';

// One file for all cases: loading the compiler costs more than compiling any of them.
defineGoldenSuite(new URL('.', import.meta.url));

// Properties of each of slicewright's own cases, whatever result it expects.
describe.each(caseNames)('%s', (name) => {
  const golden = readCase(name);

  it.each(backendNames())('every probe of its %s program meets its verdict', async (backend) => {
    const { verify } = await (await byName(backend)).witness();
    const mismatches = [golden, ...golden.changes].flatMap(({ input }) => {
      const compilation = compile(input);
      const targets = targetsOf(compilation);
      return shownFamilies(compilation).flatMap((family) => verify(targets[family]));
    });
    expect(mismatches.map(formatMismatch).join('\n')).toBe('');
  });

  if (golden.changes.length > 0) {
    it.each(backendNames())('leaves nothing to do after each %s plan', async (backend) => {
      expect(
        (await leftAfterChanges(backend, compiledStates(golden))).flat().filter((commands) => commands > 0),
      ).toEqual([]);
    });
  }

  it('is the same in whatever order its objects come', async () => {
    const expected = await expectationsOf(golden);
    await fc.assert(
      fc.asyncProperty(arbitraryOrder(golden), async (inAnyOrder) => {
        expect(await expectationsOf(inAnyOrder)).toEqual(expected);
      }),
      // A case with changes includes the plans of every backend, and is as small as the others.
      { numRuns: golden.changes.length > 0 ? 3 : 8 },
    );
  });
});

function arbitraryOrder(golden: GoldenCase) {
  return fc
    .tuple(reordered(golden), ...golden.changes.map(reordered))
    .map(([first, ...changes]) => ({ ...first, changes }));
}

function reordered({ input, ...rest }: GoldenState) {
  const shuffled = <T>(items: readonly T[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
  const clusters = input.clusters.map(({ cluster, objects }) =>
    shuffled(objects).map((inAnyOrder) => ({ cluster, objects: inAnyOrder })),
  );
  return fc
    .tuple(...clusters)
    .chain(shuffled)
    .map((inAnyOrder) => ({ input: { ...input, clusters: inAnyOrder }, ...rest }));
}
