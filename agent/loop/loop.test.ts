import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createFakeKernel, type FakeKernel, type Faults } from '../../backends/netfilter/fake/kernel.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import {
  arbitraryExport,
  arbitraryLink,
  arbitraryService,
  arbitrarySlice,
} from '../../test/helpers/arbitrary-cluster.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { type Bench, type BenchOptions, startBench } from './loop.fixture.ts';

const benches: Bench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.stop();
});

function start(options: BenchOptions = {}): Bench {
  const bench = startBench(options);
  benches.push(bench);
  return bench;
}

const present = (...objects: readonly unknown[]) => objects.map((object) => ({ object, gone: false }));
const gone = (...objects: readonly unknown[]) => objects.map((object) => ({ object, gone: true }));
const east = parseClusterName('east') as ClusterName;

const here = node('n1', { addresses: ['192.168.0.1'] });
const web = service('web');
const webSlice = (...addresses: string[]) => slice('web', 'web-x', addresses);
const api = service('api', { clusterIP: '10.96.0.2' });
const apiSlice = (...addresses: string[]) => slice('api', 'api-x', addresses);

/** A bench whose objects are in force. */
async function running(objects: readonly unknown[], options: BenchOptions = {}): Promise<Bench> {
  const bench = start(options);
  bench.tell(present(...objects));
  bench.state({ kind: 'live' });
  await bench.clock.until(() => expect(bench.differences(objects)).toEqual([]));
  await bench.clock.until(() => expect(new Set(bench.of('synced').map(({ family }) => family)).size).toBe(2));
  return bench;
}

/** Commands that changed something, from now on. */
function writes(bench: Bench): () => string[] {
  const from = bench.kernel.commands.length;
  return () =>
    bench.kernel.commands
      .slice(from)
      .filter(({ file }) => file.includes('restore'))
      .map(({ input }) => input);
}

