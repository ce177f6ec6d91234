import { getHeapStatistics, queryObjects } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { createServiceTable } from '../agent/loop/service-table.ts';
import { processMemory } from '../agent/node/memory.ts';
import { countEndpoints, countSlices } from '../agent/telling/endpoint-counts.ts';
import type { Run } from '../backends/command.ts';
import { createFakeIpvsKernel } from '../backends/ipvs/fake/kernel.ts';
import { createFakeKernel } from '../backends/netfilter/fake/kernel.ts';
import { createFakeNft } from '../backends/nftables/fake/fake-nft.ts';
import { createCompiler } from '../compiler/incremental.ts';
import { defaultSettings } from '../compiler/settings.ts';
import { node, service, slice } from './helpers/kubernetes.ts';
import { planeOf } from './helpers/scope.ts';
import { changesOf } from './helpers/told.ts';

/*
 * An agent runs for months. What each change left behind would add up, however little it is. So what is in use after a
 * collection is compared, which does not depend on when V8 collects.
 */

const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined };
const services = 20;
const round = 200;

/** A kernel, and how it forgets what it was asked: a test may look at that. */
interface Forgetful {
  readonly run: Run;
  forget(): void;
}

function forgetful(run: Run, log: readonly unknown[]): Forgetful {
  return { run, forget: () => void (log as unknown[]).splice(0) };
}

const kernels: Readonly<Record<string, () => Forgetful>> = {
  iptables() {
    const { run, commands } = createFakeKernel();
    return forgetful(run, commands);
  },
  ipvs() {
    const { run, scripts } = createFakeIpvsKernel();
    return forgetful(run, scripts);
  },
  nftables() {
    const { run, calls } = createFakeNft();
    return forgetful(run, calls);
  },
};

/** Performs the change of a number: endpoints come, go and are replaced, and some addresses are never seen again. */
async function startOf(mode: string): Promise<(change: number) => Promise<void>> {
  const kernel = kernels[mode]?.();
  if (kernel === undefined) return expect.unreachable(`${mode} has no kernel here`);
  const compiler = createCompiler(context);
  const table = createServiceTable();
  const plane = planeOf(mode, { run: kernel.run });
  const take = (...objects: readonly unknown[]) =>
    table.apply(
      compiler.apply(
        changesOf(
          objects.map((object) => ({ object, gone: false })),
          context,
        ),
      ),
    );
  const sliceOf = (i: number, ...more: readonly string[]) => slice(`s${i}`, `s${i}-x`, ['10.2.0.1', ...more]);
  const http = { ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }] };
  take(
    node('n1', { addresses: ['192.168.0.1'] }),
    ...Array.from({ length: services }, (_, i) => service(`s${i}`, { clusterIP: `10.96.0.${i + 1}`, ...http })),
    ...Array.from({ length: services }, (_, i) => sliceOf(i)),
  );
  const contexts = compiler.node().IPv4;
  await plane.sync({ services: table.of('IPv4').services, node: contexts }, 'full');

  return async (change) => {
    const before = table.of('IPv4').services;
    take(sliceOf(change % services, `10.3.${change >> 8}.${change & 255}`));
    const { services: wanted, since } = table.of('IPv4');
    kernel.forget();
    const done = await plane.sync(
      { services: wanted, node: contexts, since: { services: before, changes: since.changes } },
      'delta',
    );
    expect(done).toMatchObject({ depth: 'delta', deltaRefused: false });
    if (change % 100 === 0) {
      compiler.diagnostics();
      countEndpoints(compiler.services().values());
      countSlices(compiler.services().values());
    }
  };
}

/** What is in use. */
function heldNow() {
  processMemory().settle();
  return { objects: queryObjects(Object, { format: 'count' }), bytes: getHeapStatistics().used_heap_size };
}

/** The least that one of five rounds of changes adds for each: V8 learns of functions meanwhile, but what is kept shows in every round. */
async function growthOf(perform: (change: number) => Promise<void>) {
  const grown: { readonly objects: number; readonly bytes: number }[] = [];
  for (let i = 0; i < 2 * round; i++) await perform(i);
  for (let from = 2 * round; grown.length < 5; from += round) {
    const before = heldNow();
    for (let i = from; i < from + round; i++) await perform(i);
    const after = heldNow();
    grown.push({ objects: after.objects - before.objects, bytes: after.bytes - before.bytes });
  }
  const least = (key: 'objects' | 'bytes') => Math.min(...grown.map((one) => one[key])) / round;
  return { objects: least('objects'), bytes: least('bytes') };
}

describe.each(Object.keys(kernels))('in %s mode', (mode) => {
  it('a change leaves nothing behind', async () => {
    const { objects, bytes } = await growthOf(await startOf(mode));
    expect(objects).toBeLessThan(0.1);
    // A text that is kept with its place in a map takes more.
    expect(bytes).toBeLessThan(150);
  });
});
