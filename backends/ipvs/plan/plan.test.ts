import { kubePrefix } from '../../../compiler/settings.ts';
import { ownChains } from '../../../test/helpers/scope.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frontend, ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Packet } from '../../../compiler/semantics/packet.ts';
import { formatPacket } from '../../../compiler/semantics/packet-text.ts';
import { probes } from '../../../compiler/semantics/probes.ts';
import { verify } from '../../../compiler/semantics/verify.ts';
import { findUnsafe } from '../../../test/helpers/ipvs-safety.ts';
import { arbitraryNode, arbitraryServices } from '../../../test/helpers/arbitrary-ir.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port, service } from '../../../test/helpers/ir.ts';
import { assemble } from '../../assemble.ts';
import { ipvsExpectation } from '../program/exceptions.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../fake/kernel.ts';
import { ipvs } from '../index.ts';
import { observeProgram } from '../live/observe.ts';
import { performStep } from '../live/perform.ts';
import { planProgram } from './plan.ts';
import { document, serverLines, setLines } from '../program/print.ts';
import { emptyProgram, type IpvsProgram } from '../program/program.ts';
import { undoStep, type IpvsStep, printStep } from './steps.ts';
import { traceProgram } from '../program/trace.ts';

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
    const steps = planProgram(await observeProgram(kernel.run, program.family, ownChains), program);
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
  it('from a program to itself is empty', () => {
    fc.assert(
      fc.property(wanted, (one) => {
        expect(planProgram(programOf(one), programOf(one))).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('leads from any program to any other, and then there is nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(wanted, wanted, async (before, after) => {
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        expect((await converge(kernel, programOf(after))).length).toBeLessThanOrEqual(2);
        expect(textOf(await observeProgram(kernel.run, 'IPv4', ownChains))).toBe(textOf(programOf(after)));
      }),
      { numRuns: 30 },
    );
  });

  it('leaves nothing of a program behind when it is cleaned up', async () => {
    await fc.assert(
      fc.asyncProperty(wanted, async (before) => {
        const kernel = createFakeIpvsKernel();
        await converge(kernel, programOf(before));
        await converge(kernel, emptyProgram('IPv4', kubePrefix));
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
        const program = await observeProgram(kernel.run, 'IPv4', ownChains);
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
        const start = await observeProgram(kernel.run, 'IPv4', ownChains);
        const done = planProgram(start, programOf(after)).slice(0, stopAt);
        for (const step of done) await performStep(step, kernel.run);
        for (const step of done.toReversed()) {
          const undo = undoStep(step);
          if (undo !== undefined) await performStep(undo, kernel.run);
        }
        expect(textOf(await observeProgram(kernel.run, 'IPv4', ownChains))).toBe(textOf(start));
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
          const states = [await observeProgram(kernel.run, 'IPv4', ownChains)];
          for (let round = 0; round < 2; round++) {
            for (const step of planProgram(await observeProgram(kernel.run, 'IPv4', ownChains), programOf(after))) {
              await performStep(step, kernel.run);
              states.push(await observeProgram(kernel.run, 'IPv4', ownChains));
            }
          }
          expect(findUnsafe(states, { old, young, node })).toBeUndefined();
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('the order of a plan', () => {
  const node = makeNode();
  const named = (name: string): Partial<ServicePortIR> => ({
    service: service(`shop/${name}`),
    id: `shop/${name}:http/TCP/IPv4` as ServicePortIR['id'],
  });
  const vip = clusterIP('10.96.0.1', 80);
  const here = endpoint('10.1.0.1:80', { local: true });
  const there = endpoint('10.2.0.1:80');
  const loadBalancer: Frontend = {
    kind: 'loadBalancerIP',
    address: address('203.0.113.1'),
    port: port(80),
    sourceRanges: [],
  };

  async function steps(old: readonly ServicePortIR[], young: readonly ServicePortIR[]): Promise<readonly string[]> {
    const kernel = createFakeIpvsKernel();
    await converge(kernel, programOf({ services: old, node }));
    const plan = planProgram(await observeProgram(kernel.run, 'IPv4', ownChains), programOf({ services: young, node }));
    return plan.flatMap((step) =>
      printStep(step)
        .split('\n')
        .slice(1)
        .map((line) => `${step.phase} ${line.trim()}`),
    );
  }

  async function unsafe(old: readonly ServicePortIR[], young: readonly ServicePortIR[]): Promise<string | undefined> {
    const kernel = createFakeIpvsKernel();
    await converge(kernel, programOf({ services: old, node }));
    const states = [await observeProgram(kernel.run, 'IPv4', ownChains)];
    for (const step of planProgram(states[0] as IpvsProgram, programOf({ services: young, node }))) {
      await performStep(step, kernel.run);
      states.push(await observeProgram(kernel.run, 'IPv4', ownChains));
    }
    return findUnsafe(states, { old, young, node });
  }

  it('binds an address when all else is there', async () => {
    const lines = await steps([], [makeIR([vip], [there])]);
    expect(lines.at(-1)).toBe('switch address add 10.96.0.1/32 dev kube-ipvs0');
    expect(lines.findIndex((line) => line.includes('SLICEWRIGHT-FRONTENDS 10.96.0.1'))).toBeLessThan(
      lines.indexOf('switch -A -t 10.96.0.1:80 -s rr'),
    );
  });

  it('does not take a Service’s own port for a node port of that number that goes', async () => {
    const own = { external: { kind: 'drop', why: 'no-local-endpoints' }, keepClientAddress: true } as const;
    const before = [makeIR([clusterIP('10.96.0.5', 30005), { kind: 'nodePort', port: port(30005) }], [there], own)];
    const after = [makeIR([clusterIP('10.96.0.5', 30005)], [], { keepClientAddress: true })];
    expect(await unsafe(before, after)).toBeUndefined();
  });

  it('adds an endpoint before it quiesces another', async () => {
    const lines = await steps([makeIR([vip], [here])], [makeIR([vip], [there])]);
    expect(lines.filter((line) => /-[aed] -t/.test(line))).toEqual([
      'switch -a -t 10.96.0.1:80 -r 10.2.0.1:80 -m -w 1',
      'drain -e -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 0',
    ]);
  });

  it('touches nothing but the weight for a changed weight', async () => {
    const weighed = (weight: number) => makeIR([vip], [{ ...here, weight }, there]);
    expect(await steps([weighed(2)], [weighed(3)])).toEqual(['switch -e -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 3']);
  });

  it('opens a port of an address that is bound already after the rules that guard it', async () => {
    const other = makeIR([clusterIP('10.96.0.1', 81)], [], {
      ...named('other'),
      pools: { cluster: [there], local: [] },
      internal: { kind: 'drop', why: 'no-local-endpoints' },
    });
    const cart = makeIR([vip], [there], named('cart'));
    expect(await unsafe([cart], [cart, other])).toBeUndefined();
    const lines = await steps([cart], [cart, other]);
    const opened = lines.indexOf('switch add KUBE-CLUSTER-IP 10.96.0.1,tcp:81');
    expect(opened).toBeGreaterThan(lines.findLastIndex((line) => line.includes('--match-set SLICEWRIGHT-DROP')));
  });

  it('never lets a client in whom its address kept out and the policy will, or the other way round', async () => {
    const ranges = (...sources: string[]): Frontend => ({ ...loadBalancer, sourceRanges: sources.map(cidr) });
    const byAddress = makeIR([ranges('192.0.2.0/24')], [there]);
    const byPolicy = makeIR([ranges('192.0.2.0/24', '198.51.100.0/24')], [], {
      pools: { cluster: [there], local: [] },
      external: { kind: 'drop', why: 'no-local-endpoints' },
      keepClientAddress: true,
    });
    expect(await unsafe([byAddress], [byPolicy])).toBeUndefined();
    expect(await unsafe([byPolicy], [byAddress])).toBeUndefined();
    const entry = 'KUBE-LOAD-BALANCER-SOURCE-CIDR 203.0.113.1,tcp:80,198.51.100.0/24';
    const comes = await steps([byAddress], [byPolicy]);
    expect(comes.indexOf(`switch add ${entry}`)).toBeGreaterThan(
      comes.findLastIndex((line) => line.includes('--match-set SLICEWRIGHT-DROP-OUTSIDE')),
    );
    const goes = await steps([byPolicy], [byAddress]);
    const policyGoes = goes.indexOf('remove destroy SLICEWRIGHT-DROP-OUTSIDE');
    expect(policyGoes).toBeGreaterThan(-1);
    expect(goes.slice(0, policyGoes)).toContain(`remove del ${entry}`);
  });

  it('never lets an endpoint elsewhere see a client, whichever way a policy changes', async () => {
    const cluster = makeIR([loadBalancer], [here, there]);
    const local = {
      ...cluster,
      pools: { cluster: [here, there], local: [here] },
      external: { kind: 'forward', pool: 'local' },
      keepClientAddress: true,
    } as const;
    expect(await unsafe([cluster], [local])).toBeUndefined();
    expect(await unsafe([local], [cluster])).toBeUndefined();
    const lines = await steps([cluster], [local]);
    expect(lines.indexOf('remove add KUBE-LOAD-BALANCER-LOCAL 203.0.113.1,tcp:80')).toBeGreaterThan(
      lines.indexOf('drain -e -t 203.0.113.1:80 -r 10.2.0.1:80 -m -w 0'),
    );
  });
});

function everyReal({ servers }: FakeIpvsKernel): Map<string, number> {
  return new Map(
    [...servers].flatMap(([name, { reals }]) => [...reals.keys()].map((real) => [`${name} -r ${real}`, 1])),
  );
}
