import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { resources } from '../apiserver/resources.ts';
import { copiesIn, type Live, objectsIn, startLive } from '../controller/live.ts';
import { multiClusterService, nativeSlice, serviceExport, webService } from '../controller/stories.ts';
import { kustomize, type Manifest } from './kustomize.ts';
import { podOf } from './pod.ts';

const root = fileURLToPath(new URL('../../deploy/', import.meta.url));
const overlay = kustomize(join(root, 'controller/overlays/hub'));
const member = kustomize(join(root, 'controller/member'));
const definitions = kustomize(join(root, 'crds'));

/** Secrets are followed by the process, which is not run here; controller/commands holds it to these verbs. */
const idle = /^\/secrets (list|watch)$|policies\/status patch$/;

let live: Live;
afterEach(() => live?.close());

/** What roles allow: `discovery.k8s.io/endpointslices list`. */
function allowed(manifests: readonly Manifest[]): ReadonlySet<string> {
  const rules = manifests.filter(({ kind }) => kind.endsWith('Role')).flatMap(({ rules: each }) => each ?? []);
  return new Set(
    rules.flatMap(({ apiGroups, resources: names, verbs }) =>
      apiGroups.flatMap((group) => names.flatMap((name) => verbs.map((verb) => `${group}/${name} ${verb}`))),
    ),
  );
}

/** What a request asks, as RBAC sees it. Discovery is open to everybody. */
function asked(line: string): readonly string[] {
  const [method = '', url = ''] = line.split(' ');
  const { pathname, searchParams } = new URL(url, 'http://double');
  const own = /^\/api\/v1\/namespaces(\/[^/]+)?$/.exec(pathname);
  const [, core, group, plural = '', name, sub] =
    /^\/(?:api\/(v1)|apis\/([^/]+)\/[^/]+)(?:\/namespaces\/[^/]+)?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      pathname,
    ) ?? [];
  const isNamespace = own !== null;
  if (!isNamespace && core === undefined && group === undefined) return [];
  const resource = isNamespace ? 'namespaces' : sub === undefined ? plural : `${plural}/${sub}`;
  const isNamed = isNamespace ? own[1] !== undefined : name !== undefined;
  const reading = isNamed ? 'get' : searchParams.get('watch') === 'true' ? 'watch' : 'list';
  const verbs: Readonly<Record<string, readonly string[]>> = {
    GET: [reading],
    POST: ['create'],
    PUT: ['update'],
    DELETE: ['delete'],
    // Applying what is not there yet is checked as creating too.
    PATCH: sub === undefined ? ['patch', 'create'] : ['patch'],
  };
  return (verbs[method] ?? []).map((verb) => `${group ?? ''}/${resource} ${verb}`);
}

const askedOf = (name: string): ReadonlySet<string> => new Set(live.at(name).requests.flatMap(asked));

async function startDefined(names: readonly string[]): Promise<void> {
  live = await startLive(names, []);
  for (const double of live.doubles.values()) {
    for (const definition of definitions) double.apply(definition as never);
  }
}

const policy = (name: string, apiVersion: string, kind: string, clusterNames: readonly string[]) => ({
  apiVersion: 'policy.karmada.io/v1alpha1',
  kind: 'PropagationPolicy',
  metadata: { name, namespace: 'default' },
  spec: { resourceSelectors: [{ apiVersion, kind }], placement: { clusterAffinity: { clusterNames } } },
});