describe('the loop', () => {
  it('writes nothing before the local cluster was read, however much it heard', async () => {
    const kernel = createFakeKernel();
    const before = await running([here, web, webSlice('10.1.0.1'), api, apiSlice('10.1.0.2')], { kernel });
    await before.stop();
    const saved = kernel.save('IPv4');
    const after = start({ kernel });
    after.tell(present(here, web, webSlice('10.1.0.1')));
    await after.clock.advance(600_000);
    expect(kernel.save('IPv4')).toBe(saved);
    expect(after.of('waiting').at(-1)?.for).toEqual(['own']);
    after.state({ kind: 'live' });
    await after.clock.until(() => expect(after.differences([here, web, webSlice('10.1.0.1')])).toEqual([]));
  });

  it('begins to read the kernel before any object is there, and reads a right one once', async () => {
    const kernel = createFakeKernel();
    const objects = [here, web, webSlice('10.1.0.1')];
    const earlier = await running(objects, { kernel });
    await earlier.stop();
    const from = kernel.commands.length;
    const saves = () => kernel.commands.slice(from).filter(({ file }) => file === 'iptables-nft-save').length;
    const bench = start({ kernel });
    await bench.clock.until(() => expect(saves()).toBe(1));
    const written = writes(bench);
    bench.tell(present(...objects));
    bench.state({ kind: 'live' });
    await bench.clock.until(() => expect(bench.of('synced').length).toBe(2));
    expect([saves(), written()]).toEqual([1, []]);
  });

  it('surveys which Services no slice names, and an empty slice that comes later is one', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1'), api]);
    const surveyed = () => bench.of('survey').at(-1)?.withoutSlices;
    await bench.clock.until(() => expect(surveyed()).toEqual(['Service default/api']));
    bench.tell(present(apiSlice()));
    await bench.clock.until(() => expect(surveyed()).toEqual([]));
  });

  it('waits for other clusters, but not forever', async () => {
    const bench = start({ remotes: [east], remoteWaitMs: 60_000 });
    bench.tell(present(here, web, webSlice('10.1.0.1')));
    bench.state({ kind: 'live' });
    await bench.clock.advance(59_999);
    expect(bench.of('waiting').at(-1)?.for).toEqual(['east']);
    expect(bench.of('synced')).toEqual([]);
    // Giving up on a source wakes nothing, so the loop looks every second.
    await bench.clock.advance(1_000);
    expect(bench.of('synced')).toHaveLength(2);
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice('10.1.0.1')])).toEqual([]));
  });

  it('removes what an earlier agent left, where the cluster is empty', async () => {
    const kernel = createFakeKernel();
    await (await running([here, web, webSlice('10.1.0.1')], { kernel })).stop();
    expect(kernel.save('IPv4')).toContain('10.1.0.1');
    const bench = start({ kernel });
    bench.state({ kind: 'live' });
    await bench.clock.until(() => expect(kernel.save('IPv4')).not.toContain('10.1.0.1'));
  });

  it('touches the chains of the Service that changed, without reading the kernel', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1'), api, apiSlice('10.1.0.2')]);
    const from = bench.kernel.commands.length;
    bench.tell(present(webSlice('10.1.0.1', '10.1.0.3')));
    await bench.clock.until(() =>
      expect(bench.differences([here, web, webSlice('10.1.0.1', '10.1.0.3'), api, apiSlice('10.1.0.2')])).toEqual([]),
    );
    const commands = bench.kernel.commands.slice(from);
    expect(commands.map(({ file }) => file)).toEqual(['iptables-nft-restore']);
    expect(commands[0]?.input).toContain('default/web');
    expect(commands[0]?.input).not.toContain('default/api');
  });

  it('applies nothing for a change that means nothing', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1')]);
    const written = writes(bench);
    bench.tell(present({ ...web, metadata: { ...web.metadata, labels: { note: 'x' } } }));
    await bench.clock.until(() => expect(bench.of('changes').at(-1)?.ports).toBe(0));
    await bench.clock.advance(30_000);
    expect(written()).toEqual([]);
  });

  it('gathers a burst into one sync', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1')], { times: { gapMs: 300 } });
    const before = bench.of('synced').length;
    for (let i = 2; i < 50; i++) {
      bench.tell(present(webSlice(`10.1.0.${i}`)));
      await bench.clock.advance(4);
    }
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice('10.1.0.49')])).toEqual([]));
    // Without a gap there would be one sync for each change.
    expect(bench.of('synced').length - before).toBe(1);
  });

  it('says how long a change took to come into force', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1')], { times: { gapMs: 1_000 } });
    await bench.clock.advance(5_000);
    const before = bench.of('synced').length;
    bench.tell(present(webSlice('10.1.0.2')));
    await bench.clock.advance(300);
    // In the gap after that one.
    const causedMs = bench.clock.wallMs() - 50;
    const stamp = { 'endpoints.kubernetes.io/last-change-trigger-time': new Date(causedMs).toISOString() };
    bench.tell(present(slice('web', 'web-x', ['10.1.0.3'], { annotations: stamp }), here));
    await bench.clock.advance(1_000);
    const synced = bench.of('synced').slice(before);
    expect(
      synced.map(({ family, latenciesMs, networkLatenciesMs }) => ({ family, latenciesMs, networkLatenciesMs })),
    ).toEqual([
      { family: 'IPv4', latenciesMs: [0], networkLatenciesMs: [] },
      { family: 'IPv4', latenciesMs: [700], networkLatenciesMs: [750] },
    ]);
  });

  it('reads seldom where reading takes long: it is at most a twentieth of the time', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1')], { commandMs: 2_000, times: { resyncMs: 30_000 } });
    const hourMs = 3_600_000;
    const before = bench.of('synced').length;
    await bench.clock.advance(hourMs);
    const readings = bench.of('synced').slice(before);
    expect(readings.length).toBeGreaterThan(10);
    for (const family of ['IPv4', 'IPv6']) {
      const tookMs = readings.filter((one) => one.family === family).reduce((sum, one) => sum + one.durationMs, 0);
      expect(tookMs).toBeLessThanOrEqual(hourMs / 20);
    }
  });

  it('stops after the sync that is under way, and leaves the rules', async () => {
    const bench = await running([here, web, webSlice('10.1.0.1')]);
    const saved = bench.kernel.save('IPv4');
    await bench.stop();
    bench.tell(gone(web));
    await bench.clock.advance(600_000);
    expect(bench.kernel.save('IPv4')).toBe(saved);
    expect(bench.clock.timers()).toEqual([]);
  });
});

