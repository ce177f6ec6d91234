import { afterAll, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { percentile } from '../helpers/numbers.ts';
import { type Live, objectsIn, startLive, writesTo } from './live.ts';
import { nativeSlice, serviceExport, webService } from './stories.ts';

/**
 * Clusters, exported Services and endpoints of each; `SCALE=20x200x20` is what the figures in docs/controller.md are
 * of, and takes minutes. What is held here is what does not depend on the machine: how much is written.
 */
const [clusters = 6, services = 20, endpoints = 20] = (process.env['SCALE'] ?? '')
  .split('x')
  .filter(Boolean)
  .map(Number);

let live: Live;
afterAll(() => live.close());

const names = Array.from({ length: clusters }, (_, i) => `c${String(i + 1).padStart(2, '0')}`);
/** Each Service is exported by one cluster, so each cluster gets copies of all. */
const ownerOf = (i: number): string => names[i % clusters] ?? 'c01';
const addressesOf = (i: number, last: number): string[] =>
  Array.from(
    { length: endpoints },
    (_, e) => `10.${Math.floor(i / 250)}.${i % 250}.${e + 1 === endpoints ? last : e + 1}`,
  );

it(`${clusters} clusters, ${services} exported Services of ${endpoints} endpoints: one write a change and consumer, none without one`, {
  timeout: 900_000,
}, async () => {
  live = await startLive(names);
  for (let i = 0; i < services; i++) {
    const owner = live.at(ownerOf(i));
    owner.apply(webService(`web${i}`));
    owner.apply(serviceExport(`web${i}`));
    owner.apply(nativeSlice(`web${i}`, ownerOf(i), addressesOf(i, 100)));
  }
  const beganMs = performance.now();
  const running = live.start({
    startMs: 120_000,
    times: {
      election: { durationMs: 15_000, deadlineMs: 10_000, retryMs: 2_000 },
      leases: { everyMs: 10_000, durationSeconds: 40 },
    },
  });
  const isDone = (): void => {
    const report = running.controller.loop.report();
    expect(report).toMatchObject({ isStarted: true, waiting: 0 });
    for (const name of names) {
      const copies = objectsIn(live.at(name), 'EndpointSlice').filter(({ metadata }) =>
        JSON.stringify(metadata).includes('source-cluster'),
      );
      expect(copies).toHaveLength(services);
    }
    expect(report.problems.size).toBe(0);
  };
  await eventually(isDone, 600_000);
  const initialMs = performance.now() - beganMs;
  const initialWrites = names.reduce((sum, name) => sum + writesTo(live.at(name)).length, 0);

  const latencies: number[] = [];
  const count = () => names.reduce((sum, name) => sum + writesTo(live.at(name)).length, 0);
  const rounds = 20;
  const before = count();
  for (let round = 0; round < rounds; round++) {
    const i = (round * 7) % services;
    const last = 101 + round;
    const seen = new Map<string, number>();
    const stops = names.map((name) =>
      live.at(name).store.listen(({ resource, object }) => {
        if (
          resource.kind === 'EndpointSlice' &&
          JSON.stringify(object).includes(`.${last}"`) &&
          JSON.stringify(object.metadata).includes('source-cluster')
        ) {
          seen.set(name, performance.now());
        }
      }),
    );
    const changedMs = performance.now();
    live.at(ownerOf(i)).apply(nativeSlice(`web${i}`, ownerOf(i), addressesOf(i, last)));
    await eventually(() => expect(seen.size).toBe(clusters));
    for (const atMs of seen.values()) latencies.push(atMs - changedMs);
    for (const stop of stops) stop();
  }
  await eventually(() => expect(running.controller.loop.report().waiting).toBe(0));
  // Each consumer gets the change once; the exporter is one, since the import is in its cluster too.
  expect(count() - before).toBe(rounds * clusters);

  const idleFrom = count();
  await new Promise((resolve) => setTimeout(resolve, Number(process.env['IDLE_MS'] ?? 1_000)));
  expect(count() - idleFrom).toBe(0);
  const rss = Math.round(process.memoryUsage().rss / 1e6);
  console.log(
    [
      `initial sync ${(initialMs / 1000).toFixed(1)} s, ${initialWrites} writes`,
      `one endpoint change in all ${clusters} clusters: p50 ${percentile(latencies, 50).toFixed(0)} ms, p99 ${percentile(latencies, 99).toFixed(0)} ms (of which 5 ms are waited on purpose)`,
      `${rss} MB for the controller and all API server doubles in one process`,
    ].join('\n'),
  );
});
