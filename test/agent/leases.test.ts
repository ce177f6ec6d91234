import { afterEach, expect, it } from 'vitest';
import { createPacedClock } from '../../agent/loop/paced-clock.fixture.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { folderSource } from '../../agent/sources/folder.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { eventually } from '../helpers/eventually.ts';
import { node, service } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { registryOf } from './faults.fixture.ts';
import { type FieldOptions, startFieldAgent } from './field.ts';
import { rewrite } from '../helpers/rewrite.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** member1's slices come by a controller that dispatches them; nobody here reads its API server. */
const objects = [
  node,
  ...service('cart', {
    clusterIPs: ['10.13.0.1'],
    port: 80,
    endpoints: ['10.12.0.6', '10.10.0.6'],
    endpointPort: 8080,
  }),
];
const registry = registryOf({ id: 'member2', self: true }, { id: 'member1', onLost: 'drop' });

let renewals = 0;
const lease = (spec: object = { leaseDurationSeconds: 1, renewTime: `renewal ${renewals++}` }) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'member1', namespace: 'slicewright-system' },
  spec,
});

async function cluster(): Promise<ApiDouble> {
  const double = await startApiDouble();
  closers.push(() => double.close());
  // Time passes for Leases as far as the API server is heard.
  double.faults = { bookmarkMs: 20 };
  for (const object of objects) double.apply(object as never);
  return double;
}

function start(own: FieldOptions['own'], { leases = true } = {}) {
  const kernel = createFakeKernel();
  const agent = startFieldAgent({
    run: kernel.run,
    own,
    nodeName: 'member2-node',
    settings: memberSettings,
    ...(leases ? { registry, leases: { durationMs: 300, graceMs: 200, settleMs: 200, lookMs: 20 } } : {}),
  });
  closers.push(() => agent.stop());
  return { agent, isUsed: (address: string) => kernel.save('IPv4').includes(address) };
}

/** Renews the Lease until it is told to stop. */
function renewing(renew: () => void): { stop(): void } {
  renew();
  const timer = setInterval(renew, 100);
  closers.push(() => clearInterval(timer));
  return { stop: () => clearInterval(timer) };
}

const stateOf = (state: string) => `source_cluster="member1",state="${state}"`;

it('a cluster that nobody here reads is lost when its Lease is not renewed, and back when it is', async () => {
  const double = await cluster();
  const controller = renewing(() => void double.apply(lease()));
  const { agent, isUsed } = start(double);
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
  await eventually(async () => expect(await agent.metric('slicewright_cluster_state', stateOf('Alive'))).toBe(1));
  controller.stop();
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(false));
  expect(isUsed('10.12.0.6')).toBe(true);
  expect(await agent.metric('slicewright_cluster_state', stateOf('Lost'))).toBe(1);
  expect(await agent.metric('slicewright_lease_age_seconds', 'source_cluster="member1"')).toBeGreaterThan(1);
  renewing(() => void double.apply(lease()));
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
  expect(agent.of('lease').map(({ state }) => state)).toEqual(['Alive', 'Suspect', 'Lost', 'Alive']);
  // A renewal is no change of any Service.
  expect(agent.of('changes').length).toBeLessThan(10);
});

it('nobody is lost while our own API server is away', async () => {
  const double = await cluster();
  const controller = renewing(() => void double.apply(lease()));
  const { agent, isUsed } = start(double);
  await eventually(() => expect(agent.of('lease').at(-1)?.state).toBe('Alive'));
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
  controller.stop();
  double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
  double.cutStreams();
  await eventually(async () =>
    expect(await agent.metric('slicewright_lease_age_seconds', 'source_cluster="member1"')).toBeGreaterThan(3),
  );
  expect(agent.of('lease').map(({ state }) => state)).not.toContain('Lost');
  expect(isUsed('10.10.0.6')).toBe(true);
});

it('Leases that may not be read stop nothing, and that is told', async () => {
  const double = await cluster();
  double.faults = { forbidden: ['leases'] };
  const { agent, isUsed } = start(double);
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
  await eventually(() =>
    expect(agent.log.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/cannot be read: 403 leases\.coordination\.k8s\.io is forbidden/),
    ),
  );
  expect(await agent.metric('slicewright_source_failing', 'source_cluster="local"')).toBe(0);
  expect(await agent.metric('slicewright_cluster_state', stateOf('Unknown'))).toBe(1);
  double.faults = { bookmarkMs: 20 };
  renewing(() => void double.apply(lease()));
  await eventually(async () => expect(await agent.metric('slicewright_cluster_state', stateOf('Alive'))).toBe(1));
});

it('a Lease that says nothing is named, and its cluster judged without it', async () => {
  const double = await cluster();
  double.apply(lease({ leaseDurationSeconds: 1, renewTime: null }));
  const { agent, isUsed } = start(double);
  const text = 'warning: Lease slicewright-system/member1 spec.renewTime: is missing';
  await eventually(() => expect(agent.log.map(({ message }) => message)).toContainEqual(expect.stringContaining(text)));
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
  expect(await agent.metric('slicewright_diagnostics', 'severity="warning"')).toBe(1);
  expect(await agent.metric('slicewright_cluster_state', stateOf('Unknown'))).toBe(1);
  double.apply(lease());
  await eventually(async () => expect(await agent.metric('slicewright_diagnostics', 'severity="warning"')).toBe(0));
});

it('without a registry nobody asks for Leases', async () => {
  const double = await cluster();
  const { isUsed } = start(double, { leases: false });
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
  expect(double.requests.filter((request) => request.includes('leases'))).toEqual([]);
});

it('a folder may hold Leases', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-leases-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  rewrite(join(folder, 'objects.json'), JSON.stringify({ kind: 'List', apiVersion: 'v1', items: objects }));
  const renew = () => rewrite(join(folder, 'lease.json'), JSON.stringify(lease()));
  const controller = renewing(renew);
  const { agent, isUsed } = start(folderSource(undefined, folder, createPacedClock(), { settleMs: 1, pollMs: 20 }));
  await eventually(() => expect(agent.of('lease').at(-1)?.state).toBe('Alive'));
  controller.stop();
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(false));
  renewing(renew);
  await eventually(() => expect(isUsed('10.10.0.6')).toBe(true));
});
