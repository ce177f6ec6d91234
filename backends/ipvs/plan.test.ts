import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { verify } from '../../compiler/semantics/verify.ts';
import { findUnsafe } from '../../test/helpers/ipvs-safety.ts';
import { arbitraryNode, arbitraryServices } from '../../test/helpers/arbitrary-ir.ts';
import { assemble } from '../assemble.ts';
import { ipvsExpectation } from './exceptions.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from './fake-kernel.ts';
import { ipvs } from './index.ts';
import { observeProgram } from './observe.ts';
import { performStep } from './perform.ts';
import { planProgram } from './plan.ts';
import { document, serverLines, setLines } from './print.ts';
import { emptyProgram, type IpvsProgram } from './program.ts';
import type { IpvsStep } from './steps.ts';
import { traceProgram } from './trace.ts';

interface Wanted {
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
}

const wanted = fc.record({ services: arbitraryServices(), node: arbitraryNode() });

function programOf({ services, node }: Wanted): IpvsProgram {
  return assemble(ipvs, services, node).program;
}

/** Performs plans until there is nothing to do; gives the steps of each. */
async function converge(kernel: FakeIpvsKernel, program: IpvsProgram): Promise<readonly (readonly IpvsStep[])[]> {
  const plans: (readonly IpvsStep[])[] = [];
  for (let round = 0; round < 5; round++) {
    const steps = planProgram(await observeProgram(kernel.run, program.family), program);
    if (steps.length === 0) return plans;
    plans.push(steps);
    for (const step of steps) await performStep(step, kernel.run);
  }
  throw new Error(`still not there: ${JSON.stringify(plans.at(-1))}`);
}

/** What a program says, without what only a kernel knows. */
function textOf(program: IpvsProgram): string {
  return document([
    ...serverLines(program.servers.values()),
    ...setLines(program.sets.values()),
    ...program.addresses,
    ...[...program.rules.chains.values()]
      .filter(({ name }) => name !== 'SLICEWRIGHT-OWNER')
      .flatMap(({ name, lines }) => [`:${name}`, ...lines])
      .sort(),
    ...program.rules.hooks.map(({ line }) => line).sort(),
  ]);
}

describe('a plan', () => {
  it('leads from any program to any other, and then there is nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(wanted, wanted, async (before, after) => {
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        expect((await converge(kernel, programOf(after))).length).toBeLessThanOrEqual(2);
        expect(textOf(await observeProgram(kernel.run, 'IPv4'))).toBe(textOf(programOf(after)));
      }),
      { numRuns: 30 },
    );
  });

  it('leaves nothing of a program behind when it is cleaned up', async () => {
    await fc.assert(
      fc.asyncProperty(wanted, async (before) => {
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        await converge(kernel, emptyProgram('IPv4'));
        expect(kernel.servers).toEqual(new Map());
        expect(kernel.sets).toEqual(new Map());
        expect(kernel.link).toBeUndefined();
        expect(kernel.netfilter.save('IPv4')).not.toMatch(/KUBE|SLICEWRIGHT/);
      }),
      { numRuns: 30 },
    );
  });

  it('gives every packet what its Services say, once it is performed', async () => {
    await fc.assert(
      fc.asyncProperty(wanted, wanted, async (before, after) => {
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        await converge(kernel, programOf(after));
        const program = await observeProgram(kernel.run, 'IPv4');
        const trace = (packet: Packet) => traceProgram(program, packet, after.node);
        const expected = ipvsExpectation(after.services, after.node);
        const packets = probes([...before.services, ...after.services], after.node);
        expect(
          verify(after.services, after.node, trace, { expected, packets }).map(({ packet, reason }) => [
            formatPacket(packet),
            reason,
          ]),
        ).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('is undone step by step', async () => {
    await fc.assert(
      fc.asyncProperty(wanted, wanted, fc.nat(40), async (before, after, stopAt) => {
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        const start = await observeProgram(kernel.run, 'IPv4');
        const done = planProgram(start, programOf(after)).slice(0, stopAt);
        for (const step of done) await performStep(step, kernel.run);
        for (const step of done.toReversed()) {
          const undo = ipvs.undo(step);
          if (undo !== undefined) await performStep(undo, kernel.run);
        }
        expect(textOf(await observeProgram(kernel.run, 'IPv4'))).toBe(textOf(start));
      }),
      { numRuns: 20 },
    );
  });

  it('is safe wherever it stops', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryServices(),
        arbitraryServices(),
        arbitraryNode(),
        fc.boolean(),
        async (old, young, node, busy) => {
          const [before, after] = [
            { services: old, node },
            { services: young, node },
          ];
          const kernel = createFakeIpvsKernel();
          await converge(kernel, programOf(before));
          // With connections that do not end, what goes never quite goes.
          if (busy) kernel.connections = everyReal(kernel);
          const states = [await observeProgram(kernel.run, 'IPv4')];
          for (let round = 0; round < 2; round++) {
            for (const step of planProgram(await observeProgram(kernel.run, 'IPv4'), programOf(after))) {
              await performStep(step, kernel.run);
              states.push(await observeProgram(kernel.run, 'IPv4'));
            }
          }
          expect(findUnsafe(states, { old, young, node })).toBeUndefined();
        },
      ),
      { numRuns: 15 },
    );
  });
});

function everyReal({ servers }: FakeIpvsKernel): Map<string, number> {
  return new Map(
    [...servers].flatMap(([name, { reals }]) => [...reals.keys()].map((real) => [`${name} -r ${real}`, 1])),
  );
}
