import { afterEach, expect, it } from 'vitest';
import type { Registry } from '../../compiler/registry/registry.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { startApiDouble } from '../apiserver/double.ts';
import { eventually } from '../helpers/eventually.ts';
import { node, service } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { exported, mcsGroup, registryOf } from './faults.fixture.ts';
import { startFieldAgent } from './field.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function cluster(...objects: readonly object[]) {
  const double = await startApiDouble();
  double.installed.add(mcsGroup);
  closers.push(() => double.close());
  for (const object of objects) double.apply(object as never);
  return double;
}

const cartAt = (endpoint: string) =>
  service('cart', { clusterIPs: ['10.13.0.1'], port: 80, endpoints: [endpoint], endpointPort: 8080 });

/** An agent of member2 that reads member1 too, and the registry that it will find at its next look. */
async function start(registry: Registry) {
  const own = await cluster(node, ...cartAt('10.12.0.6'));
  const member1 = await cluster(exported, ...cartAt('10.10.0.6'));
  const kernel = createFakeKernel();
  let next: Registry | undefined;
  let renamed = 0;
  const agent = startFieldAgent({
    run: kernel.run,
    own,
    others: { member1 },
    nodeName: 'member2-node',
    settings: memberSettings,
    registry,
    leases: { durationMs: 60_000, graceMs: 60_000, settleMs: 60_000, lookMs: 20 },
    newRegistry: () => {
      const taken = next;
      next = undefined;
      return taken;
    },
    onRenamed: () => void renamed++,
  });
  closers.push(() => agent.stop());
  return {
    agent,
    put: (registryNow: Registry) => void (next = registryNow),
    inForce: () => ['10.12.0.6', '10.10.0.6'].filter((address) => kernel.save('IPv4').includes(address)),
    renamed: () => renamed,
  };
}

const home = { id: 'member2', self: true };
const grant = { mayServe: [{ namespace: 'test', names: ['cart'] }] };

it('a registry that changes counts without a restart', async () => {
  const { put, inForce, agent } = await start(registryOf(home));
  await eventually(() => expect(inForce()).toEqual(['10.12.0.6']));
  // A cluster that was not in it before.
  put(registryOf(home, { id: 'member1', podCIDRs: ['10.10.0.0/16'], ...grant }));
  await eventually(() => expect(inForce()).toEqual(['10.12.0.6', '10.10.0.6']));
  const stateOf = (state: string) =>
    agent.metric('slicewright_cluster_state', `source_cluster="member1",state="${state}"`);
  await eventually(async () => expect(await stateOf('Alive')).toBe(1));
  put(registryOf(home, { id: 'member1', podCIDRs: ['10.99.0.0/16'], ...grant }));
  await eventually(() => expect(inForce()).toEqual(['10.12.0.6']));
  put(registryOf(home, { id: 'member1', ...grant }));
  await eventually(() => expect(inForce()).toEqual(['10.12.0.6', '10.10.0.6']));
  put(registryOf(home, { id: 'member1', ...grant, state: 'Removed' }));
  await eventually(() => expect(inForce()).toEqual(['10.12.0.6']));
});

it('one that calls a cluster otherwise which is read needs a new agent, and changes nothing until then', async () => {
  const { put, inForce, renamed, agent } = await start(registryOf(home, { id: 'member1', ...grant }));
  await eventually(() => expect(inForce()).toEqual(['10.12.0.6', '10.10.0.6']));
  put(registryOf(home, { id: 'other', aliases: ['member1'] }));
  await eventually(() => expect(renamed()).toBe(1));
  expect(inForce()).toEqual(['10.12.0.6', '10.10.0.6']);
  expect(agent.log.map(({ message }) => message)).toContain(
    'the registry renames clusters that this agent reads; exiting so that the supervisor restarts the agent',
  );
});
