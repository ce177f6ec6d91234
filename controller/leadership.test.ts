import { expect, it } from 'vitest';
import { randomNumbers, runSeed } from '../test/helpers/numbers.ts';
import { createTestClock, type TestClock } from '../agent/loop/clock.fixture.ts';
import type { Cluster } from './cluster.ts';
import { defaultElectionTimes } from './election.ts';
import { createLeadership, type Leadership } from './leadership.ts';
import { createLeaseServer, type LeaseServer } from './lease-server.fixture.ts';
import { hub, type Target } from './core/world.ts';

/** Which replica writes where, for replicas that reach different servers and whose times of day differ. */

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const targets = [hub, 'm1', 'm2'] as readonly Target[];

function createServers(): ReadonlyMap<Target, LeaseServer> {
  return new Map(targets.map((target) => [target, createLeaseServer()]));
}

interface Replica {
  readonly leadership: Leadership;
  /** Servers that the replica does not reach. */
  readonly cut: Set<Target>;
  setReady(isReady: boolean): void;
  leads(): readonly Target[];
}

function startReplica(
  identity: string,
  servers: ReadonlyMap<Target, LeaseServer>,
  clock: TestClock,
  { wallOffsetMs = 0, isReady: ready = true } = {},
): Replica {
  const stopping = new AbortController();
  const cut = new Set<Target>();
  let isReady = ready;
  const clusterAt = (target: Target): Cluster =>
    ({
      leaseApi: servers.get(target)?.api(() => !cut.has(target)),
      cache: { isSuspended: false, access: 'live' },
      ends: stopping.signal,
    }) as unknown as Cluster;
  const home = clusterAt(hub);
  const leadership = createLeadership({
    ...{ hub: home, home, namespace: 'n', identity, times: defaultElectionTimes, log: silent },
    clock: { ...clock, wallMs: () => clock.wallMs() + wallOffsetMs },
    isReady: () => isReady,
    notes: () => ({}),
    onHomeNotes: () => {},
    onNotes: () => {},
  });
  void leadership.run(stopping.signal);
  for (const target of targets) {
    if (target !== hub) void leadership.standIn(target, clusterAt(target));
  }
  return {
    leadership,
    cut,
    setReady: (now) => void (isReady = now),
    leads: () => targets.filter((target) => leadership.leads(target)),
  };
}

/** Lets time pass, and checks all the while that no two replicas write to one cluster. */
async function pass(clock: TestClock, replicas: readonly Replica[], ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    await clock.advance(500);
    for (const target of targets) {
      const leading = replicas.filter(({ leadership }) => leadership.leads(target));
      expect(leading.length, `that write to ${target}`).toBeLessThanOrEqual(1);
    }
  }
}

it('one replica writes everywhere, and the other nowhere', async () => {
  const clock = createTestClock();
  const servers = createServers();
  const one = startReplica('one', servers, clock);
  const two = startReplica('two', servers, clock, { wallOffsetMs: 3_600_000 });
  await pass(clock, [one, two], 120_000);
  expect([one.leads(), two.leads()]).toEqual([targets, []]);
});

it('with the hub away it goes on in the members forever, and the other takes them over when it is gone', async () => {
  const clock = createTestClock();
  const servers = createServers();
  const one = startReplica('one', servers, clock);
  const two = startReplica('two', servers, clock);
  await pass(clock, [one, two], 10_000);
  servers.get(hub)?.setUp(false);
  await pass(clock, [one, two], 3_600_000);
  expect([one.leads(), two.leads()]).toEqual([['m1', 'm2'], []]);
  for (const target of targets) one.cut.add(target);
  await pass(clock, [one, two], 20_000);
  expect([one.leads(), two.leads()]).toEqual([[], ['m1', 'm2']]);
  servers.get(hub)?.setUp(true);
  await pass(clock, [one, two], 20_000);
  expect(two.leads()).toEqual(targets);
});

