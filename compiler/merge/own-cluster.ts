import type { ClusterProperty } from '../model/cluster-property.ts';
import { idOf, ownCluster, type Registry } from '../registry/registry.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, type Namespace } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';

/** The id of the local cluster as its operator states it: in the configuration, else in the registry. */
export function statedOwnCluster(configured: ClusterName | undefined, registry: Registry): ClusterName | undefined {
  return configured === undefined ? ownCluster(registry)?.id : idOf(registry, configured);
}

/**
 * The id of the local cluster (MR-17): from its operator, else from the cluster's own ClusterProperty. undefined where
 * there is none, or where such sources disagree. Objects of namespaces do not count: tenants write them.
 *
 * The operator's id stands even against a different ClusterProperty, which is reported and ignored. Where configuration
 * and registry disagree, neither is believed.
 */
export function findOwnCluster(
  stated: ClusterName | undefined,
  registry: Registry,
  properties: Iterable<ClusterProperty>,
  diagnostics: Diagnostic[],
): ClusterName | undefined {
  const registered = ownCluster(registry)?.id;
  const configured = registered === undefined || registered === stated ? stated : undefined;
  const said = new Set<ClusterName>();
  for (const id of [stated, registered]) if (id !== undefined) said.add(id);
  for (const { clusterId } of properties) if (clusterId !== undefined) said.add(idOf(registry, clusterId));
  if (said.size <= 1) return [...said][0];
  const names = [...said].sort(compareText).join(', ');
  const then =
    configured === undefined ? 'the local cluster has no name' : `the configured name, ${configured}, is used`;
  diagnostics.push({
    severity: 'error',
    code: 'own-cluster-ambiguous',
    object: clusterObject,
    message: `has different names in configuration and ClusterProperty (${names}); ${then}`,
  });
  return configured;
}

/**
 * The id of the local cluster according to Karmada's marks in one namespace, for that namespace alone; undefined where
 * fewer than two objects carry marks, or where the marks name several clusters.
 *
 * applied  how many of the namespace's objects Karmada says it applied to each cluster
 */
export function ownClusterByMarks(
  registry: Registry,
  applied: ReadonlyMap<ClusterName, number>,
): ClusterName | undefined {
  const said = markedAs(registry, applied);
  return said.length === 1 ? said[0] : undefined;
}

function markedAs(registry: Registry, applied: ReadonlyMap<ClusterName, number>): ClusterName[] {
  const said = new Set<ClusterName>();
  for (const [cluster, objects] of applied) if (objects >= 2) said.add(idOf(registry, cluster));
  return [...said].sort(compareText);
}

/**
 * Karmada's marks that do not fit: they name a cluster other than the stated one, or several. They count only in their
 * own namespace, so this merely reports a wrong configuration or forged marks.
 */
export function reportMarks(
  own: ClusterName | undefined,
  registry: Registry,
  marks: Iterable<readonly [Namespace, ReadonlyMap<ClusterName, number>]>,
  diagnostics: Diagnostic[],
): void {
  const told = new Map<ClusterName, Namespace[]>();
  for (const [namespace, applied] of marks) {
    for (const cluster of markedAs(registry, applied)) told.set(cluster, [...(told.get(cluster) ?? []), namespace]);
  }
  const odd = [...told].filter(([cluster]) => cluster !== own).sort(([a], [b]) => compareText(a, b));
  if (odd.length === 0 || (own === undefined && told.size === 1)) return;
  const names = odd.slice(0, shown).map(([cluster, namespaces]) => `${cluster} in ${namespaceText(namespaces)}`);
  const more = odd.length > shown ? ` and ${odd.length - shown} more` : '';
  const then =
    own === undefined
      ? 'each is used only in its own namespaces; name the local cluster in the registry (self: true)'
      : `they are ignored: the local cluster is ${own}`;
  diagnostics.push({
    severity: 'warning',
    code: 'own-cluster-ambiguous',
    object: clusterObject,
    message: `has a different name in Karmada's marks on objects (${names.join(', ')}${more}); ${then}`,
  });
}

/** This many names show what to look for; forged names may be endless. */
const shown = 5;

function namespaceText(namespaces: readonly Namespace[]): string {
  const [first = '', ...others] = [...namespaces].sort(compareText);
  return `namespace ${first}${others.length > 0 ? ` (and ${others.length} more)` : ''}`;
}

/** Stands for the local cluster in diagnostics that are not about one of its objects. */
export const clusterObject: ObjectRef = { kind: 'cluster', name: 'local' };
