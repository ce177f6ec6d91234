import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import { formatObjectRef, type ObjectRef } from '../values/object-ref.ts';
import type { AttachedSlice } from './attach.ts';
import type { MergeFacts } from './facts.ts';
import { clusterObject } from './own-cluster.ts';

/** What is uncertain about the sources of our own cluster's slices: once per source, not per slice (MR-11, MR-12). */
export function reportSources(attached: Iterable<AttachedSlice>, facts: MergeFacts, diagnostics: Diagnostic[]): void {
  const doubts = new Map<string, AttachedSlice[]>();
  let hasRemote = false;
  for (const each of attached) {
    if (each.source.kind !== 'remote') continue;
    hasRemote = true;
    if (each.source.doubt === undefined) continue;
    const key = `${each.source.doubt} ${each.source.cluster}`;
    const slicesInDoubt = doubts.get(key);
    if (slicesInDoubt === undefined) doubts.set(key, [each]);
    else slicesInDoubt.push(each);
  }
  for (const slices of doubts.values()) reportDoubt(slices, facts, diagnostics);
  if (hasRemote && facts.own === undefined) {
    const message = 'has no known id; slices of ours that come back through other clusters count as remote';
    diagnostics.push({ severity: 'info', code: 'own-cluster-unknown', object: clusterObject, message });
  }
}

function reportDoubt(slices: readonly AttachedSlice[], facts: MergeFacts, diagnostics: Diagnostic[]): void {
  const ordered = [...slices].sort((a, b) => compareText(formatObjectRef(a.slice.ref), formatObjectRef(b.slice.ref)));
  const [first] = ordered;
  if (first?.source.kind !== 'remote') return;
  const { cluster, doubt } = first.source;
  const others = slices.length > 1 ? ` (and ${slices.length - 1} more)` : '';
  const known = facts.knownClusters.join(', ') || 'none';
  const message =
    doubt === 'ambiguous'
      ? `could be of several clusters by its name; the longest known name, ${cluster}, is taken${others}`
      : `names no known cluster (known: ${known}); its endpoints count as remote, of "${cluster}"${others}`;
  const code = doubt === 'ambiguous' ? 'source-cluster-ambiguous' : 'source-cluster-unresolved';
  diagnostics.push({ severity: 'warning', code, object: first.slice.ref, message });
}

/** Clusters that name a zone like ours: equal names are no equal places (MR-45). */
export function reportZones(clusters: ReadonlySet<ClusterName>, facts: MergeFacts, diagnostics: Diagnostic[]): void {
  for (const cluster of clusters) {
    diagnostics.push({
      severity: 'info',
      code: 'zone-unmapped',
      object: { kind: 'cluster', name: cluster },
      message: `has a zone named "${facts.zone}" as our node's is; without a mapping it is taken for another place`,
    });
  }
}

/** Slices that name no Service (MR-4). */
export function reportUnattached(slices: Iterable<ObjectRef>, diagnostics: Diagnostic[]): void {
  for (const object of slices) {
    const message = 'names no Service (label kubernetes.io/service-name); its endpoints are not used';
    diagnostics.push({ severity: 'info', code: 'slice-unattached', object, message });
  }
}

/** MultiClusterServices among another cluster's objects: one cluster cannot speak for others. */
export function reportPresumption(refs: Iterable<ObjectRef>, diagnostics: Diagnostic[]): void {
  for (const object of refs) {
    const message = `counts only for what ${object.cluster ?? ''} itself provides; give it among the own cluster's objects if it is to speak for others`;
    diagnostics.push({ severity: 'info', code: 'multi-cluster-service-elsewhere', object, message });
  }
}