describe('someone else at our rules', () => {
  const objects = [here, web, webSlice('10.1.0.1')];

  it('is named with the exact rules, and undone', async () => {
    const bench = await running(objects, { times: { resyncMs: 30_000 } });
    const chain = /:(KUBE-SVC-\w+)/.exec(bench.kernel.save('IPv4'))?.[1] ?? '';
    bench.kernel.restore('IPv4', `*nat\n:${chain} - [0:0]\n-A ${chain} -j ACCEPT\nCOMMIT\n`);
    await bench.clock.until(() => expect(bench.of('drift')).toHaveLength(1));
    expect(bench.of('drift')[0]).toMatchObject({
      family: 'IPv4',
      isFlush: false,
      chains: [{ where: `nat ${chain}`, added: [`-A ${chain} -j ACCEPT`] }],
    });
    expect(bench.of('drift')[0]?.chains[0]?.lost.length).toBeGreaterThan(0);
    await bench.clock.until(() => expect(bench.differences(objects)).toEqual([]));
  });

  it('is noticed at the hooks long before the next reading', async () => {
    const bench = await running(objects, { times: { glanceMs: 3_000 } });
    const hook = /^-A OUTPUT .*-j KUBE-SERVICES\n/m;
    bench.kernel.load('IPv4', bench.kernel.save('IPv4').replace(hook, ''));
    // A quick look checks one of a table's three chains.
    await bench.clock.advance(3 * 3_000);
    expect(bench.of('flushed')[0]?.missing).toContain('-A OUTPUT');
    expect(bench.differences(objects)).toEqual([]);
    expect(bench.of('drift')[0]?.chains[0]?.where).toMatch(/ OUTPUT \(hooks\)$/);
    expect(bench.of('drift').map(({ isFlush }) => isFlush)).toEqual([true]);
  });

  it('is not suspected where nobody was', async () => {
    const bench = await running(objects, { times: { glanceMs: 3_000 } });
    const from = bench.kernel.commands.length;
    await bench.clock.advance(30_000);
    expect(bench.kernel.commands.length).toBeGreaterThan(from + 8);
    expect(bench.of('flushed')).toEqual([]);
    expect(new Set(bench.kernel.commands.slice(from).map(({ args }) => args.includes('-S')))).toEqual(new Set([true]));
  });

  it('that flushed everything is undone with everything', async () => {
    const bench = await running(objects, { times: { glanceMs: 5 } });
    bench.kernel.load('IPv4', '');
    await bench.clock.until(() => expect(bench.differences(objects)).toEqual([]));
    expect(bench.of('flushed').length).toBeGreaterThan(0);
  });

  it('between two changes makes a delta fail, and then a reading sets it right', async () => {
    const bench = await running(objects);
    bench.kernel.load('IPv4', '');
    bench.tell(present(webSlice('10.1.0.2')));
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice('10.1.0.2')])).toEqual([]));
  });

  it('who flushed everything just before a change does not make what it leaves look like theirs', async () => {
    const bench = await running(objects);
    bench.kernel.load('IPv4', '');
    // Table filter takes what comes of it, a chain that rejects; table nat misses what was flushed.
    bench.tell(present(webSlice()));
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice()])).toEqual([]));
  });

  it('who made chains of our names first is left alone', async () => {
    const kernel = createFakeKernel();
    kernel.load('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n');
    const bench = start({ kernel });
    bench.tell(present(...objects));
    bench.state({ kind: 'live' });
    await bench.clock.until(() => expect(bench.of('sync-failed').length).toBeGreaterThan(1));
    expect(bench.of('sync-failed')[0]?.error.message).toContain('--take-over');
    expect(kernel.save('IPv4')).not.toContain('10.1.0.1');
  });
});

