import { describe, expect, it } from 'vitest';
import { createChangeReader, type Told } from '../../compiler/change.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { dispatched, node, service } from '../../test/helpers/kubernetes.ts';
import { told } from '../../test/helpers/told.ts';
import { createDeletionGuard } from '../../compiler/deletion-guard.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { createTestClock } from '../loop/clock.fixture.ts';
import { createClusterLeases } from '../clusters/leases.ts';
import { applyChanges, createLatencyMeter } from '../loop/latency.ts';
import { createProxyHealth } from '../serving/health.ts';
import { watchNode } from '../serving/health-listener.ts';
import { type Arrival, createSourceBoard } from './board.ts';
import type { Source } from './source.ts';

const source = (cluster?: string): Source => ({
  cluster: cluster as ClusterName | undefined,
  from: cluster ?? 'own',
  run: () => Promise.resolve(),
});
const own = source();
const east = source('east');
const [change] = told(service('web')) as [Told];
const read = createChangeReader({ settings: defaultSettings });

/** A board on a clock that a test moves. */
function board(remoteWaitMs = 30_000) {
  const clock = createTestClock();
  const made = createSourceBoard([own, east], read, clock, remoteWaitMs);
  return { clock, board: made, own: made.sinkOf(own), east: made.sinkOf(east) };
}

describe('a board is ready', () => {
  it('when every kind of every source was read or is known to be absent', () => {
    const { board: made, own: mine, east: theirs } = board();
    expect(made.isReady()).toBe(false);
    mine.state('Service', { kind: 'starting' });
    mine.state('ServiceImport', { kind: 'starting' });
    mine.state('Service', { kind: 'live' });
    theirs.state('Service', { kind: 'live' });
    expect(made.isReady()).toBe(false);
    mine.state('ServiceImport', { kind: 'absent' });
    expect(made.isReady()).toBe(true);
  });

  it('without other clusters after a while, and never without the own one', async () => {
    const { board: made, clock, own: mine } = board(30_000);
    await clock.advance(1_000_000);
    expect(made.isReady()).toBe(false);
    mine.state('Service', { kind: 'live' });
    expect(made.isReady()).toBe(true);
  });

  it('and stays so when a source cannot be read any more, or a kind is new', () => {
    const { board: made, own: mine, east: theirs } = board();
    for (const sink of [mine, theirs]) sink.state('Service', { kind: 'live' });
    expect(made.isReady()).toBe(true);
    mine.state('Service', { kind: 'failing', problem: 'away' });
    mine.state('ServiceExport', { kind: 'starting' });
    expect(made.isReady()).toBe(true);
    expect(made.status()[0]).toMatchObject({ failing: [{ kind: 'Service', problem: 'away' }] });
  });
});

it('kinds that nothing waits for hold nothing up, and their failures are told apart', () => {
  const modest = { ...own, forgoes: new Set(['Lease']) };
  const made = createSourceBoard([modest], read, createTestClock(), 0);
  const sink = made.sinkOf(modest);
  sink.state('Lease', { kind: 'starting' });
  expect(made.isReady()).toBe(false);
  sink.state('Service', { kind: 'starting' });
  sink.state('Lease', { kind: 'failing', problem: '403' });
  expect(made.isReady()).toBe(false);
  sink.state('Service', { kind: 'live' });
  expect(made.isReady()).toBe(true);
  expect(made.status()).toMatchObject([{ synced: true, failing: [], forgone: [{ kind: 'Lease', problem: '403' }] }]);
});

it('a kind is known as far as it was heard, without the time in which it could not be read', async () => {
  const { board: made, clock, own: sink } = board();
  expect(made.hearing(own, 'Lease')).toEqual({ knownMs: 0, silentMs: undefined });
  const hearAt = async (ms: number): Promise<void> => {
    await clock.advance(ms - clock.nowMs());
    sink.heard('Lease');
  };
  await hearAt(1_000);
  await hearAt(4_000);
  sink.state('Lease', { kind: 'live' });
  await clock.advance(5_000);
  expect(made.hearing(own, 'Lease')).toEqual({ knownMs: 3_000, silentMs: 5_000 });
  await hearAt(10_000);
  sink.state('Lease', { kind: 'failing', problem: 'away' });
  await hearAt(70_000);
  sink.state('Lease', { kind: 'live' });
  await hearAt(71_000);
  expect(made.hearing(own, 'Lease')).toEqual({ knownMs: 10_000, silentMs: 0 });
  expect(made.status()[0]?.silentMs).toBe(0);
});

