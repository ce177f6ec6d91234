import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Compat } from '../compiler/settings.ts';
import { arbitraryExport, arbitraryObjects } from './helpers/arbitrary-cluster.ts';
import { compileObjects } from './helpers/compile.ts';

const compat = fc.constantFrom<Compat>('none', 'kube-proxy');

/** Some order of the same objects. */
function shuffled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
}

describe('the order of objects changes nothing', () => {
  it('within a cluster', () => {
    const orders = arbitraryObjects.chain((objects) => fc.tuple(fc.constant(objects), shuffled(objects), compat));
    fc.assert(
      fc.property(orders, ([objects, others, mode]) => {
        const settings = { compat: mode };
        expect(compileObjects(others, { settings })).toEqual(compileObjects(objects, { settings }));
      }),
      { numRuns: 300 },
    );
  });

  it('among clusters', () => {
    fc.assert(
      fc.property(arbitraryObjects, arbitraryObjects, arbitraryObjects, (own, east, west) => {
        const exports = ['a', 'b'].map(arbitraryExport);
        const [e, w] = [
          [...east, ...exports],
          [...west, ...exports],
        ];
        const reversed = compileObjects([...own].reverse(), {
          clusters: { west: [...w].reverse(), east: [...e].reverse() },
        });
        expect(reversed).toEqual(compileObjects(own, { clusters: { east: e, west: w } }));
      }),
      { numRuns: 100 },
    );
  });

  it('nor does it matter whether they come in lists', () => {
    fc.assert(
      fc.property(arbitraryObjects, (objects) => {
        expect(compileObjects([{ apiVersion: 'v1', kind: 'List', items: objects }])).toEqual(compileObjects(objects));
      }),
      { numRuns: 100 },
    );
  });
});
