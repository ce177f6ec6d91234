import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createServiceTable } from '../../agent/loop/service-table.ts';
import { createFakeNft } from '../../backends/nftables/fake/fake-nft.ts';
import type { Run } from '../../backends/command.ts';
import { assemble } from '../../backends/assemble.ts';
import { forgetConnections } from '../../backends/conntrack.ts';
import { staleFlows } from '../../backends/nftables/live/flows.ts';
import { nftables } from '../../backends/nftables/maker.ts';
import { printProgram } from '../../backends/nftables/program/print.ts';
import type { NftProgram } from '../../backends/nftables/program/program.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { ServicePortId } from '../../compiler/values/names.ts';
import { arbitraryServices } from '../helpers/arbitrary-ir.ts';
import { makeNode } from '../helpers/ir.ts';
import { planeOf } from '../helpers/scope.ts';

/** A strict kernel that keeps what it was asked to forget. */
function recording() {
  const fake = createFakeNft();
  const forgotten: string[] = [];
  const run: Run = async (file, args, input = '') => {
    if (file !== 'conntrack') return fake.run(file, args, input);
    // Where connections cannot be listed, every kind is tried.
    if (args[0] === '-L') return { exitCode: 1, stdout: '', stderr: '' };
    forgotten.push(args.join(' '));
    return { exitCode: 0, stdout: '', stderr: '' };
  };
  return { fake, forgotten, run };
}

/** The same commands, from two whole programs. */
async function forgettingBetween(before: NftProgram, after: NftProgram, services: readonly ServicePortIR[]) {
  const { forgotten, run } = recording();
  await forgetConnections(run, 'IPv4', staleFlows(before, after, services));
  return forgotten.sort();
}

it('a plane that is told what changed writes and forgets what comparing whole programs would', async () => {
  let forgettings = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryServices(), { minLength: 2, maxLength: 5 }), async (states) => {
      const node = makeNode();
      const { fake, forgotten, run } = recording();
      const plane = planeOf('nftables', { run });
      const table = createServiceTable();
      let known = new Map<ServicePortId, ServicePortIR>();
      let before: NftProgram | undefined;
      for (const state of states) {
        const next = new Map(state.map((ir) => [ir.id, { ...ir, hash: JSON.stringify(ir) as typeof ir.hash }]));
        const gone = [...known.keys()].filter((id) => !next.has(id)).map((id) => [id, 'gone'] as const);
        const come = [...next].filter(([id, { hash }]) => known.get(id)?.hash !== hash);
        table.apply(new Map<ServicePortId, ServicePortIR | 'gone'>([...gone, ...come]));
        known = next;
        const { services, since } = table.of('IPv4');
        forgotten.length = 0;
        if (before === undefined) await plane.sync({ services, node }, 'full');
        else expect(await plane.sync({ services, node, since }, 'delta')).toMatchObject({ depth: 'delta' });
        const { program } = assemble(nftables, services, node);
        expect(fake.ruleset()).toBe(printProgram(program));
        if (before !== undefined) expect(forgotten.sort()).toEqual(await forgettingBetween(before, program, services));
        forgettings += forgotten.length;
        before = program;
      }
    }),
    { numRuns: 60 },
  );
  expect(forgettings).toBeGreaterThan(20);
});
