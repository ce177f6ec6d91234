import { describe, expect, it } from 'vitest';
import { type CompileOptions, compileObjects, diagnosticTexts, registryOf } from '../../test/helpers/compile.ts';
import {
  dispatched,
  multiClusterService,
  service,
  serviceExport,
  serviceImport,
  slice,
} from '../../test/helpers/kubernetes.ts';
import { defaultPolicy } from '../policy/policy.ts';
import { type ClusterName, parseClusterName, parseNamespace, parseObjectName } from '../values/names.ts';

/** Objects of `default/serve` or another Service, the other cluster's objects that offer it to all, and its slices. */
function told(namespace: string, name: string) {
  const at = <T extends { readonly metadata: object }>(object: T): T => ({
    ...object,
    metadata: { ...object.metadata, namespace },
  });
  return {
    serve: (annotations: Record<string, string> = {}) => at(service(name, {}, { annotations })),
    native: at(slice(name, `${name}-a`, ['10.0.0.1'])),
    vip: at(serviceImport(name)),
    mcs: at(multiClusterService(name)),
    dispatched: at(dispatched(name, 'east', ['10.1.0.1'])),
    exported: [at(slice(name, `${name}-e`, ['10.1.0.1'])), at(serviceExport(name))],
    provided: [at(slice(name, `${name}-e`, ['10.1.0.1'])), at(multiClusterService(name))],
  };
}

const settings = { ownCluster: parseClusterName('home') };
const { serve, native, vip, mcs, exported, provided } = told('default', 'serve');

/** Clusters whose endpoints get connections, by Service. */
function fed(objects: readonly unknown[], east: readonly unknown[], options: CompileOptions = {}): string[] {
  const { services } = compileObjects(objects, { settings, clusters: { east }, ...options });
  return services.IPv4.map(
    ({ service: key, pools }) => `${key}: ${pools.cluster.map(({ cluster }) => cluster ?? 'local').join(' ')}`,
  );
}

function mayServe(namespace: string, ...names: string[]) {
  const of = parseNamespace(namespace) ?? '*';
  const listed = names.map(parseObjectName).filter((name) => name !== undefined);
  return registryOf({
    east: { mayServe: [{ namespace: of, names: listed.length === 0 ? undefined : listed }] },
    home: {},
  });
}

describe("another cluster's endpoints join a local Service", () => {
  it.each([
    ['an export', exported],
    ['a MultiClusterService of that cluster', provided],
  ])('never by that cluster’s word alone: %s', (_what, east) => {
    expect(fed([serve(), native], east)).toEqual(['default/serve: local']);
    expect(
      fed([serve(), native], east, { registry: registryOf({ east: {}, home: {} }, { strictCidr: false }) }),
    ).toEqual(['default/serve: local']);
  });

  it('by our own MultiClusterService', () => {
    expect(fed([serve(), native, mcs], exported)).toEqual(['default/serve: local east']);
    expect(fed([serve(), native, mcs], exported.slice(0, 1))).toEqual(['default/serve: local east']);
  });

  it('through our own ServiceImport, at its addresses or at the derived Service', () => {
    expect(fed([serve(), native, vip], exported)).toEqual(['default/serve: local', 'default/serve@clusterset: east']);
    const derived = service('derived-serve', { clusterIP: '10.96.0.2' });
    expect(fed([serve(), native, vip, derived], exported)).toEqual([
      'default/derived-serve: east',
      'default/serve: local',
    ]);
  });

  it.each(['east', 'west, east', '*', 'e'])('by the annotation on the Service: %s', (accepted) => {
    const registry = registryOf({ east: { aliases: ['e' as ClusterName] }, home: {} });
    const annotated = serve({ 'slicewright.dev/accept-clusters': accepted });
    expect(fed([annotated, native], exported, { registry })).toEqual(['default/serve: local east']);
    expect(fed([annotated, native], provided, { registry })).toEqual(['default/serve: local east']);
    expect(fed([annotated, native], exported.slice(0, 1), { registry })).toEqual(['default/serve: local']);
  });

  it('not by an annotation that names other clusters, or nobody', () => {
    for (const accepted of ['west', '', 'East']) {
      expect(fed([serve({ 'slicewright.dev/accept-clusters': accepted }), native], exported)).toEqual([
        'default/serve: local',
      ]);
    }
  });

  it("by the registry's policy for all Services", () => {
    const registry = registryOf({ east: {} }, { policy: { ...defaultPolicy, acceptClusters: ['*'] } });
    expect(fed([serve(), native], exported, { registry })).toEqual(['default/serve: local east']);
  });

  it.each([
    ['its namespace', mayServe('default'), true],
    ['its name', mayServe('default', 'serve'), true],
    ['every namespace', mayServe('*'), true],
    ['its name in every namespace', mayServe('*', 'serve'), true],
    ['another name', mayServe('default', 'other'), false],
    ['another namespace', mayServe('shop'), false],
  ])('by a grant in the registry of %s', (_what, registry, granted) => {
    expect(fed([serve(), native], exported, { registry })).toEqual([`default/serve: local${granted ? ' east' : ''}`]);
  });

  it('as a local dispatcher wrote them: its slices are the word of the local cluster', () => {
    for (const [namespace, name] of [
      ['default', 'serve'],
      ['kube-system', 'kube-dns'],
    ] as const) {
      const of = told(namespace, name);
      expect(fed([of.serve(), of.native, of.dispatched], [])).toEqual([`${namespace}/${name}: local east`]);
    }
  });

  it('with the reason beside them', () => {
    const reasons = (objects: readonly unknown[], registry = mayServe('kube-system')) =>
      compileObjects(objects, { settings, clusters: { east: exported }, registry })
        .endpoints.filter(({ cluster }) => cluster !== undefined)
        .map(({ reasons: [first] }) => first?.text);
    expect(reasons([serve(), mcs])).toEqual(['east provides it to this cluster by a local MultiClusterService']);
    expect(reasons([serve(), vip])).toEqual(['exported by east; the local ServiceImport accepts it']);
    expect(reasons([serve({ 'slicewright.dev/accept-clusters': 'east' })])).toEqual([
      'exported by east; the Service accepts it (slicewright.dev/accept-clusters)',
    ]);
    expect(reasons([serve()], mayServe('default'))).toEqual(['exported by east; the registry accepts it (mayServe)']);
  });
});

