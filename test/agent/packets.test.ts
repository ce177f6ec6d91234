import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { memberSettings } from '../packets/program.ts';
import { node, service, slices } from '../packets/objects.ts';
import { bootWorld, outcomes } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { type FieldAgent, startFieldAgent } from './field.ts';
import { type Kubectl, kubectlTo } from './kubectl.ts';
import { percentile } from '../helpers/numbers.ts';
import { eventually } from '../helpers/eventually.ts';

const { lacks } = await probeSupport();

describeIn('network namespace', lacks.namespaces, 'the agent, from HTTP to packets', () => {
  let network: Network;
  let double: ApiDouble;
  let agent: FieldAgent;
  let kubectl: Kubectl;

  beforeAll(async () => {
    network = await bootWorld();
    double = await startApiDouble();
    kubectl = kubectlTo(double);
    await kubectl.create(node);
    agent = startFieldAgent({
      run: network.run('member2-node'),
      own: double,
      nodeName: 'member2-node',
      settings: memberSettings,
      // A busy machine takes minutes for 500 changes, and full syncs are counted.
      times: { resyncMs: 3_600_000 },
    });
    await eventually(() => expect(agent.of('synced').length).toBeGreaterThan(1));
  });
  afterAll(async () => {
    await agent.stop();
    await double.close();
    await network.close();
  });

  const at = '10.13.5.5';
  const sketch = { clusterIPs: [at], port: 80, endpointPort: 8080 };
  const dialled = () => outcomes(network, { from: 'client', to: at, port: 80 }, 30);

  it('objects are created, changed and deleted, and packets follow', async () => {
    const [cart, ...first] = service('cart', { ...sketch, endpoints: ['10.12.0.6'] });
    if (cart === undefined) throw new Error('no Service');
    await kubectl.create(cart);
    for (const slice of first) await kubectl.create(slice);
    await eventually(async () => expect(await dialled()).toEqual(['10.12.0.6:8080']));

    for (const slice of slices('cart', ['10.12.0.7'], 8080)) await kubectl.replace(slice);
    await eventually(async () => expect(await dialled()).toEqual(['10.12.0.7:8080']));

    const both = slices('cart', ['10.12.0.7', '10.10.0.6'], 8080);
    for (const slice of both.slice(1)) await kubectl.create(slice);
    await eventually(async () => expect(await dialled()).toEqual(['10.10.0.6:8080', '10.12.0.7:8080']));

    for (const slice of both) await kubectl.delete(slice);
    await eventually(async () => expect(await dialled()).toEqual(['refused']));

    await kubectl.delete(cart);
    await eventually(async () => expect(await dialled()).not.toEqual(['refused']));
    expect(agent.of('sync-failed')).toEqual([]);
  });

  it('500 changes come into force soon: programming latency', async () => {
    for (let i = 0; i < 100; i++) {
      const objects = service(`shop-${i}`, {
        clusterIPs: [`10.13.6.${i}`],
        port: 80,
        endpoints: ['10.12.0.6', '10.12.0.7', '10.10.0.6'],
        endpointPort: 8080,
      });
      for (const object of objects) await kubectl.create(object);
    }
    await eventually(() => expect(agent.of('synced').at(-1)?.services.length).toBeGreaterThanOrEqual(100));
    const latencies: number[] = [];
    for (let i = 0; i < 500; i++) {
      const [slice] = slices(`shop-${i % 100}`, i % 200 < 100 ? ['10.12.0.8'] : ['10.12.0.6', '10.12.0.9'], 8080);
      if (slice === undefined) throw new Error('no slice');
      const inForce = agent.next((event) => event.kind === 'synced' && event.latenciesMs.length > 0);
      const startMs = performance.now();
      await kubectl.replace(slice);
      await inForce;
      latencies.push(performance.now() - startMs);
    }
    const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
    console.log(`programming latency, write to the API until in force, 500 changes: p50 ${p50} ms, p99 ${p99} ms`);
    expect(latencies).toHaveLength(500);
    expect(agent.of('sync-failed')).toEqual([]);
    expect(agent.of('synced').filter(({ sync }) => sync.depth === 'full').length).toBeLessThan(6);
  });
});

describe('percentiles', () => {
  it('are the smallest value that so many are not above', () => {
    expect(percentile([3, 1, 2, 4], 50)).toBe(2);
    expect(percentile([3, 1, 2, 4], 99)).toBe(4);
    expect(percentile([7], 50)).toBe(7);
  });
});