it('parses what it is told of as it enters: nobody reads the JSON again', () => {
  const { board: made, own: mine } = board();
  const raws = [node('n1'), service('web'), dispatched('web', 'member1', ['10.1.0.1'])].map((raw) =>
    Proxy.revocable<object>(raw, {}),
  );
  mine.change(raws.flatMap(({ proxy }) => told(proxy)));
  // From here on a look at it throws.
  for (const { revoke } of raws) revoke();
  const context = { settings: defaultSettings, nodeName: 'n1', localAddresses: undefined };
  const compiler = createCompiler(context);
  const arrivals = createClusterLeases(undefined, undefined).take(made.takeChanges());
  watchNode(arrivals, 'n1', createProxyHealth({ nowMs: () => 0 }, 0));
  const { applied } = applyChanges(compiler, createDeletionGuard<Arrival>(compiler.names).admit(arrivals, 0));
  createLatencyMeter({ nowMs: () => 0, wallMs: () => 0 }).arrived(applied, new Set());
  expect(applied.map(({ subject }) => [...subject.services])).toEqual([[], ['default/web'], ['default/web']]);
  expect(compiler.compilation().endpoints).toMatchObject([{ address: '10.1.0.1', cluster: 'member1' }]);
});

describe('waiting', () => {
  /** Whether the promise is settled, without time passing. */
  function wait(made: ReturnType<typeof board>, ms: number, signal = new AbortController().signal) {
    const state = { isOver: false };
    void made.board.wait(ms, signal).then(() => (state.isOver = true));
    return async (): Promise<boolean> => {
      await made.clock.settle();
      return state.isOver;
    };
  }

  it('ends with a change, and gives each change once, with the time it came', async () => {
    const made = board();
    const isOver = wait(made, 60_000);
    await made.clock.advance(5);
    expect(await isOver()).toBe(false);
    made.own.change([change, change]);
    expect(await isOver()).toBe(true);
    const arrival = { ...read(change, undefined), atMs: 5 };
    expect(made.board.takeChanges()).toEqual([arrival, arrival]);
    expect(made.board.takeChanges()).toEqual([]);
    expect(made.clock.timers()).toEqual([]);
  });

  it('ends when its time is over, which may be never', async () => {
    const made = board();
    const isOver = wait(made, 60_000);
    await made.clock.advance(59_999);
    expect(await isOver()).toBe(false);
    await made.clock.advance(1);
    expect(await isOver()).toBe(true);
    const isEverOver = wait(made, Number.POSITIVE_INFINITY);
    await made.clock.advance(1e12);
    expect(await isEverOver()).toBe(false);
  });

  it('does not sleep through what came while nobody waited', async () => {
    const made = board();
    made.own.state('Service', { kind: 'live' });
    expect(await wait(made, 60_000)()).toBe(true);
    made.own.change([change]);
    expect(await wait(made, 60_000)()).toBe(true);
    expect(await wait(made, 60_000)()).toBe(false);
  });

  it('is not ended by news that is none', async () => {
    const made = board();
    made.own.state('Service', { kind: 'live' });
    expect(await wait(made, 60_000)()).toBe(true);
    made.own.state('Service', { kind: 'live' });
    made.own.change([]);
    const isOver = wait(made, 30);
    made.own.state('Service', { kind: 'live' });
    made.own.heard('Service');
    expect(await isOver()).toBe(false);
    await made.clock.advance(30);
    expect(await isOver()).toBe(true);
  });

  it('ends when told to stop', async () => {
    const made = board();
    const stop = new AbortController();
    const isOver = wait(made, 60_000, stop.signal);
    expect(await isOver()).toBe(false);
    stop.abort();
    expect(await isOver()).toBe(true);
    expect(made.clock.timers()).toEqual([]);
  });
});
