import { expect, onTestFinished } from 'vitest';
import { parseRegistry } from '../../agent/input/registry.ts';
import type { Source } from '../../agent/sources/source.ts';
import type { FakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { compile } from '../../compiler/index.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { resources } from '../apiserver/resources.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Manifest, node, service } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { type FieldAgent, type FieldOptions, startFieldAgent } from './field.ts';
import { differences } from './in-force.ts';

/** A cluster that a test changes through its API server. */
export interface Cluster {
  readonly double: ApiDouble;
  put(...objects: readonly Manifest[]): void;
  remove(object: Manifest): void;
  /** The objects that its API server holds. */
  objects(): readonly Manifest[];
}

/** A cluster with the test's node and the Service test/cart. */
export async function startCluster(...more: readonly Manifest[]): Promise<Cluster> {
  const double = await startApiDouble();
  onTestFinished(() => double.close());
  const put = (...objects: readonly Manifest[]): void => {
    for (const object of objects) double.apply(object as never);
  };
  put(node, ...cart('10.12.0.6'), ...more);
  return {
    double,
    put,
    remove(object) {
      const { namespace, name } = object['metadata'] as { readonly namespace?: string; readonly name: string };
      double.remove(String(object['kind']), namespace, name);
    },
    objects: () => resources.flatMap((resource) => double.store.list(resource) as readonly unknown[] as Manifest[]),
  };
}

/** Another cluster, which exports test/cart. */
export async function startExporter(...endpoints: readonly string[]): Promise<Cluster> {
  const cluster = await startCluster();
  cluster.double.installed.add(mcsGroup);
  cluster.put(exported, ...cart(...endpoints));
  return cluster;
}

export const mcsGroup = 'multicluster.x-k8s.io';

export const exported: Manifest = {
  apiVersion: `${mcsGroup}/v1alpha1`,
  kind: 'ServiceExport',
  metadata: { name: 'cart', namespace: 'test' },
};

/** The Service test/cart, which accepts other clusters' exports. */
export function cart(...endpoints: readonly string[]): Manifest[] {
  const objects = service('cart', { clusterIPs: ['10.13.0.1'], port: 80, endpoints, endpointPort: 8080 });
  const annotations = { 'slicewright.dev/accept-clusters': '*' };
  return objects.map((object) =>
    object['kind'] === 'Service' ? { ...object, metadata: { ...(object['metadata'] as object), annotations } } : object,
  );
}

export function start(own: ApiDouble | Source, kernel: FakeKernel, options: Partial<FieldOptions> = {}): FieldAgent {
  const agent = startFieldAgent({
    run: kernel.run,
    own,
    nodeName: 'member2-node',
    settings: memberSettings,
    ...options,
  });
  onTestFinished(() => agent.stop());
  return agent;
}

export function compiled(objects: readonly Manifest[], others: Readonly<Record<string, readonly Manifest[]>> = {}) {
  return compile({
    clusters: [
      { cluster: undefined, objects },
      ...Object.entries(others).map(([name, own]) => ({ cluster: name as ClusterName, objects: own })),
    ],
    settings: memberSettings,
    nodeName: 'member2-node',
    localAddresses: undefined,
  });
}

/** The differences between slicewright's rules in the kernel and those compiled from these objects from nothing. */
export function differencesOf(
  kernel: FakeKernel,
  objects: readonly Manifest[],
  others: Readonly<Record<string, readonly Manifest[]>> = {},
): Promise<string[]> {
  return differences(kernel.run, compiled(objects, others));
}

/** Waits until the kernel holds the rules for the objects that the API servers hold. */
export async function converges(
  kernel: FakeKernel,
  own: Cluster,
  others: Readonly<Record<string, Cluster>> = {},
): Promise<void> {
  const objectsOf = () => Object.fromEntries(Object.entries(others).map(([name, one]) => [name, one.objects()]));
  await eventually(async () => expect(await differencesOf(kernel, own.objects(), objectsOf())).toEqual([]));
}

/** The number of kinds that cannot be read now, according to the metric. */
export function failing(agent: FieldAgent, cluster = 'local'): Promise<number | undefined> {
  return agent.metric('slicewright_source_failing', `source_cluster="${cluster}"`);
}

export function synced(agent: FieldAgent, cluster = 'local'): Promise<number | undefined> {
  return agent.metric('slicewright_source_synced', `source_cluster="${cluster}"`);
}

export async function isWell(agent: FieldAgent, cluster = 'local'): Promise<void> {
  await eventually(async () => expect(await failing(agent, cluster)).toBe(0));
}

/** The whole log, one line for each message. */
export function said(agent: FieldAgent): string {
  return agent.log.map(({ message }) => message).join('\n');
}

export function registryOf(...clusters: readonly object[]) {
  const document = { apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry', clusters };
  return parseRegistry(document, 'registry.yaml');
}
