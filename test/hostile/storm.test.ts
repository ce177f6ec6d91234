import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createFleet } from '../agent/fleet.ts';
import { startApiDouble } from '../apiserver/double.ts';
import { percentile, randomNumbers } from '../helpers/numbers.ts';
import { probeSupport } from '../netns/probe.ts';
import type { LoadFailure } from '../netns/station-protocol.ts';
import { bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { createHostileCluster, openServices } from './hostile-cluster.ts';
import { createRelay } from './relay.ts';
import { flushers, isInForce } from './tables.ts';

/** `make storm` sets it; this is what fits into every run of the tests. */
const seconds = Number(process.env['STORM_SECONDS'] ?? 10);
const serviceCount = 200;
const dialled = 40;
const changesPerSecond = 20;
const actsPerSecond = 10;
const flushEveryMs = 5_000;
const killEveryMs = 1_000;
/** On a busy machine no agent would live for long enough to mend what was flushed: after so long one may. */
const patienceMs = 3_000;
const seed = 20_261_127;

/** From a flush until what was flushed is in force again. */
interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
}

const { lacks } = await probeSupport();

/** Whether the connection lasted while something was flushed: then it may have failed by that. */
function metGap({ startedMs, endedMs }: LoadFailure, gaps: readonly Gap[]): boolean {
  return gaps.some(({ fromMs, toMs }) => startedMs <= toMs && endedMs >= fromMs);
}

for (const mode of ['iptables', 'nftables'] as const) {
  describeIn('network namespace', lacks.namespaces ?? lacks.nft, `a storm of ${seconds} s in ${mode} mode`, () => {
    it(
      `costs no connection but those that a flush itself breaks, seed ${seed}`,
      async () => {
        await using network = await bootWorld();
        const names = ['own', 'member1', 'member3', 'evil'] as const;
        const [own, member1, member3, evil] = await Promise.all(names.map((name) => startApiDouble(name)));
        if (!own || !member1 || !member3 || !evil) throw new Error('four were started');
        const doubles = [own, member1, member3, evil];
        for (const double of doubles) double.installed.add('multicluster.x-k8s.io');
        const fleet = createFleet({ own, member1, member3 }, serviceCount, seed, 'member1,member3');
        fleet.populate();
        for (const object of openServices) own.apply(object as never);
        const hostile = createHostileCluster(evil, serviceCount, randomNumbers(seed));
        const run = network.run('member2-node');
        const failed: string[] = [];
        const relay = createRelay(
          {
            enter: network.enter('member2-node'),
            own: own.url,
            others: { member1: member1.url, member3: member3.url, evil: evil.url },
            times: { gapMs: 100, resyncMs: 10_000, glanceMs: 250 },
            mode,
          },
          (message) => failed.push(message),
        );
        onTestFinished(async () => {
          await relay.end();
          for (const double of doubles) await double.close();
        });
        const addresses = fleet.addresses.slice(0, dialled);
        const restored = async (): Promise<void> => {
          while (!(await isInForce(run, mode, addresses))) await sleep(20);
        };
        await relay.next();
        await restored();

        const clients = [await network.station('client'), await network.station('member2-node')];
        const targets = addresses.map((address) => ({ address, port: 80 }));
        for (const client of clients) await client.startLoad({ targets, workers: 1, timeoutMs: 10_000, resets: true });
        const gaps: Gap[] = [];
        let flushedMs: number | undefined;
        const counts = { kills: 0, spared: 0, changes: 0, acts: 0 };
        const startMs = performance.now();
        const isOn = (): boolean => performance.now() - startMs < seconds * 1000;
        /** Does something again and again, at the pace that the machine allows. */
        const pace = async (everyMs: number, act: () => unknown): Promise<void> => {
          for (let due = everyMs; isOn(); due = Math.max(due + everyMs, performance.now() - startMs)) {
            await sleep(Math.max(0, startMs + due - performance.now()));
            if (isOn()) await act();
          }
        };
        await Promise.all([
          pace(1000 / changesPerSecond, () => (counts.changes++, fleet.change())),
          pace(1000 / actsPerSecond, () => (counts.acts++, hostile.act())),
          pace(killEveryMs, async () => {
            if (flushedMs !== undefined && Date.now() - flushedMs > patienceMs) return void counts.spared++;
            await relay.next();
            counts.kills++;
          }),
          pace(flushEveryMs, async () => {
            const fromMs = Date.now();
            flushedMs = fromMs;
            await flushers[mode](run);
            await restored();
            flushedMs = undefined;
            gaps.push({ fromMs, toMs: Date.now() });
          }),
        ]);
        const reports = [];
        for (const client of clients) reports.push(await client.stopLoad());

        const failures = reports.flatMap((report) => report.failures);
        const lost = failures.filter((failure) => !metGap(failure, gaps));
        const connections = reports.reduce((sum, report) => sum + report.connections, 0);
        const lengths = gaps.map(({ fromMs, toMs }) => toMs - fromMs);
        console.log(
          `${mode}: ${connections} connections, ${lost.length} lost, ${failures.length - lost.length} broken by ` +
            `${gaps.length} flushes (in force again after p50 ${percentile(lengths, 50)} ms, at most ` +
            `${Math.max(...lengths)} ms); ${counts.kills} kills (${counts.spared} spared), ${relay.syncs()} syncs, ${counts.changes} changes, ` +
            `${counts.acts} hostile acts, ${failed.length} failed syncs`,
        );
        expect(lost).toEqual([]);
        expect(connections).toBeGreaterThan(seconds * 10);
        expect(Math.min(counts.kills, gaps.length, relay.syncs())).toBeGreaterThan(0);
      },
      600_000 + seconds * 5000,
    );
  });
}