it('who has not read enough writes nowhere but at home, and takes nothing from who has', async () => {
  const clock = createTestClock();
  const servers = createServers();
  const fresh = startReplica('fresh', servers, clock, { isReady: false });
  await pass(clock, [fresh], 10_000);
  const other = startReplica('other', servers, clock);
  await pass(clock, [fresh, other], 40_000);
  expect([fresh.leads(), other.leads()]).toEqual([[hub], ['m1', 'm2']]);
  fresh.setReady(true);
  await pass(clock, [fresh, other], 40_000);
  expect([fresh.leads(), other.leads()]).toEqual([targets, []]);
});

it('the second leaves the first the time to begin everywhere', async () => {
  const clock = createTestClock();
  const servers = createServers();
  const one = startReplica('one', servers, clock, { isReady: false });
  await clock.advance(100);
  const two = startReplica('two', servers, clock, { isReady: false });
  await pass(clock, [one, two], 10_000);
  two.setReady(true);
  await pass(clock, [one, two], 2_000);
  one.setReady(true);
  await pass(clock, [one, two], 4_000);
  expect([one.leads(), two.leads()]).toEqual([targets, []]);
});

it('who loses the hub gives all to who sees it', async () => {
  const clock = createTestClock();
  const servers = createServers();
  const one = startReplica('one', servers, clock);
  const two = startReplica('two', servers, clock);
  await pass(clock, [one, two], 10_000);
  one.cut.add(hub);
  await pass(clock, [one, two], 60_000);
  expect([one.leads(), two.leads()]).toEqual([[], targets]);
});

it('what the first does not reach the other writes, until the first reaches it', async () => {
  const clock = createTestClock();
  const servers = createServers();
  const one = startReplica('one', servers, clock);
  const two = startReplica('two', servers, clock);
  await pass(clock, [one, two], 10_000);
  one.cut.add('m2' as Target);
  await pass(clock, [one, two], 40_000);
  expect([one.leads(), two.leads()]).toEqual([[hub, 'm1'], ['m2']]);
  // A replica that gives a Lease back has stopped writing when the Lease is free.
  const wrote: boolean[] = [];
  servers.get('m2' as Target)?.watch(({ spec }) => {
    if (spec.holderIdentity === '') wrote.push(two.leadership.leads('m2' as Target));
  });
  one.cut.clear();
  await pass(clock, [one, two], 40_000);
  expect(wrote).toEqual([false]);
  expect([one.leads(), two.leads()]).toEqual([targets, []]);
  expect(JSON.stringify(servers.get('m2' as Target)?.lease())).not.toContain('wanted-by');
});

it('a wish of one that is gone costs a pause, once', async () => {
  const clock = createTestClock();
  const servers = createServers();
  servers.get(hub)?.setUp(false);
  const two = startReplica('two', servers, clock);
  await pass(clock, [two], 10_000);
  const server = servers.get('m2' as Target);
  server?.annotate('slicewright.dev/wanted-by', 'gone');
  await pass(clock, [two], 4_000);
  expect([two.leads(), server?.lease()?.spec.holderIdentity]).toEqual([['m1'], '']);
  await pass(clock, [two], 16_000);
  expect(two.leads()).toEqual(['m1', 'm2']);
  expect(server?.lease()?.metadata.annotations).toEqual({});
});

it('never do two write to one cluster, whatever each of three reaches; and when all is well one writes everywhere', async () => {
  const random = randomNumbers(runSeed());
  const clock = createTestClock();
  const servers = createServers();
  const replicas = ['one', 'two', 'three'].map((identity) =>
    startReplica(identity, servers, clock, { wallOffsetMs: (random() - 0.5) * 7_200_000 }),
  );
  for (let i = 0; i < 60; i++) {
    for (const { cut } of replicas) {
      for (const target of targets) {
        if (random() < 0.4) cut.add(target);
        else cut.delete(target);
      }
    }
    await pass(clock, replicas, 1_000 + Math.floor(random() * 40_000));
  }
  for (const { cut } of replicas) cut.clear();
  await pass(clock, replicas, 90_000);
  expect(replicas.map((replica) => replica.leads().length).sort((a, b) => a - b)).toEqual([0, 0, 3]);
});
