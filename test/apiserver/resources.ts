/** A kind that the double can serve. */
export interface Resource {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Exists only while its CRD is installed. */
  readonly custom: boolean;
}

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
  custom: false,
});
const grouped = (group: string, version: string, plural: string, kind: string, custom: boolean): Resource => ({
  group,
  version,
  plural,
  kind,
  namespaced: true,
  custom,
});

export const resources: readonly Resource[] = [
  core('services', 'Service'),
  core('nodes', 'Node', false),
  core('events', 'Event'),
  grouped('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', false),
  grouped('coordination.k8s.io', 'v1', 'leases', 'Lease', false),
  grouped('multicluster.x-k8s.io', 'v1alpha1', 'serviceexports', 'ServiceExport', true),
  grouped('multicluster.x-k8s.io', 'v1alpha1', 'serviceimports', 'ServiceImport', true),
  grouped('networking.karmada.io', 'v1alpha1', 'multiclusterservices', 'MultiClusterService', true),
  { ...grouped('about.k8s.io', 'v1alpha1', 'clusterproperties', 'ClusterProperty', true), namespaced: false },
];

export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `endpointslices.discovery.k8s.io`: how messages of the API server name a kind. */
export function qualified({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** What a request path addresses. */
export interface Target {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** undefined: no kind lives there. */
export function parsePath(path: string): Target | undefined {
  const match =
    /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<sub>[^/]+))?)?$/.exec(
      path,
    )?.groups;
  if (match === undefined) return undefined;
  const group = match['core'] === undefined ? match['group'] : '';
  const version = match['core'] ?? match['version'];
  const resource = resources.find(
    (known) => known.group === group && known.version === version && known.plural === match['plural'],
  );
  if (resource === undefined) return undefined;
  return { resource, namespace: match['namespace'], name: match['name'], subresource: match['sub'] };
}