describe('a kernel that refuses', () => {
  it('one Service: the others stay current, and it is tried again, later each time', async () => {
    const kernel = createFakeKernel();
    const bench = await running([here, web, webSlice('10.1.0.1'), api, apiSlice('10.1.0.2')], { kernel });
    kernel.faults = { refuses: (line) => line.includes('10.1.0.66') };
    bench.tell(present(webSlice('10.1.0.66')));
    await bench.clock.until(() => expect(bench.of('quarantined')).toHaveLength(1));
    expect(bench.of('quarantined')[0]).toMatchObject({ service: 'default/web' });
    bench.tell(present(apiSlice('10.1.0.3')));
    const asIs = [here, web, webSlice('10.1.0.1'), api, apiSlice('10.1.0.3')];
    await bench.clock.until(() => expect(bench.differences(asIs)).toEqual([]));
    const triedAtMs: number[] = [];
    for (const refusals of [2, 3, 4]) {
      await bench.clock.until(() =>
        expect(bench.of('synced').at(-1)?.sync.quarantined[0]?.refusals).toBeGreaterThanOrEqual(refusals),
      );
      triedAtMs.push(bench.clock.nowMs());
    }
    const [first = 0, second = 0, third = 0] = triedAtMs;
    expect(third - second).toBeGreaterThan(second - first);
    kernel.faults = {};
    await bench.clock.until(() =>
      expect(bench.differences([here, web, webSlice('10.1.0.66'), api, apiSlice('10.1.0.3')])).toEqual([]),
    );
    expect(bench.of('released').map((event) => event.service)).toEqual(['default/web']);
  });

  it('one Service, which then means something else: that is tried at once', async () => {
    const kernel = createFakeKernel();
    const bench = await running([here, web, webSlice('10.1.0.1')], { kernel });
    kernel.faults = { refuses: (line) => line.includes('10.1.0.66') };
    bench.tell(present(webSlice('10.1.0.66')));
    await bench.clock.until(() => expect(bench.of('quarantined')).toHaveLength(1));
    bench.tell(present(webSlice('10.1.0.5')));
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice('10.1.0.5')])).toEqual([]));
  });

  it('is told while another program holds the lock of the tables for a minute, and ends with it', async () => {
    const before = [here, web, webSlice('10.1.0.1')];
    const kernel = createFakeKernel('legacy');
    // As long as iptables itself waits for the lock.
    const bench = await running(before, {
      kernel,
      commandMs: 5_000,
      times: { retry: { firstMs: 1_000, maxMs: 10_000 } },
    });
    const saved = kernel.save('IPv4');
    kernel.faults = { lockedFor: Number.POSITIVE_INFINITY };
    const commands = kernel.commands.length;
    bench.tell(present(webSlice('10.1.0.9')));
    await bench.clock.advance(60_000);
    const failures = bench.of('sync-failed');
    expect(failures.length).toBeGreaterThan(0);
    expect(failures[0]?.error.message).toContain('another program holds the lock');
    // Each try waits its time and no longer; the previous rules stay in force.
    expect(kernel.commands.slice(commands).filter(({ file }) => file.endsWith('-restore')).length).toBeLessThanOrEqual(
      24,
    );
    expect(kernel.save('IPv4')).toBe(saved);
    kernel.faults = {};
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice('10.1.0.9')])).toEqual([]));
  });

  it('everything: what was in force stays, and it is tried again until it works', async () => {
    const kernel = createFakeKernel();
    const retry = { firstMs: 1_000, maxMs: 4_000 };
    const bench = await running([here, web, webSlice('10.1.0.1')], { kernel, times: { retry } });
    await bench.clock.advance(1_000);
    const saved = kernel.save('IPv4');
    kernel.faults = { noPrivilege: true };
    bench.tell(present(webSlice('10.1.0.2')));
    const failedAtMs: number[] = [];
    for (let ms = 0; ms < 12_000; ms += 500) {
      const before = bench.of('sync-failed').length;
      await bench.clock.advance(500);
      if (bench.of('sync-failed').length > before) failedAtMs.push(ms);
    }
    // At once; then after 1 s, 2 s, and never more than 4 s.
    expect(failedAtMs).toEqual([0, 500, 2_500, 6_500, 10_500]);
    expect(bench.of('sync-failed').map(({ retryInMs }) => retryInMs)).toEqual([1_000, 2_000, 4_000, 4_000, 4_000]);
    expect(kernel.save('IPv4')).toBe(saved);
    kernel.faults = {};
    await bench.clock.until(() => expect(bench.differences([here, web, webSlice('10.1.0.2')])).toEqual([]));
  });
});

const object = fc.oneof(
  { weight: 4, arbitrary: arbitraryService },
  { weight: 5, arbitrary: arbitrarySlice },
  { weight: 2, arbitrary: arbitraryLink },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Record<string, unknown>>(
      node('n1', { zone: 'z1', addresses: ['192.168.0.1'] }),
      node('n1', { zone: 'z2', addresses: ['10.1.0.2'] }),
      arbitraryExport('a'),
      arbitraryExport('b'),
    ),
  },
);
const batch = fc.array(fc.record({ object, remote: fc.boolean(), gone: fc.boolean() }), { minLength: 1, maxLength: 6 });
type Batch = ReadonlyArray<{
  readonly object: Record<string, unknown>;
  readonly remote: boolean;
  readonly gone: boolean;
}>;

