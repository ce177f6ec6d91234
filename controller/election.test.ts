import { expect, it } from 'vitest';
import { createTestClock } from '../agent/loop/clock.fixture.ts';
import type { ClusterApi } from './cluster-api.ts';
import { createElection, defaultElectionTimes } from './election.ts';
import { createLeaseServer } from './lease-server.fixture.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function contender(identity: string, api: ClusterApi, clock: ReturnType<typeof createTestClock>, wallOffsetMs = 0) {
  const stopping = new AbortController();
  const election = createElection({
    ...{ api, namespace: 'n', name: 'l', identity, times: defaultElectionTimes, log: silent },
    // A replica whose time of day is an hour off must neither lose nor steal the Lease.
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
    const api = createLeaseServer().api();
    const first = contender('one', api, clock);
    await clock.advance(100);
    const second = contender('two', api, clock, offset);
    for (let i = 0; i < 60; i++) {
      await clock.advance(1_000);
      expect([first.election.isLeading(), second.election.isLeading()]).toEqual([true, false]);
    }
    await first.stop();
    await clock.advance(2_000);
    // The Lease was given back, so the other does not wait until it runs out.
    expect(second.election.isLeading()).toBe(true);
    await second.stop();
  },
);

it('a leader that cannot renew stops before another may begin', async () => {
  const clock = createTestClock();
  const server = createLeaseServer();
  const first = contender('one', server.api(), clock);
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
  const server = createLeaseServer();
  server.hold('dead');
  const heir = contender('two', server.api(), clock);
  await clock.advance(14_000);
  expect(heir.election.isLeading()).toBe(false);
  await clock.advance(4_000);
  expect(heir.election.isLeading()).toBe(true);
  await heir.stop();
});
