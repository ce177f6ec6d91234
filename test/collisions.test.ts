import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byName } from '../backends/index.ts';
import { compile } from '../compiler/index.ts';
import { formatMismatch } from '../compiler/semantics/verify.ts';
import { families } from '../compiler/values/address.ts';
import { arbitraryCollisions } from './helpers/arbitrary-collisions.ts';

/** More than a few take minutes; `COLLISIONS=1000` is for whoever changes what a program means. */
const numRuns = Number(process.env.COLLISIONS ?? 60);

describe('where addresses and ports collide, a program does what the Services say', () => {
  it.each(['iptables', 'ipvs', 'nftables'] as const)('in %s mode', async (backend) => {
    const witness = await (await byName(backend)).witness();
    fc.assert(
      fc.property(arbitraryCollisions, (input) => {
        const { services, node } = compile(input);
        for (const family of families) {
          expect(witness.verify({ services: services[family], node: node[family] }).map(formatMismatch)).toEqual([]);
        }
      }),
      { numRuns },
    );
  });
});
