import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { loadAll } from 'js-yaml';
import { compile } from '../../compiler/index.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { parseClusterName } from '../../compiler/values/names.ts';
import { node } from '../helpers/kubernetes.ts';
import type { ApiDouble } from '../apiserver/double.ts';
import { kustomize } from '../deploy/kustomize.ts';
import { type Live, objectsIn, startLive } from './live.ts';
import { standIn } from './stand-in.ts';
import { nativeSlice } from './stories.ts';

/**
 * The two flows that the project began with, applied as they stand to a hub and members that have nothing but the
 * controller: by kubectl where it is, else as kubectl does, by POST. A small stand-in for the members' own controllers
 * makes a slice of every Service with a selector whose Deployment is in the member.
 */

const run = promisify(execFile);
const seeds = fileURLToPath(new URL('./seeds/', import.meta.url));
const definitions = kustomize(fileURLToPath(new URL('../../deploy/crds', import.meta.url)));
const cache = mkdtempSync(join(tmpdir(), 'slicewright-kubectl-'));
afterAll(() => rmSync(cache, { recursive: true }));
const hasKubectl = await run('kubectl', ['version', '--client']).then(
  () => true,
  () => false,
);

let live: Live;
afterEach(() => live.close());
const members = ['member1', 'member2', 'member3'];
const podOf: Readonly<Record<string, string>> = { member1: '10.10.0.6', member2: '10.12.0.6', member3: '10.14.0.6' };

async function apply(double: ApiDouble, file: string): Promise<void> {
  if (hasKubectl) {
    await run('kubectl', ['--server', double.url, '--cache-dir', cache, 'apply', '-f', `${seeds}${file}.yaml`], {
      timeout: 300_000,
    });
    return;
  }
  for (const object of loadAll(readFileSync(`${seeds}${file}.yaml`, 'utf8'))) double.apply(object as never);
}

async function start(): Promise<ApiDouble> {
  live = await startLive(['hub', ...members], ['networking.karmada.io', 'policy.karmada.io']);
  const hub = live.at('hub');
  hub.tokens.set('', 'system:admin');
  for (const definition of definitions) hub.apply(definition as never);
  for (const member of members) standIn(member, live.at(member), podOf[member] ?? '');
  live.start();
  return hub;
}

/** Where a node of a member sends connections to a Service. */
function reached(member: string, service: string): readonly string[] {
  const double = live.at(member);
  const objects = [...objectsIn(double, 'Service'), ...objectsIn(double, 'EndpointSlice'), node('n')];
  const { services } = compile({
    clusters: [{ cluster: undefined, objects }],
    settings: { ...defaultSettings, ownCluster: parseClusterName(member) },
    nodeName: 'n',
    localAddresses: undefined,
  });
  const found = services.IPv4.find((each) => each.service === `default/${service}`);
  return found?.pools.cluster.map((each) => `${each.cluster ?? member} ${endpointText(each)}`) ?? ['no such Service'];
}

it('seed A: what member1 exports is reached in member2 by the derived Service', async () => {
  const hub = await start();
  await apply(hub, 'a-1-definitions');
  await eventually(() => {
    for (const member of members) expect(objectsIn(live.at(member), 'CustomResourceDefinition')).toHaveLength(2);
  });
  for (const file of ['a-2-workload', 'a-3-export', 'a-4-import']) await apply(hub, file);
  await eventually(() => expect(reached('member2', 'derived-serve')).toEqual(['member1 10.10.0.6:8080']));
  expect(objectsIn(live.at('member1'), 'Deployment')).toHaveLength(1);
  expect(reached('member3', 'derived-serve')).toEqual(['no such Service']);
  // The provider's pod goes, and comes back.
  live.at('member1').apply(nativeSlice('serve', 'member1', []));
  await eventually(() => expect(reached('member2', 'derived-serve')).toEqual([]));
  live.at('member1').apply(nativeSlice('serve', 'member1', ['10.10.0.6']));
  await eventually(() => expect(reached('member2', 'derived-serve')).toEqual(['member1 10.10.0.6:8080']));
  // Its API server goes: what it had still counts.
  live.at('member1').faults = { beforeAnswer: (_url, response) => void response.destroy() };
  live.at('member1').cutStreams();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(reached('member2', 'derived-serve')).toEqual(['member1 10.10.0.6:8080']);
});

it('seed B: a MultiClusterService makes one Service of three clusters', async () => {
  const hub = await start();
  for (const file of ['b-1-workload', 'b-2-multiclusterservice']) await apply(hub, file);
  await eventually(() => {
    for (const member of members) expect(reached(member, 'serve')).toEqual(['member1 10.10.0.6:8080']);
  });
  // As the seed has it: each sees its own slice and one of each other member, with pods or without.
  for (const member of members) {
    await eventually(() => expect(objectsIn(live.at(member), 'EndpointSlice')).toHaveLength(3));
  }
});