describe.each([
  ['default', 'kubernetes'],
  ['kube-system', 'kube-dns'],
  ['kube-public', 'info'],
  ['kube-node-lease', 'any'],
])('%s/%s', (namespace, name) => {
  const of = told(namespace, name);
  const alone = [`${namespace}/${name}: local`];
  const annotated = of.serve({ 'slicewright.dev/accept-clusters': '*' });

  it('takes nothing in without a grant in the registry, whatever objects say', () => {
    for (const east of [of.exported, of.provided]) {
      for (const objects of [[of.serve()], [of.serve(), of.mcs], [annotated]]) {
        for (const registry of [registryOf({ east: {}, home: {} }), mayServe('*'), mayServe('*', name)]) {
          expect(fed([...objects, of.native], east, { registry })).toEqual(alone);
        }
      }
    }
    expect(fed([of.vip], of.exported)).toEqual([`${namespace}/${name}@clusterset:`.concat(' ')]);
  });

  it('takes in what a grant of its name lets in', () => {
    const registry = mayServe(namespace, name);
    expect(fed([of.serve(), of.native], of.exported, { registry })).toEqual([`${alone[0]} east`]);
    expect(fed([of.serve(), of.native, of.mcs], of.exported, { registry })).toEqual([`${alone[0]} east`]);
  });
});

it('default/kubernetes is not meant by a grant of its namespace, nor fed as what is derived from another name', () => {
  const of = told('default', 'kubernetes');
  expect(fed([of.serve(), of.native], of.exported, { registry: mayServe('default') })).toEqual([
    'default/kubernetes: local',
  ]);
  const derived = serviceImport(
    'serve',
    {},
    { annotations: { 'multicluster.kubernetes.io/derived-service': 'kubernetes' } },
  );
  expect(fed([of.serve(), of.native, derived], exported)).toEqual(['default/kubernetes: local']);
});

it('what is offered and not accepted is said once a Service and cluster, with what to do', () => {
  const compilation = compileObjects([serve(), native], { settings, clusters: { east: exported } });
  expect(diagnosticTexts(compilation)).toEqual([
    'warning: Service default/serve: cluster east offers endpoints for it, but no object of the local cluster accepts them; they are not used. To accept them: annotation slicewright.dev/accept-clusters: east on the Service, a ServiceImport or MultiClusterService of its name, or mayServe of east in the registry',
  ]);
  const of = told('kube-system', 'kube-dns');
  expect(
    diagnosticTexts(compileObjects([of.serve(), of.native, of.mcs], { settings, clusters: { east: of.exported } })),
  ).toEqual([
    'warning: Service kube-system/kube-dns: cluster east offers endpoints for it; they are not used: for default/kubernetes and the system namespaces, only mayServe of east in the registry can accept them, by namespace and name',
  ]);
});
