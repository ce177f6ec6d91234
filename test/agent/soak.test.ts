import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { compile } from '../../compiler/index.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { startApiDouble } from '../apiserver/double.ts';
import { probeSupport } from '../netns/probe.ts';
import { memberSettings } from '../packets/program.ts';
import { bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { type AgentProcess, startAgentProcess } from './agent-client.ts';
import { eventually } from '../helpers/eventually.ts';
import { createFleet, type Member, members } from './fleet.ts';
import { differences } from './in-force.ts';
import { percentile, randomNumbers } from '../helpers/numbers.ts';
import { endFaults, injectFault } from './soak-faults.ts';

/** `make soak` sets it; this is what fits into every run of the tests. */
const seconds = Number(process.env['SOAK_SECONDS'] ?? 30);
const serviceCount = 1_000;
const changesPerSecond = 20;
const dialled = 60;
const seed = 20_260_101;
/** Agents are killed in this part of the time, so that the last of them is measured over most of it. */
const killingSeconds = seconds / 6;

const { lacks } = await probeSupport();

describeIn('network namespace', lacks.namespaces, `${seconds} s of changes in three clusters`, () => {
  it(
    `with faults cost no connection and no memory, and end where the objects do, seed ${seed}`,
    async () => {
      await using network = await bootWorld();
      const doubles = { own: await startApiDouble(), member1: await startApiDouble(), member3: await startApiDouble() };
      for (const double of Object.values(doubles)) double.installed.add('multicluster.x-k8s.io');
      const fleet = createFleet(doubles, serviceCount, seed);
      fleet.populate();
      const run = network.run('member2-node');
      const latencies: number[] = [];
      const failures: string[] = [];
      const random = randomNumbers(seed);
      const kills = new Set(
        Array.from({ length: 1 + Math.floor(seconds / 60) }, () => Math.floor(1 + random() * (killingSeconds - 1))),
      );
      /** Whether the agent that runs now has taken in everything once. */
      let isUp = false;
      const start = (): AgentProcess =>
        startAgentProcess(
          {
            enter: network.enter('member2-node'),
            own: doubles.own.url,
            others: { member1: doubles.member1.url, member3: doubles.member3.url },
            times: { gapMs: 100, resyncMs: 10_000, glanceMs: 1_000 },
          },
          (reply) => {
            // The first sync of an agent takes in everything at once.
            if (reply.kind === 'synced') isUp = true;
            if (reply.kind === 'synced' && reply.depth === 'delta') latencies.push(...reply.latenciesMs);
            if (reply.kind === 'failed') failures.push(reply.message);
          },
        );
      const inForce = async (): Promise<string[]> => differences(run, compileFleet(fleet.objects()));
      let agent = start();
      await eventually(async () => expect(await inForce()).toEqual([]));

      const targets = fleet.addresses.slice(0, dialled).map((address) => ({ address, port: 80 }));
      const clients = [await network.station('client'), await network.station('member2-node')];
      for (const client of clients) await client.startLoad({ targets, workers: 1, timeoutMs: 10_000 });
      /** Of the agent that runs now, from its first sync on. */
      const memory: number[] = [];
      const faults = new Set<string>();
      const startMs = performance.now();
      let changes = 0;
      for (let second = 0; second < seconds; second++) {
        if (second % 3 === 2) faults.add(injectFault(doubles, random));
        if (kills.has(second)) {
          // In the midst of it: rules stay, and the next one goes on from there.
          await agent.kill();
          memory.length = 0;
          isUp = false;
          agent = start();
        }
        if (isUp) memory.push(await agent.memory());
        for (; changes < (second + 1) * changesPerSecond; changes++) {
          await sleep(Math.max(0, startMs + (changes * 1000) / changesPerSecond - performance.now()));
          fleet.change();
        }
      }
      const tookMs = performance.now() - startMs;
      endFaults(doubles);
      const reports = [];
      for (const client of clients) reports.push(await client.stopLoad());
      await eventually(async () => expect(await inForce()).toEqual([]));
      await agent.stop();
      for (const double of Object.values(doubles)) await double.close();

      const third = Math.floor(memory.length / 3);
      const [first, last] = [mean(memory.slice(0, third)), mean(memory.slice(-third))];
      const connections = reports.reduce((sum, report) => sum + report.connections, 0);
      console.log(
        `${changes} changes in ${(tookMs / 1000).toFixed(0)} s, ${connections} connections; in force after ` +
          `p50 ${percentile(latencies, 50)} ms, p99 ${percentile(latencies, 99)} ms; ` +
          `memory of the agent over ${memory.length} s ${megabytes(first)} → ${megabytes(last)} MB; ` +
          `${kills.size} killed, ${faults.size} kinds of faults`,
      );
      expect(failures).toEqual([]);
      expect(reports.flatMap((report) => report.failures)).toEqual([]);
      expect(connections).toBeGreaterThan(seconds * 10);
      expect(last, 'memory of the last third').toBeLessThan(first * 1.1 + 5_000_000);
    },
    600_000 + seconds * 1000,
  );
});

function compileFleet(objects: Readonly<Record<Member, readonly unknown[]>>) {
  return compile({
    clusters: members.map((member) => ({
      cluster: member === 'own' ? undefined : (member as ClusterName),
      objects: objects[member],
    })),
    settings: memberSettings,
    nodeName: 'member2-node',
    localAddresses: undefined,
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
