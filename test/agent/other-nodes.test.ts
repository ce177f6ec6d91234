import { expect, it, onTestFinished } from 'vitest';
import { createFakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Manifest, node, service } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { cart, exported, mcsGroup, start } from './faults.fixture.ts';

async function cluster(...objects: readonly Manifest[]): Promise<ApiDouble> {
  const double = await startApiDouble();
  double.installed.add(mcsGroup);
  for (const object of objects) double.apply(object as never);
  onTestFinished(() => double.close());
  return double;
}

/** Another Node as a kubelet keeps it: most of it is written anew at every heartbeat. */
function otherNode(at: { readonly address?: string; readonly podCIDR?: string }, heartbeat = 0): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'member2-other', labels: { beat: String(heartbeat) } },
    spec: { podCIDRs: at.podCIDR === undefined ? [] : [at.podCIDR] },
    status: {
      addresses: at.address === undefined ? [] : [{ type: 'InternalIP', address: at.address }],
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: String(heartbeat) }],
      images: [{ names: ['a', 'long', 'list'] }],
    },
  };
}

/** An agent of member2 that takes endpoints of member1 in. */
async function startWithRemote(...more: readonly Manifest[]) {
  const own = await cluster(node, ...cart('10.12.0.6'), ...more);
  const member1 = await cluster(exported, ...cart('10.10.0.6'));
  const kernel = createFakeKernel();
  const agent = start(own, kernel, { others: { member1 } });
  const used = () => ['10.12.0.6', '10.10.0.6'].filter((address) => kernel.save('IPv4').includes(`${address}:8080`));
  await eventually(() => expect(used()).toContain('10.12.0.6'));
  return { own, agent, used };
}

it.each([
  ['its address', { address: '10.10.0.6' }],
  ['a pod of it', { podCIDR: '10.10.0.0/24' }],
])('another Node: %s is not another cluster’s to claim, as long as the Node is there', async (_, at) => {
  const { own, used } = await startWithRemote();
  await eventually(() => expect(used()).toEqual(['10.12.0.6', '10.10.0.6']));
  own.apply(otherNode(at) as never);
  await eventually(() => expect(used()).toEqual(['10.12.0.6']));
  own.remove('Node', undefined, 'member2-other');
  await eventually(() => expect(used()).toEqual(['10.12.0.6', '10.10.0.6']));
});

it('a heartbeat of another Node is no news: nothing is compiled, nothing is synced', async () => {
  const at = { address: '172.18.0.9', podCIDR: '10.12.9.0/24' };
  const { own, agent } = await startWithRemote(otherNode(at));
  await eventually(() => expect(own.openWatches('nodes')).toBe(1));
  await eventually(() => expect(agent.of('synced').map(({ family }) => family)).toContain('IPv6'));
  const before = { changes: agent.of('changes').length, syncs: agent.of('synced').length };
  for (let beat = 1; beat <= 50; beat++) own.apply(otherNode(at, beat) as never);
  // After them, over the same watch: what is told in between was told by now.
  own.apply(otherNode({ ...at, address: '172.18.0.10' }, 51) as never);
  await eventually(() => expect(agent.of('changes').length).toBeGreaterThan(before.changes));
  // A list tells of every Node once more.
  const lists = () => own.requests.filter((one) => one.includes('/api/v1/nodes') && !one.includes('watch=')).length;
  expect(lists()).toBe(1);
  own.cutStreams('nodes');
  own.apply(otherNode({ ...at, address: '172.18.0.10' }, 52) as never);
  own.store.compact();
  await eventually(() => expect(lists()).toBe(2));
  await eventually(() => expect(own.openWatches('nodes')).toBe(1));
  expect(agent.of('changes').length).toBe(before.changes + 1);
  // That its address is another is news, and means nothing for these rules.
  expect(agent.of('changes').at(-1)).toMatchObject({ ports: 0, families: [] });
  expect(agent.of('synced').length).toBe(before.syncs);
});

it('in IPVS mode an address of another Node is left to it, as soon as the Node is there', async () => {
  const spec = { externalIPs: ['172.18.0.9', '198.51.100.7'] };
  const objects = service('web', { clusterIPs: ['10.13.0.1'], port: 80, spec, endpoints: [], endpointPort: 8080 });
  const own = await cluster(node, ...objects);
  const kernel = createFakeIpvsKernel();
  start(own, kernel.netfilter, { mode: 'ipvs', run: kernel.run, settings: memberSettings });
  await eventually(() => expect(kernel.link).toEqual(expect.arrayContaining(spec.externalIPs)));
  own.apply(otherNode({ address: '172.18.0.9' }) as never);
  await eventually(() => expect(kernel.link).not.toContain('172.18.0.9'));
  expect(kernel.link).toContain('198.51.100.7');
});