/** A loop on two clusters, and what they hold. */
function startClusters(options: BenchOptions = {}) {
  const bench = startBench({ remotes: [east], ...options });
  bench.state({ kind: 'live' });
  bench.state({ kind: 'live' }, east);
  const held = new Map<string, { readonly remote: boolean; readonly object: Record<string, unknown> }>();
  const of = (remote: boolean) => [...held.values()].filter((one) => one.remote === remote).map((one) => one.object);
  return {
    bench,
    tell(changes: Batch): void {
      for (const { object: changed, remote, gone: isGone } of changes) {
        const { namespace, name } = changed['metadata'] as { namespace?: string; name: string };
        const key = JSON.stringify([remote, changed['kind'], namespace, name]);
        if (isGone) held.delete(key);
        else held.set(key, { remote, object: changed });
        bench.tell([{ object: changed, gone: isGone }], remote ? east : undefined);
      }
    },
    isAsFromNothing: () =>
      bench.clock.until(() => expect(bench.differences(of(false), { east: of(true) })).toEqual([])),
  };
}

it('after any changes the kernel holds what compiling the present objects from nothing gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 6 }), async (sequence) => {
      const { bench, tell, isAsFromNothing } = startClusters();
      try {
        for (const changes of sequence) {
          tell(changes);
          await isAsFromNothing();
        }
        expect(bench.of('sync-failed')).toEqual([]);
        expect(bench.of('quarantined')).toEqual([]);
      } finally {
        await bench.stop();
      }
    }),
    { numRuns: 150 },
  );
});

/** Faults of a kernel, from then on. */
const faults: fc.Arbitrary<Faults> = fc.oneof(
  fc.constant({}),
  fc.constant({ noPrivilege: true }),
  fc.nat(20).map((failAt) => ({ failAt })),
  fc.nat(20).map((killAt) => ({ killAt })),
  fc.nat(20).map((truncateSaveAt) => ({ truncateSaveAt })),
  fc.nat(3).map((i) => ({ refuses: (line: string) => line.includes(`10.1.0.${i}`) })),
);

/** Changes that another program makes to slicewright's rules. */
const foreign = fc.record({
  family: fc.constantFrom('IPv4' as const, 'IPv6' as const),
  act: fc.constantFrom('flush', 'remove a rule', 'add a rule', 'empty a chain'),
  place: fc.nat(1_000),
});

function interfere(
  kernel: FakeKernel,
  { family, act, place }: typeof foreign extends fc.Arbitrary<infer T> ? T : never,
) {
  const lines = kernel.save(family).split('\n');
  const at = <T>(values: readonly T[]): T | undefined => values[place % Math.max(1, values.length)];
  const rules = lines.filter((line) => line.startsWith('-A'));
  const chain = at(lines.flatMap((line) => /^:(KUBE-(?:SVC|SEP|EXT|SERVICES|MARK)\S*)/.exec(line)?.[1] ?? []));
  const rule = at(rules);
  if (act === 'flush') return kernel.load(family, '');
  if (act === 'remove a rule' && rule !== undefined) {
    return kernel.load(family, lines.toSpliced(lines.indexOf(rule), 1).join('\n'));
  }
  if (chain === undefined) return;
  if (act === 'empty a chain') {
    return kernel.load(family, lines.filter((line) => !line.startsWith(`-A ${chain} `)).join('\n'));
  }
  const end = lines.indexOf(
    'COMMIT',
    lines.findIndex((line) => line.startsWith(`:${chain} `)),
  );
  return kernel.load(family, lines.toSpliced(end, 0, `-A ${chain} -j ACCEPT`).join('\n'));
}

it('whatever fails and whoever interferes meanwhile, it ends there too', async () => {
  const step = fc.record({
    changes: batch,
    faults,
    foreign: fc.option(foreign, { nil: undefined }),
    waits: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (sequence) => {
      const { bench, tell, isAsFromNothing } = startClusters({ times: { resyncMs: 20, glanceMs: 5 } });
      const { kernel } = bench;
      try {
        for (const each of sequence) {
          kernel.faults = each.faults;
          tell(each.changes);
          const before = kernel.commands.length;
          // Half of the time the loop meets the one before the next comes.
          if (each.waits) await bench.clock.until(() => expect(kernel.commands.length).toBeGreaterThan(before));
          if (each.foreign !== undefined) interfere(kernel, each.foreign);
        }
        kernel.faults = {};
        await isAsFromNothing();
      } finally {
        await bench.stop();
      }
    }),
    { numRuns: 240 },
  );
});
