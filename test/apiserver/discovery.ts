import { apiVersionOf, type Resource, resources, type Target } from './resources.ts';

/** The installed groups of custom kinds, and further versions of them. */
interface Installed {
  readonly installed: ReadonlySet<string>;
  readonly served: ReadonlySet<string>;
}

/** Whether a kind is served in the requested version. */
export function isServed(
  { resource, version }: Pick<Target, 'resource' | 'version'>,
  { installed, served }: Installed,
): boolean {
  if (!resource.custom) return true;
  const isFirst = version === resource.version;
  return installed.has(resource.group) && (isFirst || served.has(`${resource.group}/${version}`));
}

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/**
 * The groups, versions and kinds that exist: `/api`, `/apis`, and one version of one group; undefined for other paths.
 */
export function discover(path: string, double: Installed): unknown {
  const there = resources.flatMap((resource) =>
    [resource.version, ...(resource.alsoVersions ?? [])]
      .filter((version) => isServed({ resource, version }, double))
      .map((version) => ({ ...resource, version })),
  );
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(there) };
  const [, core, group, version] = /^\/(?:api\/(v1)|apis\/([^/]+)(?:\/([^/]+))?)$/.exec(path) ?? [];
  if (group !== undefined && version === undefined) return groupsOf(there).find(({ name }) => name === group);
  const wanted = core === undefined ? `${group}/${version}` : core;
  const found = there.filter((resource) => apiVersionOf(resource) === wanted);
  if (found.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: wanted, resources: found.flatMap(described) };
}

/** The short names that people type, by kind. */
const shortNames: Readonly<Record<string, readonly string[]>> = {
  Service: ['svc'],
  Deployment: ['deploy'],
  Namespace: ['ns'],
  MultiClusterService: ['mcs'],
};

function described({ plural, kind, namespaced, custom }: Resource) {
  const short = shortNames[kind] === undefined ? {} : { shortNames: shortNames[kind] };
  const resource = { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs, ...short };
  return custom
    ? [resource, { ...resource, shortNames: undefined, name: `${plural}/status`, verbs: ['get', 'patch', 'update'] }]
    : [resource];
}

function groupsOf(there: readonly Resource[]) {
  const groups = Map.groupBy(
    there.filter(({ group }) => group !== ''),
    ({ group }) => group,
  );
  return [...groups].map(([name, ofGroup]) => {
    // The newest comes first.
    const versions = [...new Set(ofGroup.map(({ version }) => version))].sort().reverse();
    const described = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, kind: 'APIGroup', versions: described, preferredVersion: described[0] };
  });
}
