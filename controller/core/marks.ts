import { managedBy } from '../../compiler/model/endpoint-slice.ts';
import { isOfKind, kinds } from './kinds.ts';
import type { Held } from './object.ts';

/** Labels and annotations that the controller writes or reads. */
export const marks = {
  /** Label of everything that the controller made, slices excepted: native slices take over their Service's labels. */
  managed: 'slicewright.dev/managed',
  /** Annotation: the topic that the object was made for. */
  partOf: 'slicewright.dev/part-of',
  /** Annotation: hash of what was applied. */
  content: 'slicewright.dev/content',
  /** Annotation on an existing object: the controller may take it over. */
  adopt: 'slicewright.dev/adopt',
  /** Annotation: the object stays when the objects that it was made for are gone. */
  keep: 'slicewright.dev/keep',
  sourceName: 'slicewright.dev/source-name',
  sourceVersion: 'slicewright.dev/source-resource-version',
  servicePorts: 'slicewright.dev/service-ports',
  serviceFacts: 'slicewright.dev/service-facts',
  /** Annotation on a ServiceExport: the clusters that it is for, comma-separated. */
  consumers: 'slicewright.dev/consumer-clusters',
  serviceName: 'kubernetes.io/service-name',
  managedBy: 'endpointslice.kubernetes.io/managed-by',
  importName: 'multicluster.kubernetes.io/service-name',
  sourceCluster: 'multicluster.kubernetes.io/source-cluster',
  provisionCluster: 'endpointslice.karmada.io/provision-cluster',
  derivedService: 'multicluster.kubernetes.io/derived-service',
  headless: 'service.kubernetes.io/headless',
  karmadaManaged: 'karmada.io/managed',
} as const;

/** Value of the managed-by label of slices that the controller writes. */
export const ourManager = 'controller.slicewright.dev';

/** Whether the controller made it. */
export function isOurs(object: Held): boolean {
  if (isOfKind(object, kinds.slice)) return object.labels.get(marks.managedBy) === ourManager;
  return object.labels.get(marks.managed) === 'true';
}

/** Whether its owner allows the controller to take it over. */
export function mayAdopt(object: Held): boolean {
  return object.annotations.get(marks.adopt) === 'true';
}

/** Whether Karmada applied it. For slices the manager decides, because native ones copy their Service's labels. */
export function isKarmadas(object: Held): boolean {
  if (!isOfKind(object, kinds.slice)) return object.labels.get(marks.karmadaManaged) === 'true';
  const manager = object.labels.get(marks.managedBy);
  if (manager === managedBy.karmadaDispatch || manager === managedBy.karmadaImport) return true;
  return (manager ?? '') === '' && appliedByKarmada(object);
}

/** Marks that Karmada before 1.15 leaves on an imported slice, which has no manager. */
function appliedByKarmada({ labels, annotations }: Held): boolean {
  return (
    labels.get(marks.karmadaManaged) === 'true' ||
    labels.has('work.karmada.io/permanent-id') ||
    labels.has('work.karmada.io/name') ||
    annotations.has('work.karmada.io/name')
  );
}

/** Managers of slices with other clusters' pods. */
const meshes: ReadonlySet<string> = new Set([
  ourManager,
  managedBy.karmadaDispatch,
  managedBy.karmadaImport,
  'endpointslice-mesh-controller.cilium.io',
  'endpointslice-local-mcsapi-controller.cilium.io',
  'lighthouse-agent.submariner.io',
]);

/**
 * Whether a slice holds its own cluster's pods, so that other clusters may get it (CC-4): it is written by the cluster's
 * own controllers, by hand, or by an unknown manager, as Karmada collects those too. It is never written by a mesh, and never
 * marked as another cluster's.
 */
export function isCollectable(slice: Held): boolean {
  const manager = slice.labels.get(marks.managedBy) ?? '';
  if (manager === managedBy.native || manager === managedBy.mirroring) return true;
  if (meshes.has(manager) || slice.labels.has(marks.sourceCluster)) return false;
  return !slice.annotations.has(marks.provisionCluster) && (manager !== '' || !appliedByKarmada(slice));
}
