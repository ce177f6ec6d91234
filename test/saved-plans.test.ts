import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PlanStart } from '../backends/backend.ts';
import type { Run } from '../backends/command.ts';
import { loadMode, type Mode } from '../backends/index.ts';
import { createFakeIpvsKernel } from '../backends/ipvs/fake/kernel.ts';
import { createFakeNft } from '../backends/nftables/fake/fake-nft.ts';
import type { Target } from '../backends/target.ts';
import { unfitForEndpoint } from '../compiler/model/special-address.ts';
import { families, type Family } from '../compiler/values/address.ts';
import { caseNames, compileCase } from './conformance/cases.ts';
import { arbitraryNode, arbitraryServices } from './helpers/arbitrary-ir.ts';
import { clusterIP, endpoint, makeIR, makeNode } from './helpers/ir.ts';
import { meetingNode, meetingServices } from './helpers/meeting-services.ts';
import { scopeFor } from './helpers/scope.ts';
import { targetsOf } from '../agent/planning/targets.ts';

const kernels: Readonly<Record<string, () => Run>> = {
  iptables: () => createFakeIpvsKernel().run,
  ipvs: () => createFakeIpvsKernel().run,
  nftables: () => createFakeNft().run,
};

const options = { before: undefined, isToBeApplied: true };

/** The compiler leaves out endpoints on loopback and the like. */
const arbitraryTarget: fc.Arbitrary<Target> = fc
  .oneof(
    fc.record({ services: arbitraryServices(), node: arbitraryNode() }),
    fc.record({ services: meetingServices, node: meetingNode }),
  )
  .filter(({ services }) =>
    services.every(({ pools }) => [...pools.cluster, ...pools.local].every((one) => !unfitForEndpoint(one.address))),
  );

describe.each(Object.keys(kernels))('a saved plan of %s', (backend) => {
  let mode: Mode;
  beforeAll(async () => {
    mode = await loadMode(backend);
  });
  const newKernel = kernels[backend] as () => Run;

  async function read(run: Run, family: Family) {
    const kernel = await mode.live.observe(run, scopeFor(family), true);
    if (kernel === undefined) throw new Error('nothing can be read');
    return kernel;
  }

  /** As a file holds it. */
  async function save(run: Run, target: Target): Promise<string> {
    return JSON.stringify((await read(run, target.node.family)).plan(target, options).saved());
  }

  async function start(run: Run, saved: string, family: Family): Promise<PlanStart> {
    const loaded = await mode.live.loadPlan(JSON.parse(saved), scopeFor(family).prefix);
    if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.problems));
    return loaded.start(run, scopeFor(family));
  }

  it('is performed from whatever there is to whatever is wanted, and leads where it says', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTarget, arbitraryTarget, async (before, after) => {
        const run = newKernel();
        for (const target of [before, { ...after, node: before.node }]) {
          const saved = await save(run, target);
          const { refusal, perform } = await start(run, saved, 'IPv4');
          expect(refusal).toBeUndefined();
          expect(await perform()).toMatchObject({ isDone: true, problems: [] });
          // What is there now is where the plan leads: another one can start from it only if both say so.
          const { result } = JSON.parse(saved);
          expect(JSON.parse(await save(run, target)).fingerprint).toBe(result);
        }
      }),
      { numRuns: 40 },
    );
  });

  it.each(caseNames)('is none that slicewright would not make: %s', async (name) => {
    for (const compat of ['none', 'kube-proxy'] as const) {
      const targets = targetsOf(compileCase(name, compat, backend));
      for (const family of families) {
        const run = newKernel();
        const { refusal } = await start(run, await save(run, targets[family]), family);
        expect(refusal).toBeUndefined();
      }
    }
  });

  const cart = (...endpoints: string[]): Target => ({
    services: [
      makeIR(
        [clusterIP('10.96.0.1', 80)],
        endpoints.map((text) => endpoint(text)),
      ),
    ],
    node: makeNode(),
  });

  it.each(['10.6.6.6:8080', '169.254.169.254:80'])('does not lead to %s where it does not say so', async (place) => {
    const run = newKernel();
    const saved = await save(run, cart('10.1.0.1:8080', '10.1.0.2:8080'));
    const [address, port] = place.split(':');
    const forged = saved
      .replaceAll('10.1.0.2:8080', place)
      .replaceAll('10.1.0.2 . 8080', `${address} . ${port}`)
      .replaceAll('"10.1.0.2"', JSON.stringify(address))
      .replaceAll('10.1.0.2/32', `${address}/32`);
    expect(forged).not.toBe(saved);
    expect((await start(run, forged, 'IPv4')).refusal).toMatchObject({ code: 'apply-tampered' });
  });
});
