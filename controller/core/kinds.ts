/** A kind by what is the same in all its versions. */
export interface Kind {
  /** '' for the core group. */
  readonly group: string;
  readonly kind: string;
}

export const kinds = {
  service: { group: '', kind: 'Service' },
  namespace: { group: '', kind: 'Namespace' },
  slice: { group: 'discovery.k8s.io', kind: 'EndpointSlice' },
  serviceExport: { group: 'multicluster.x-k8s.io', kind: 'ServiceExport' },
  serviceImport: { group: 'multicluster.x-k8s.io', kind: 'ServiceImport' },
  multiClusterService: { group: 'networking.karmada.io', kind: 'MultiClusterService' },
  policy: { group: 'policy.karmada.io', kind: 'PropagationPolicy' },
  clusterPolicy: { group: 'policy.karmada.io', kind: 'ClusterPropagationPolicy' },
} as const satisfies Readonly<Record<string, Kind>>;

/** An object's identity in a cluster, whatever version of its kind it is read and written in. */
export interface ObjectId extends Kind {
  readonly namespace: string | undefined;
  readonly name: string;
}

/** `ServiceExport.multicluster.x-k8s.io`; `Service` in the core group. */
export function kindText({ group, kind }: Kind): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** `EndpointSlice.discovery.k8s.io shop/cart-x7k2p`: unique in a cluster. */
export function idText(id: ObjectId): string {
  return `${kindText(id)} ${id.namespace === undefined ? id.name : `${id.namespace}/${id.name}`}`;
}

/** For people: without the group. */
export function shortId(id: ObjectId): string {
  return `${id.kind} ${id.namespace === undefined ? id.name : `${id.namespace}/${id.name}`}`;
}

export function idIn(kind: Kind, namespace: string | undefined, name: string): ObjectId {
  return { group: kind.group, kind: kind.kind, namespace, name };
}

/** The group of an apiVersion: `multicluster.x-k8s.io` for `multicluster.x-k8s.io/v1beta1`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

export function isOfKind(id: Kind, kind: Kind): boolean {
  return id.kind === kind.kind && id.group === kind.group;
}
