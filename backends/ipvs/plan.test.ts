import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isLoopback } from '../../compiler/semantics/place.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { verify } from '../../compiler/semantics/verify.ts';
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
      { numRuns: 60 },
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
      { numRuns: 30 },
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
      { numRuns: 40 },
    );
  });

  it('is safe wherever it stops', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryServices(), arbitraryServices(), arbitraryNode(), async (old, young, node) => {
        const [before, after] = [
          { services: old, node },
          { services: young, node },
        ];
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        const states = [await observeProgram(kernel.run, 'IPv4')];
        for (let round = 0; round < 2; round++) {
          for (const step of planProgram(await observeProgram(kernel.run, 'IPv4'), programOf(after))) {
            await performStep(step, kernel.run);
            states.push(await observeProgram(kernel.run, 'IPv4'));
          }
        }
        const packets = probes([...old, ...young], node);
        const bound = new Set(states.flatMap(({ addresses }) => addresses));
        for (const packet of packets.filter((one) => isSent(one, node, bound))) {
          const verdicts = states.map((state) => plain(traceProgram(state, packet, node).verdict, packet));
          const third = verdicts.find((verdict) => !isSafe(verdicts, verdict, respectsOf(old, young, packet)));
          expect(third && [packet, verdicts[0], third, verdicts.at(-1)]).toBeUndefined();
        }
      }),
      { numRuns: 30 },
    );
  });
});

/**
 * A process sends with an address that the node has at the time, and with a loopback address to no
 * other; from outside nothing comes with an address that the node has or is about to have. Whom
 * persistence remembers is left out: it may be forgotten at any time.
 */
function isSent(
  { from, source, destination, remembered }: Packet,
  node: NodeContext,
  bound: ReadonlySet<string>,
): boolean {
  if (remembered !== undefined || bound.has(source)) return false;
  if (isLoopback(source)) return isLoopback(destination);
  return from.kind !== 'node' || node.addresses.includes(source);
}

/** Masqueraded or not, what goes where it was sent to is nobody's: a Service's address that is not bound leads nowhere. */
function plain(verdict: Verdict, { destination, destinationPort }: Packet): Verdict {
  const isAsSent =
    verdict.kind === 'forward' &&
    verdict.to.every(({ address, port }) => address === destination && port === destinationPort);
  return isAsSent ? { kind: 'untouched' } : verdict;
}

/**
 * A verdict half-way is the old one or the new one, in each respect: it goes to endpoints that the
 * Service had or gets, masqueraded as before or after (where the policy about that changes, only an
 * endpoint on this node goes without);
 * it is let through only if it is before or after; it is refused only if it is before or after, or
 * while what goes altogether drains.
 */
function isSafe(
  verdicts: readonly Verdict[],
  verdict: Verdict,
  { endpoints, local, changesPolicy }: Respects,
): boolean {
  const ends = [verdicts[0], verdicts.at(-1)].filter((end) => end !== undefined);
  if (ends.some((end) => disagreement(end, verdict) === undefined)) return true;
  if (verdict.kind === 'reject' || verdict.kind === 'drop') {
    return ends.some(({ kind }) => kind === 'reject' || kind === 'drop') || ends.at(-1)?.kind !== 'forward';
  }
  const isServed = ends.some(({ kind }) => kind === 'forward');
  if (verdict.kind !== 'forward' || !isServed) return false;
  const ways = ends.flatMap((end) => (end.kind === 'forward' ? end.to : []));
  return verdict.to.every(
    (share) =>
      endpoints.has(endpointText(share)) &&
      (ways.some(({ masquerade }) => masquerade === share.masquerade) ||
        (changesPolicy && (share.masquerade || local.has(endpointText(share))))),
  );
}

interface Respects {
  /** That the Services asked for have at either time. */
  readonly endpoints: ReadonlySet<string>;
  /** Those on this node, which alone can answer a client whose address they see. */
  readonly local: ReadonlySet<string>;
  readonly changesPolicy: boolean;
}

function respectsOf(old: readonly ServicePortIR[], young: readonly ServicePortIR[], packet: Packet): Respects {
  const asks = (ir: ServicePortIR) => ir.frontends.some(({ port }) => port === packet.destinationPort);
  const [before, after] = [old.filter(asks), young.filter(asks)];
  const all = [...before, ...after].flatMap(({ pools }) => pools.cluster);
  return {
    endpoints: new Set(all.map(endpointText)),
    local: new Set(all.filter((endpoint) => endpoint.local).map(endpointText)),
    changesPolicy: before.some((ir) => after.some((next) => next.keepClientAddress !== ir.keepClientAddress)),
  };
}
