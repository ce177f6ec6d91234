import { expect, it } from 'vitest';
import type { Source } from '../../agent/sources/source.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { eventually } from '../helpers/eventually.ts';
import { told } from '../helpers/told.ts';
import { type Manifest, node, service, slices } from '../packets/objects.ts';
import { cart, converges, differencesOf, failing, said, start, startCluster } from './faults.fixture.ts';

/** Large answers take a busy machine long, and nothing here is about answers that do not come. */
const patient = { reflector: { answerMs: 60_000 } };

it('an object of 1 MB is an object like others', async () => {
  const east = await startCluster();
  const kernel = createFakeKernel();
  const agent = start(east.double, kernel, patient);
  await converges(kernel, east);
  const [big] = slices('cart', ['10.12.0.9'], 8080);
  const metadata = big?.['metadata'] as Manifest;
  east.put({ ...big, metadata: { ...metadata, annotations: { note: 'x'.repeat(1_000_000) } } });
  await converges(kernel, east);
  expect(kernel.save('IPv4')).toContain('10.12.0.9');
  expect(said(agent)).not.toContain('cannot be read');
  expect(await failing(agent)).toBe(0);
});

it('10,000 objects in random order end as from nothing', async () => {
  const services = Array.from({ length: 5_000 }, (_, i) =>
    service(`s${i}`, {
      clusterIPs: [`10.13.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`],
      port: 80,
      endpoints: [`10.12.${Math.floor(i / 250)}.${1 + (i % 250)}`],
      endpointPort: 8080,
    }),
  ).flat();
  const all = [node, ...services];
  // Every 37th of them first, then every 37th of the rest: no order that anyone would choose.
  const shuffled = Array.from({ length: 37 }, (_, k) => all.filter((_object, i) => i % 37 === (k * 11) % 37)).flat();
  const kernel = createFakeKernel();
  const own: Source = {
    cluster: undefined,
    from: 'a test',
    async run(sink) {
      sink.state('everything', { kind: 'starting' });
      for (let from = 0; from < shuffled.length; from += 2_500) {
        const some = shuffled.slice(from, from + 2_500);
        sink.change(some.flatMap((object) => told(object)));
        if (from === 0) sink.state('everything', { kind: 'live' });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
  const agent = start(own, kernel, patient);
  const ports = () => agent.of('synced').findLast(({ family }) => family === 'IPv4')?.services.length;
  await eventually(() => expect(ports()).toBe(5_000));
  expect(await differencesOf(kernel, shuffled)).toEqual([]);
  expect(agent.of('sync-failed')).toEqual([]);
  expect(agent.log.filter(({ level }) => level === 'error')).toEqual([]);
  expect(await failing(agent)).toBe(0);
});

it('a wall clock that jumps changes nothing', async () => {
  const east = await startCluster();
  const kernel = createFakeKernel();
  let offMs = 0;
  const agent = start(east.double, kernel, { wallMs: () => Date.now() + offMs });
  await converges(kernel, east);
  for (const jump of [3_600_000, -7_200_000]) {
    offMs = jump;
    east.put(...cart(`10.12.0.${jump > 0 ? 7 : 8}`));
    await converges(kernel, east);
    expect(await agent.health()).toBe(200);
  }
});
