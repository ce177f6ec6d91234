import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryLink, arbitraryObjects, arbitrarySlice } from '../../test/helpers/arbitrary-cluster.ts';
import { compileObjects, diagnosticTexts, poolTexts, registryOf } from '../../test/helpers/compile.ts';
import { dispatched, imported, node, service, serviceImport, slice } from '../../test/helpers/kubernetes.ts';
import type { Compilation } from '../compile.ts';
import { createToldCompiler } from '../../test/helpers/told.ts';
import { emptyRegistry } from '../registry/registry.ts';
import { defaultSettings } from '../settings.ts';
import { parseClusterName } from '../values/names.ts';

type Json = Readonly<Record<string, unknown>>;

/** The object, moved to another tenant's namespace. */
function elsewhere<T extends { readonly metadata: object }>(object: T, namespace = 'tenant'): T {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

const applied = (name: string, cluster: string, clusterIP: string) =>
  service(name, { clusterIP }, { annotations: { 'work.karmada.io/namespace': `karmada-es-${cluster}` } });

/** What happens to connections to Services of namespace `default`, and why. */
function ofDefault({ services, endpoints }: Compilation) {
  const mine = (key: string) => key.startsWith('default/');
  return {
    pools: [...services.IPv4, ...services.IPv6]
      .filter(({ service: key }) => mine(key))
      .map(({ id, pools, known, internal, external }) => ({ id, pools, known, internal, external })),
    endpoints: endpoints.filter(({ service: key }) => mine(key)),
  };
}

describe('what one namespace says of clusters holds for that namespace', () => {
  const byName = slice('serve', 'imported-eu-west-1', ['10.1.0.1'], { by: 'import' });
  const objects = [service('serve'), byName];
  const forged = [
    slice('x', 'x', [], { by: 'me', labels: { 'multicluster.kubernetes.io/source-cluster': 'eu-west' } }),
    slice('x', 'y', [], { by: 'dispatch', provisionCluster: 'eu-west' }),
    serviceImport('x', {}, { status: { clusters: [{ cluster: 'eu-west' }] } }),
    {
      apiVersion: 'networking.karmada.io/v1alpha1',
      kind: 'MultiClusterService',
      metadata: { name: 'x' },
      spec: { types: ['CrossCluster'], providerClusters: [{ name: 'eu-west' }] },
    },
  ];

  it.each(forged)('a made-up cluster: $kind', (object) => {
    const registry = registryOf({ eu: {} });
    const clusterOf = (more: unknown) =>
      compileObjects([...objects, more], { registry }).endpoints.find(({ address }) => address === '10.1.0.1')?.cluster;
    expect(clusterOf(elsewhere(object))).toBe('eu');
    expect(clusterOf(elsewhere(object, 'default'))).toBe('eu-west');
  });

  it('two objects that Karmada seems to have applied to another cluster', () => {
    const fromEast = dispatched('serve', 'east', ['10.1.0.1']);
    const mine = [service('serve'), fromEast];
    const marks = [applied('a', 'east', '10.96.1.1'), applied('b', 'east', '10.96.1.2')];
    const before = ofDefault(compileObjects(mine));
    expect(before.endpoints[0]?.cluster).toBe('east');
    expect(ofDefault(compileObjects([...mine, ...marks.map((object) => elsewhere(object))]))).toEqual(before);
    expect(ofDefault(compileObjects([...mine, ...marks])).endpoints[0]?.cluster).toBeUndefined();
    const both = [...mine, elsewhere(service('serve', { clusterIP: '10.96.0.9' })), elsewhere(fromEast)];
    const there = compileObjects([...both, ...marks.map((object) => elsewhere(object))]).endpoints;
    expect(there.map(({ service: key, cluster }) => [key, cluster])).toEqual([
      ['default/serve', 'east'],
      ['tenant/serve', undefined],
    ]);
  });

  it('marks of Karmada, where the operator names the local cluster', () => {
    const marks = ['a', 'b'].map((name, i) => elsewhere(applied(name, 'east', `10.96.1.${i}`)));
    const compilation = compileObjects(
      [elsewhere(service('serve')), elsewhere(dispatched('serve', 'east', ['10.1.0.1'])), ...marks],
      { settings: { ownCluster: parseClusterName('home') } },
    );
    expect(compilation.endpoints.map(({ cluster }) => cluster)).toEqual(['east']);
    expect(diagnosticTexts(compilation)).toEqual([
      "warning: cluster local: has a different name in Karmada's marks on objects (east in namespace tenant); they are ignored: the local cluster is home",
    ]);
  });

  it('several names in several namespaces: said once', () => {
    const marks = ['east', 'west'].flatMap((cluster, i) =>
      ['a', 'b'].map((name, j) => elsewhere(applied(name, cluster, `10.96.${i}.${j}`), `of-${cluster}`)),
    );
    expect(diagnosticTexts(compileObjects(marks))).toEqual([
      "warning: cluster local: has a different name in Karmada's marks on objects (east in namespace of-east, west in namespace of-west); each is used only in its own namespaces; name the local cluster in the registry (self: true)",
    ]);
  });

  it('addresses of ServiceImports: they keep out endpoints of that namespace alone', () => {
    const vip = serviceImport('x', { ips: ['10.1.0.1'] });
    const pool = (more: unknown) =>
      compileObjects([service('serve'), dispatched('serve', 'east', ['10.1.0.1', '10.1.0.2']), more])
        .services.IPv4.filter(({ service: key }) => key === 'default/serve')
        .flatMap(({ pools }) => poolTexts(pools.cluster));
    expect(pool(elsewhere(vip))).toEqual(['10.1.0.1:8080@east', '10.1.0.2:8080@east']);
    expect(pool(elsewhere(vip, 'default'))).toEqual(['10.1.0.2:8080@east']);
  });
});

describe('a tenant', () => {
  /** All objects except those that really claim a place: age decides such claims, whatever the names. */
  const tenants = fc.array(
    fc.oneof(
      arbitrarySlice,
      arbitraryLink.filter(({ kind }) => kind !== 'Service'),
      fc.constantFrom('east', 'west').map((cluster) => imported('a', cluster, ['10.1.0.1'])),
      fc
        .record({ name: fc.constantFrom('p', 'q', 'r'), cluster: fc.constantFrom('east', 'north'), ip: fc.nat(3) })
        .map(({ name, cluster, ip }) => applied(name, cluster, `10.98.0.${ip}`)),
    ),
    { maxLength: 12 },
  );
  const withoutPlaces = (object: Json): Json =>
    object['kind'] === 'ServiceImport' ? { ...object, spec: { ...(object['spec'] as object), ports: [] } } : object;

  it('changes nothing of what another tenant’s Services get', () => {
    fc.assert(
      fc.property(arbitraryObjects, tenants, fc.boolean(), (objects, hostile, isRegistered) => {
        const registry = isRegistered ? registryOf({ east: { self: true }, west: {} }) : emptyRegistry;
        const own = [node('n1', { zone: 'z1', addresses: ['192.168.0.1'] }), ...objects];
        const theirs = hostile.map((object) => elsewhere(withoutPlaces(object as Json) as Json & { metadata: object }));
        const quiet = ofDefault(compileObjects(own, { registry }));
        expect(ofDefault(compileObjects([...own, ...theirs], { registry }))).toEqual(quiet);
      }),
      { numRuns: 300 },
    );
  });

  it('has none of another tenant’s Services compiled anew, whatever its names', () => {
    const compiler = createToldCompiler({ settings: defaultSettings, nodeName: 'n1', localAddresses: undefined });
    const put = (object: unknown) => ({ cluster: undefined, object, gone: false });
    compiler.apply([service('serve'), dispatched('serve', 'east', ['10.1.0.1'])].map(put));
    fc.assert(
      fc.property(tenants, (hostile) => {
        const changes = compiler.apply(hostile.map((object) => put(elsewhere(withoutPlaces(object as Json) as never))));
        expect([...changes.keys()].filter((id) => id.startsWith('default/'))).toEqual([]);
      }),
    );
  });
});
