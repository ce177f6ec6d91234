import { afterEach, describe, expect, it } from 'vitest';
import { backendNames } from '../../backends/index.ts';
import { createFakeKernel, type FakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { kubePrefix, defaultSettings } from '../../compiler/settings.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { modeOf, planeOf } from '../../test/helpers/scope.ts';
import { bench as kernels } from '../commands/kernels.fixture.ts';
import { createFirstLook } from '../planning/first-look.ts';
import { targetsOf } from '../planning/targets.ts';
import { type Bench, type BenchOptions, startBench } from './loop.fixture.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

function start(options: BenchOptions): Bench {
  const bench = startBench({ isGuarded: true, ...options });
  benches.push(bench);
  return bench;
}

const here = node('n1', { addresses: ['192.168.0.1'] });
const all = ['web', 'api', 'mail'].map((name, i) => [
  service(name, { clusterIP: `10.96.0.${i + 1}` }),
  slice(name, `${name}-x`, [`10.1.0.${i + 1}`]),
]);
const objects = (count: number) => [here, ...all.slice(0, count).flat()];
const present = (some: readonly unknown[]) => some.map((object) => ({ object, gone: false }));

/** A kernel in which an agent left three Services. */
async function served(): Promise<FakeKernel> {
  const kernel = createFakeKernel();
  const former = start({ kernel });
  former.tell(present(objects(3)));
  former.state({ kind: 'live' });
  await former.clock.until(() => expect(former.differences(objects(3))).toEqual([]));
  await former.stop();
  return kernel;
}

function restarted(kernel: FakeKernel, count: number, options: BenchOptions = {}): Bench {
  const bench = start({ kernel, ...options });
  bench.tell(present(objects(count)));
  bench.state({ kind: 'live' });
  return bench;
}

describe('the gate before the first program', () => {
  it('is closed while most Services would go, says so once, and opens when they are there again', async () => {
    const kernel = await served();
    const before = kernel.save('IPv4');
    const bench = restarted(kernel, 1);
    await bench.clock.advance(600_000);
    expect(kernel.save('IPv4')).toBe(before);
    expect(bench.of('removal-held')).toEqual([
      {
        kind: 'removal-held',
        services: 2,
        why: '2 of the 3 Services that are served now go (67 %, more than 50 %): default/api, default/mail; the rules in force stay. The agent goes on when the folder holds them again; to remove them now: --allow-mass-removal',
      },
    ]);
    expect(bench.of('synced')).toEqual([]);
    bench.tell(present(all.flat().slice(2, 4)));
    await bench.clock.settle();
    expect(bench.of('removal-released')).toHaveLength(1);
    await bench.clock.until(() => expect(bench.differences(objects(2))).toEqual([]));
  });

  it('opens when somebody else has taken the Services away', async () => {
    const kernel = await served();
    const bench = restarted(kernel, 1);
    await bench.clock.until(() => expect(bench.of('removal-held')).toHaveLength(1));
    kernel.load('IPv4', '');
    await bench.clock.until(() => expect(bench.differences(objects(1))).toEqual([]));
    expect(bench.of('removal-released')).toHaveLength(1);
  });

  it('stays open after the first program: what goes then was seen to go', async () => {
    const bench = restarted(await served(), 3);
    await bench.clock.until(() => expect(bench.of('synced').length).toBeGreaterThan(1));
    bench.tell(
      all
        .slice(1)
        .flat()
        .map((object) => ({ object, gone: true })),
    );
    await bench.clock.until(() => expect(bench.differences(objects(1))).toEqual([]));
    expect(bench.of('removal-held')).toEqual([]);
  });

  it('is not there for an agent that follows an API server', async () => {
    const bench = restarted(await served(), 1, { isGuarded: false });
    await bench.clock.until(() => expect(bench.differences(objects(1))).toEqual([]));
  });

  it('keeps a family that can be read from waiting for one that cannot, and lets nothing through that was not seen', async () => {
    const kernel = await served();
    const before = kernel.save('IPv4');
    kernel.faults = { missing: ['iptables', 'iptables-nft-save', 'iptables-legacy-save', 'iptables-save'] };
    const bench = restarted(kernel, 1);
    await bench.clock.until(() => expect(bench.of('sync-failed').map(({ family }) => family)).toContain('IPv4'));
    await bench.clock.until(() => expect(bench.of('synced').map(({ family }) => family)).toEqual(['IPv6']));
    kernel.faults = {};
    await bench.clock.until(() => expect(bench.of('removal-held')).toHaveLength(1));
    expect(kernel.save('IPv4')).toBe(before);
  });
});

it.each(backendNames())('what %s would take away is seen, whatever mode left it', async (name) => {
  for (const former of backendNames()) {
    const { run } = kernels();
    const targets = (count: number) => targetsOf(compileObjects(objects(count)));
    await planeOf(former, { run, prefix: kubePrefix }).sync(targets(3).IPv4, 'full');
    const look = createFirstLook({
      run,
      mode: modeOf(name),
      settings: defaultSettings,
      takeOver: false,
      threshold: 50,
    });
    expect((await look(targets(1))).held, former).toMatchObject({ services: 2 });
    expect(await look(targets(2)), former).toEqual({ held: undefined, unread: new Map() });
  }
});
