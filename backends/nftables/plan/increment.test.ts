import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { makeNode } from '../../../test/helpers/ir.ts';
import { assemble } from '../../assemble.ts';
import { rememberUnits } from '../../units.ts';
import { createFakeNft } from '../fake/fake-nft.ts';
import { nftables } from '../maker.ts';
import { printProgram } from '../program/print.ts';
import { printTransaction } from './command.ts';
import { compareUnits, createIncrement, sumOfRules } from './increment.ts';
import { planDifference, planTransaction } from './plan.ts';

it('a program that changes in place is the one that is linked anew, in memory and in the kernel', () => {
  let quick = 0;
  fc.assert(
    fc.property(fc.array(arbitraryServices(), { minLength: 2, maxLength: 6 }), (states) => {
      const node = makeNode();
      const maker = rememberUnits(nftables);
      const [first, ...rest] = states.map((services) =>
        assemble(
          maker,
          services.map((ir) => ({ ...ir, hash: JSON.stringify(ir) as typeof ir.hash })),
          node,
        ),
      );
      if (first === undefined) return;
      const fake = createFakeNft();
      const start = planTransaction(undefined, first.program);
      if (start !== undefined) fake.write(printTransaction(start));
      const increment = createIncrement(first.program, first.units, node);
      for (const { program, units } of increment === undefined ? [] : rest) {
        const change = increment?.change(compareUnits(increment.units, units));
        if (increment === undefined || change === undefined) return;
        quick++;
        expect(change.isEmpty).toBe(planTransaction(increment.program, program) === undefined);
        if (!change.isEmpty) fake.write(printTransaction(planDifference(increment.program, change.difference)));
        change.commit();
        expect(printProgram(increment.program)).toBe(printProgram(program));
        expect(increment.ruleCount()).toBe(sumOfRules(program.chains.values()));
        expect(fake.ruleset()).toBe(printProgram(program));
      }
    }),
    { numRuns: 60 },
  );
  // Most changes are counted.
  expect(quick).toBeGreaterThan(60);
});