describe('what the controller asks of API servers', () => {
  const used = new Map<'hub' | 'member', Set<string>>([
    ['hub', new Set()],
    ['member', new Set()],
  ]);
  const note = (role: 'hub' | 'member', name: string): void => {
    for (const each of askedOf(name)) used.get(role)?.add(each);
  };
  const roles = { hub: allowed(overlay), member: allowed(member) };
  /** What the roles allow and nobody has asked for yet: it comes soon, or never. */
  const unused = (role: 'hub' | 'member', names: readonly string[]): readonly string[] => {
    for (const name of names) note(role, name);
    return [...roles[role]].filter((each) => used.get(role)?.has(each) !== true && !idle.test(each)).sort();
  };
  const isDeletion = (each: string): boolean => each.endsWith(' delete');

  beforeAll(async () => {
    await startDefined(['hub', 'm1', 'm2']);
    const hub = live.at('hub');
    live.start();
    hub.apply(webService('serve'));
    hub.apply(multiClusterService('serve', [], []));
    hub.apply({ ...serviceExport('serve'), kind: 'ServiceExport' });
    hub.apply({
      kind: 'ServiceImport',
      metadata: { name: 'serve', namespace: 'default' },
      spec: { type: 'ClusterSetIP', ports: [{ port: 80 }] },
    });
    hub.apply({ kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 1 } });
    hub.apply(policy('export', 'multicluster.x-k8s.io/v1alpha1', 'ServiceExport', ['m1']));
    hub.apply(policy('import', 'multicluster.x-k8s.io/v1alpha1', 'ServiceImport', ['m2']));
    hub.apply(policy('deployment', 'apps/v1', 'Deployment', ['m1']));
    hub.apply({
      apiVersion: 'policy.karmada.io/v1alpha1',
      kind: 'ClusterPropagationPolicy',
      metadata: { name: 'crds' },
      spec: {
        resourceSelectors: [
          { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'things.example.com' },
        ],
      },
    });
    hub.apply({
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: { group: 'example.com' },
    });
    live.at('m1').apply(nativeSlice('serve', 'm1', ['10.10.0.1']));
    await eventually(() => {
      expect(copiesIn(live.at('m2'))).toEqual({ 'm1 serve': ['10.10.0.1'], 'm1 derived-serve': ['10.10.0.1'] });
      expect(objectsIn(live.at('m1'), 'Deployment')).toHaveLength(1);
      expect(objectsIn(live.at('m1'), 'CustomResourceDefinition')).toHaveLength(definitions.length + 1);
      expect(objectsIn(hub, 'MultiClusterService')).toMatchObject([
        { status: { conditions: [{ status: 'True' }, {}, {}, {}] } },
      ]);
    });
    // What is told of an object is told while it is there.
    await eventually(() => expect(unused('hub', ['hub']).filter((each) => !isDeletion(each))).toEqual([]));
    for (const kind of ['MultiClusterService', 'ServiceExport', 'ServiceImport']) hub.remove(kind, 'default', 'serve');
    for (const name of ['export', 'import', 'deployment']) hub.remove('PropagationPolicy', 'default', name);
    hub.remove('ClusterPropagationPolicy', undefined, 'crds');
    await eventually(() => {
      for (const name of ['m1', 'm2']) {
        for (const kind of ['Service', 'Deployment', 'ServiceExport', 'ServiceImport'])
          expect(objectsIn(live.at(name), kind)).toEqual([]);
        expect(copiesIn(live.at(name))).toEqual({});
        expect(objectsIn(live.at(name), 'CustomResourceDefinition')).toHaveLength(definitions.length);
      }
      expect(objectsIn(hub, 'EndpointSlice')).toEqual([]);
    });
    await eventually(() => expect(unused('hub', ['hub'])).toEqual([]));
    for (const name of ['m1', 'm2']) note('member', name);
    await live.close();
    // Leases are given back at the end.
    note('hub', 'hub');
    for (const name of ['m1', 'm2']) note('member', name);

    await startDefined(['c1', 'c2']);
    live.start();
    live.at('c1').apply(webService('hello'));
    live.at('c1').apply(serviceExport('hello'));
    live.at('c1').apply(nativeSlice('hello', 'c1', ['10.1.0.1']));
    live.at('c1').apply(webService('both'));
    live.at('c1').apply(multiClusterService('both', [], []));
    await eventually(() => {
      for (const name of ['c1', 'c2'])
        expect(objectsIn(live.at(name), 'ServiceImport')).toMatchObject([
          { spec: { ips: [expect.any(String)] }, status: { conditions: [{ status: 'True' }] } },
        ]);
      expect(objectsIn(live.at('c2'), 'Service')).toHaveLength(2);
      expect(objectsIn(live.at('c1'), 'MultiClusterService')).toMatchObject([
        { status: { conditions: [{}, {}, {}, {}] } },
      ]);
      expect(objectsIn(live.at('c1'), 'Event').length).toBeGreaterThan(0);
    });
    await eventually(() => expect(unused('member', ['c1', 'c2']).filter((each) => !isDeletion(each))).toEqual([]));
    live.at('c1').remove('ServiceExport', 'default', 'hello');
    await eventually(() => expect(objectsIn(live.at('c2'), 'ServiceImport')).toEqual([]));
    await eventually(() => expect(unused('member', ['c1', 'c2'])).toEqual([]));
    // Longer than all that is waited for above: how fast a machine is decides no test.
  }, 600_000);

  it('of a hub is what its roles allow', () => {
    expect([...(used.get('hub') ?? [])].filter((each) => !roles.hub.has(each)).sort()).toEqual([]);
  });

  it('of a member is what its roles allow', () => {
    expect([...(used.get('member') ?? [])].filter((each) => !roles.member.has(each)).sort()).toEqual([]);
  });

  it('is all that the roles allow: no verb is given for nothing', () => {
    expect(unused('hub', [])).toEqual([]);
    expect(unused('member', [])).toEqual([]);
  });
});

