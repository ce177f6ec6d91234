import { expect, it } from 'vitest';
import { createTestClock } from '../agent/loop/clock.fixture.ts';
import type { ClusterApi, Written } from './cluster-api.ts';
import { createElection, defaultElectionTimes } from './election.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The one Lease of an API server: a write that names another version than there is, is refused. */
function leaseServer() {
  let version = 0;
  let lease:
    | { metadata: { resourceVersion?: string }; spec: { holderIdentity: string; renewTime: string } }
    | undefined;
  let isUp = true;
  const put = (object: object): Written => {
    if (!isUp) return { kind: 'failed', problem: 'away' };
    const next = object as NonNullable<typeof lease>;
    if (lease !== undefined && next.metadata.resourceVersion !== String(version))
      return { kind: 'conflict', problem: '409' };
    version += 1;
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: String(version) } };
    return { kind: 'done', object: lease };
  };
  const api = {
    read: () => (isUp ? Promise.resolve(lease) : Promise.reject(new Error('away'))),
    create: (_path: string, object: object) => Promise.resolve(put(object)),
    replace: (_path: string, object: object) => Promise.resolve(put(object)),
  } as unknown as ClusterApi;
  const hold = (holderIdentity: string): void =>
    void put({ metadata: {}, spec: { holderIdentity, renewTime: '2020-01-01T00:00:00.000000Z' } });
  return { api, hold, setUp: (up: boolean) => void (isUp = up) };
}

function contender(identity: string, api: ClusterApi, clock: ReturnType<typeof createTestClock>, wallOffsetMs = 0) {
  const stopping = new AbortController();
  const election = createElection({
    ...{ api, namespace: 'n', name: 'l', identity, times: defaultElectionTimes, log: silent },
    // Whose time of day is an hour off must neither lose nor steal.
    clock: { ...clock, wallMs: () => clock.wallMs() + wallOffsetMs },
    notes: () => ({}),
    onNotes: () => {},
  });
  const ended = election.run(stopping.signal);
  return {
    election,
    async stop() {
      stopping.abort();
      await clock.settle();
      await ended;
    },
  };
}

it.each([0, 3_600_000, -3_600_000])(
  'one leads and keeps leading, whatever the other’s time of day (%i ms off)',
  async (offset) => {
    const clock = createTestClock();
    const { api } = leaseServer();
    const first = contender('one', api, clock);
    await clock.advance(100);
    const second = contender('two', api, clock, offset);
    for (let i = 0; i < 60; i++) {
      await clock.advance(1_000);
      expect([first.election.isLeading(), second.election.isLeading()]).toEqual([true, false]);
    }
    await first.stop();
    await clock.advance(2_000);
    // Given back: nobody waits for it to run out.
    expect(second.election.isLeading()).toBe(true);
    await second.stop();
  },
);

it('a leader that cannot renew stops before another may begin', async () => {
  const clock = createTestClock();
  const server = leaseServer();
  const first = contender('one', server.api, clock);
  await clock.advance(100);
  expect(first.election.isLeading()).toBe(true);
  server.setUp(false);
  await clock.advance(9_000);
  expect(first.election.isLeading()).toBe(true);
  await clock.advance(2_000);
  expect(first.election.isLeading()).toBe(false);
  server.setUp(true);
  await clock.advance(2_000);
  expect(first.election.isLeading()).toBe(true);
  await first.stop();
});

it('a Lease whose holder is gone is taken once it was seen unchanged for its duration, and no sooner', async () => {
  const clock = createTestClock();
  const { api, hold } = leaseServer();
  hold('dead');
  const heir = contender('two', api, clock);
  await clock.advance(14_000);
  expect(heir.election.isLeading()).toBe(false);
  await clock.advance(4_000);
  expect(heir.election.isLeading()).toBe(true);
  await heir.stop();
});
