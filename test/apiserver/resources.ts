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
  /** Further versions in which the same objects are served. */
  readonly alsoVersions?: readonly string[];
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
  core('namespaces', 'Namespace', false),
  core('secrets', 'Secret'),
  core('configmaps', 'ConfigMap'),
  core('events', 'Event'),
  core('pods', 'Pod'),
  grouped('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', false),
  grouped('coordination.k8s.io', 'v1', 'leases', 'Lease', false),
  grouped('apps', 'v1', 'deployments', 'Deployment', false),
  grouped('apps', 'v1', 'daemonsets', 'DaemonSet', false),
  core('serviceaccounts', 'ServiceAccount'),
  grouped('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', false),
  grouped('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy', false),
  grouped('rbac.authorization.k8s.io', 'v1', 'roles', 'Role', false),
  grouped('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding', false),
  { ...grouped('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false), namespaced: false },
  {
    ...grouped('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings', 'ClusterRoleBinding', false),
    namespaced: false,
  },
  {
    ...grouped('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false),
    namespaced: false,
  },
  {
    ...grouped('multicluster.x-k8s.io', 'v1alpha1', 'serviceexports', 'ServiceExport', true),
    alsoVersions: ['v1beta1'],
  },
  {
    ...grouped('multicluster.x-k8s.io', 'v1alpha1', 'serviceimports', 'ServiceImport', true),
    alsoVersions: ['v1beta1'],
  },
  grouped('policy.karmada.io', 'v1alpha1', 'propagationpolicies', 'PropagationPolicy', true),
  {
    ...grouped('policy.karmada.io', 'v1alpha1', 'clusterpropagationpolicies', 'ClusterPropagationPolicy', true),
    namespaced: false,
  },
  grouped('networking.karmada.io', 'v1alpha1', 'multiclusterservices', 'MultiClusterService', true),
  { ...grouped('about.k8s.io', 'v1alpha1', 'clusterproperties', 'ClusterProperty', true), namespaced: false },
];

export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `endpointslices.discovery.k8s.io`: the name of a kind in messages of the API server. */
export function qualified({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** The target of a request path. */
export interface Target {
  readonly resource: Resource;
  /** The requested version. */
  readonly version: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** undefined: no kind has this path. */
export function parsePath(path: string): Target | undefined {
  // A namespace itself, not something in it.
  const own = /^\/api\/v1\/namespaces(?:\/([^/]+)(\/status)?)?$/.exec(path);
  const namespaces = resources.find(({ kind }) => kind === 'Namespace');
  if (own !== null && namespaces !== undefined) {
    const subresource = own[2] === undefined ? undefined : 'status';
    return { resource: namespaces, version: 'v1', namespace: undefined, name: own[1], subresource };
  }
  const match =
    /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<sub>[^/]+))?)?$/.exec(
      path,
    )?.groups;
  if (match === undefined) return undefined;
  const group = match['core'] === undefined ? match['group'] : '';
  const version = match['core'] ?? match['version'];
  const resource = resources.find(
    (known) =>
      known.group === group &&
      (known.version === version || known.alsoVersions?.includes(version ?? '') === true) &&
      known.plural === match['plural'],
  );
  if (resource === undefined || version === undefined) return undefined;
  return { resource, version, namespace: match['namespace'], name: match['name'], subresource: match['sub'] };
}