describe('the Deployment', () => {
  const deployment = overlay.find(({ kind }) => kind === 'Deployment');
  const spec = deployment?.spec as {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly containers: readonly {
          readonly image: string;
          readonly securityContext: object;
          readonly args: readonly string[];
        }[];
      };
    };
  };

  it('names the same image as the DaemonSet', () => {
    const daemonSet = kustomize(join(root, 'overlays/iptables'));
    expect(spec.template.spec.containers.map(({ image }) => image)).toEqual(
      podOf(daemonSet).containers.map(({ image }) => image),
    );
  });

  it('has two pods without any privilege, one of which may go at a time', () => {
    expect(spec.replicas).toBe(2);
    expect(spec.template.spec.containers.map(({ securityContext }) => securityContext)).toEqual([
      {
        runAsNonRoot: true,
        runAsUser: 65532,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
    ]);
    for (const kind of ['PodDisruptionBudget', 'NetworkPolicy']) {
      const { spec: selecting } = overlay.find((each) => each.kind === kind) ?? {};
      const selector = (selecting?.['selector'] ?? selecting?.['podSelector']) as { readonly matchLabels: object };
      expect(selector.matchLabels).toEqual(spec.template.metadata.labels);
    }
  });
});

describe('the definitions', () => {
  it('are of all custom kinds that the controller reads', () => {
    const served = resources.filter(({ custom, group }) => custom && group !== 'about.k8s.io');
    expect(definitions.map(({ metadata }) => metadata.name).sort()).toEqual(
      served.map(({ plural, group }) => `${plural}.${group}`).sort(),
    );
  });

  it.each([
    [
      'networking.karmada.io/v1alpha1/namespaces/default/multiclusterservices',
      { spec: { types: ['Everywhere'] } },
      'spec.types[0]: Unsupported value: "Everywhere"',
    ],
    [
      'networking.karmada.io/v1alpha1/namespaces/default/multiclusterservices',
      { spec: {} },
      'spec.types: Required value',
    ],
    [
      'multicluster.x-k8s.io/v1beta1/namespaces/default/serviceimports',
      { spec: { type: 'ClusterSetIP', ports: [{ port: 70000 }] } },
      'spec.ports[0].port: Invalid value: 70000',
    ],
    [
      'multicluster.x-k8s.io/v1alpha1/namespaces/default/serviceexports',
      { spec: { exportedLabels: ['a'] } },
      'spec.exportedLabels: Invalid value: "array"',
    ],
    [
      'policy.karmada.io/v1alpha1/namespaces/default/propagationpolicies',
      { spec: { resourceSelectors: [{ kind: 'Service' }] } },
      'spec.resourceSelectors[0].apiVersion: Required value',
    ],
  ])('refuse in %s what users must not write: %j', async (path, fields, message) => {
    await startDefined(['hub']);
    const answer = await fetch(`${live.at('hub').url}/apis/${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
      body: JSON.stringify({ metadata: { name: 'x' }, ...fields }),
    });
    expect(answer.status).toBe(422);
    expect(((await answer.json()) as { message: string }).message).toContain(message);
  });
});
