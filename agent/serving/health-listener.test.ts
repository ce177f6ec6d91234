import { expect, it } from 'vitest';
import { node } from '../../test/helpers/kubernetes.ts';
import { changesOf, type WrittenChange } from '../../test/helpers/told.ts';
import { registryOf } from '../../test/helpers/compile.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { createProxyHealth } from './health.ts';
import { watchNode } from './health-listener.ts';

const context = {
  settings: defaultSettings,
  registry: registryOf({ home: { self: true } }),
};
const here = node('n1');
const tainted = { ...here, spec: { taints: [null, { key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } };
const leaving = { ...here, metadata: { ...here.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
const there = (object: unknown, cluster?: string): WrittenChange => ({
  cluster: cluster as ClusterName | undefined,
  object,
  gone: false,
});

/** Whether load balancers should send new traffic here after these changes. */
function isEligible(...changes: readonly WrittenChange[]): boolean {
  const health = createProxyHealth({ nowMs: () => 0 }, 1_000);
  const arrivals = changesOf(changes, context).map((change) => ({ ...change, atMs: 0 }));
  watchNode(arrivals, 'n1', health);
  return health.healthz().status === 200;
}

it.each<[string, boolean, readonly WrittenChange[]]>([
  ['while our node is there', true, [there(here)]],
  ['not while the autoscaler is about to delete it', false, [there(tainted)]],
  ['not while it is being deleted', false, [there(leaving)]],
  ['not when it is gone', false, [there(here), { object: here, gone: true }]],
  ['again when it is back', true, [there(tainted), there(here)]],
  ['whatever becomes of other nodes', true, [there({ ...tainted, metadata: { name: 'n2' } })]],
  ['whatever another cluster says of its own', true, [there(tainted, 'east')]],
  ['not if a source that calls our cluster by its name says so', false, [there(tainted, 'home')]],
  ['whatever a Node of another API group says', true, [there({ ...tainted, apiVersion: 'metal.example/v1' })]],
])('load balancers may send new traffic here: %s', (_name, may, changes) => {
  expect(isEligible(...changes)).toBe(may);
});
