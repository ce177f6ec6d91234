import { describe, expect, it } from 'vitest';
import { createChangeReader, type Told } from '../../compiler/change.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { dispatched, node, service } from '../../test/helpers/kubernetes.ts';
import { told } from '../../test/helpers/told.ts';
import { createDeletionGuard } from '../../compiler/deletion-guard.ts';
import { createCompiler } from '../../compiler/incremental.ts';
import { createClusterLeases } from '../cluster-leases.ts';
import { applyChanges, createLatencyMeter } from '../latency.ts';
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
  const clock = { ms: 0 };
  const made = createSourceBoard([own, east], read, () => clock.ms, remoteWaitMs);
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

  it('without other clusters after a while, and never without the own one', () => {
    const { board: made, clock, own: mine } = board(30_000);
    clock.ms = 1_000_000;
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
  const made = createSourceBoard([modest], read, () => 0, 0);
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

it('a kind is known as far as it was heard, without the time in which it could not be read', () => {
  const { board: made, clock, own: sink } = board();
  expect(made.hearing(own, 'Lease')).toEqual({ knownMs: 0, silentMs: undefined });
  const hearAt = (ms: number): void => {
    clock.ms = ms;
    sink.heard('Lease');
  };
  hearAt(1_000);
  hearAt(4_000);
  sink.state('Lease', { kind: 'live' });
  clock.ms = 9_000;
  expect(made.hearing(own, 'Lease')).toEqual({ knownMs: 3_000, silentMs: 5_000 });
  hearAt(10_000);
  sink.state('Lease', { kind: 'failing', problem: 'away' });
  hearAt(70_000);
  sink.state('Lease', { kind: 'live' });
  hearAt(71_000);
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
  const never = new AbortController().signal;

  it('ends with a change, and gives each change once, with the time it came', async () => {
    const { board: made, clock, own: mine } = board();
    const waited = made.wait(60_000, never);
    clock.ms = 5;
    mine.change([change, change]);
    await waited;
    const arrival = { ...read(change, undefined), atMs: 5 };
    expect(made.takeChanges()).toEqual([arrival, arrival]);
    expect(made.takeChanges()).toEqual([]);
  });

  it('does not sleep through what came while nobody waited', async () => {
    const { board: made, own: mine } = board();
    mine.state('Service', { kind: 'live' });
    await made.wait(60_000, never);
    mine.change([change]);
    const startMs = performance.now();
    await made.wait(60_000, never);
    expect(performance.now() - startMs).toBeLessThan(30_000);
  });

  it('is not ended by news that is none', async () => {
    const { board: made, own: mine } = board();
    mine.state('Service', { kind: 'live' });
    await made.wait(60_000, never);
    mine.state('Service', { kind: 'live' });
    mine.change([]);
    const startMs = performance.now();
    await made.wait(30, never);
    expect(performance.now() - startMs).toBeGreaterThan(25);
  });

  it('ends when told to stop', async () => {
    const stop = new AbortController();
    const waited = board().board.wait(60_000, stop.signal);
    stop.abort();
    await expect(waited).resolves.toBeUndefined();
  });
});
