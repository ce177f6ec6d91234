import { describe, expect, it } from 'vitest';
import {
  type CompileOptions,
  compileObjects,
  diagnosticTexts,
  kubeProxy,
  poolTexts,
  registryOf,
} from '../../test/helpers/compile.ts';
import {
  endpoint,
  imported,
  multiClusterService,
  openService,
  service,
  serviceExport,
  serviceImport,
  slice,
} from '../../test/helpers/kubernetes.ts';
import { createToldCompiler } from '../../test/helpers/told.ts';
import { defaultSettings } from '../settings.ts';
import type { Cidr } from '../values/address.ts';
import { parseClusterName } from '../values/names.ts';

/** `default/serve 10.96.0.1: 10.1.0.1:8080@east`, a line for each Service port of a family. */
function served(objects: readonly unknown[], options: CompileOptions = {}, family: 'IPv4' | 'IPv6' = 'IPv4'): string[] {
  return compileObjects(objects, options).services[family].map(({ service: key, frontends, pools }) => {
    const [frontend] = frontends;
    const address = frontend?.kind === 'nodePort' ? '' : frontend?.address;
    return `${key} ${frontend?.kind} ${address}: ${poolTexts([...pools.cluster, ...pools.local]).join(' ')}`.trim();
  });
}

const serve = service('serve');
const native = slice('serve', 'serve-a', ['10.0.0.1']);
const vip = serviceImport('serve');
const fromEast = imported('serve', 'east', ['10.1.0.1']);

describe('a ServiceImport', () => {
  it('is served at its own addresses, apart from the Service of its name', () => {
    expect(served([serve, native, vip, fromEast])).toEqual([
      'default/serve clusterIP 10.96.0.1: 10.0.0.1:8080',
      'default/serve@clusterset clusterSetIP 10.97.0.1: 10.1.0.1:8080@east',
    ]);
  });

  it('has both families, its ports, affinity and traffic policy, and nothing that only Services have', () => {
    const spec = {
      ips: ['10.97.0.1', 'fd00:97::1'],
      ports: [{ name: 'http', port: 80, nodePort: 30080 }],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      internalTrafficPolicy: 'Local',
      externalIPs: ['203.0.113.1'],
    };
    const ports = [{ name: 'http', port: 8080 }];
    const six = imported('serve', 'west', ['fd00:2::1'], { addressType: 'IPv6', ports });
    const { services } = compileObjects([serviceImport('serve', spec), six]);
    expect(services.IPv4).toMatchObject([
      {
        frontends: [{ kind: 'clusterSetIP', address: '10.97.0.1', port: 80 }],
        affinity: { kind: 'clientIP', seconds: 10 },
        internal: { kind: 'reject' },
      },
    ]);
    expect(services.IPv6).toMatchObject([{ internal: { kind: 'drop' }, known: [{ address: 'fd00:2::1' }] }]);
  });

  it.each([
    ['Headless', { type: 'Headless' }],
    ['without addresses', { ips: [] }],
  ])('%s has nothing to serve', (_what, spec) => {
    expect(served([serviceImport('serve', spec), fromEast])).toEqual([]);
  });

  it('is unknown to kube-proxy', () => {
    expect(served([vip, fromEast], kubeProxy)).toEqual([]);
  });

  it.each([
    ["Karmada's custom", 'derived-serve', {}],
    ['its annotation', 'derived-0p6lqce99d', { 'multicluster.kubernetes.io/derived-service': 'derived-0p6lqce99d' }],
  ])('yields to the Service that is derived from it by %s', (_how, name, annotations) => {
    const derived = service(name, { clusterIP: '10.97.0.1' });
    const objects = [
      serviceImport('serve', {}, { annotations }),
      derived,
      slice(name, 'x', ['10.1.0.1'], { by: 'me' }),
    ];
    expect(served(objects)).toEqual([`default/${name} clusterIP 10.97.0.1: 10.1.0.1:8080`]);
  });

  it('leaves an address to the Service that the API server gave it', () => {
    const compilation = compileObjects([service('other', { clusterIP: '10.97.0.1' }), vip]);
    expect(compilation.services.IPv4.map(({ service: key }) => key)).toEqual(['default/other']);
    expect(compilation.diagnostics.map(({ code }) => code)).toContain('frontend-conflict');
  });

  it('has what is exported elsewhere, and here, instead of the Service of its name', () => {
    const clusters = { east: [slice('serve', 'serve-e', ['10.1.0.1']), serviceExport('serve')] };
    expect(served([serve, native, vip], { clusters })).toEqual([
      'default/serve clusterIP 10.96.0.1: 10.0.0.1:8080',
      'default/serve@clusterset clusterSetIP 10.97.0.1: 10.1.0.1:8080@east',
    ]);
    expect(served([serve, native, vip, serviceExport('serve')], { clusters })[1]).toBe(
      'default/serve@clusterset clusterSetIP 10.97.0.1: 10.0.0.1:8080 10.1.0.1:8080@east',
    );
    expect(served([serve, native, vip, service('derived-serve', { clusterIP: '10.96.0.2' })], { clusters })[0]).toBe(
      'default/derived-serve clusterIP 10.96.0.2: 10.1.0.1:8080@east',
    );
  });

  it("has its own Service's endpoints where that came back as an address", () => {
    const settings = { ownCluster: parseClusterName('home') };
    const objects = [serve, slice('serve', 'serve-a', [endpoint('10.0.0.1', { node: 'n1' })]), vip, fromEast];
    const returned = imported('serve', 'home', ['10.96.0.1']);
    expect(served([...objects, returned], { settings })[1]).toBe(
      'default/serve@clusterset clusterSetIP 10.97.0.1: 10.0.0.1:8080! 10.1.0.1:8080@east',
    );
    const elsewhere = imported('serve', 'home', ['10.0.9.9']);
    expect(served([...objects, elsewhere], { settings })[1]).toContain(': 10.0.9.9:8080 10.1.0.1:8080@east');
  });

  it('is fed by a slice that names no Service; by one that names both, the Service alone is', () => {
    const both = { labels: { 'multicluster.kubernetes.io/service-name': 'serve' }, by: 'me' };
    expect(served([serve, vip, slice('serve', 'both', ['10.1.0.2'], both)])).toEqual([
      'default/serve clusterIP 10.96.0.1: 10.1.0.2:8080',
      'default/serve@clusterset clusterSetIP 10.97.0.1:',
    ]);
  });

  it('warns where another cluster has pods at its address', () => {
    const registry = registryOf({ east: { podCidrs: ['10.97.0.0/16' as Cidr] } });
    expect(diagnosticTexts(compileObjects([vip], { registry }))).toEqual([
      'warning: ServiceImport default/serve spec.ips: 10.97.0.1 lies in the pod range of cluster east; a pod of that address cannot be reached from here',
    ]);
  });
});

describe('a MultiClusterService', () => {
  const clusters = { east: [slice('serve', 'serve-e', ['10.1.0.1'])], west: [slice('serve', 'serve-w', ['10.2.0.1'])] };
  const settings = { ownCluster: parseClusterName('home') };
  const pool = (spec: Record<string, unknown>, more: CompileOptions = { settings }) =>
    served([serve, multiClusterService('serve', spec)], { clusters, ...more })[0]?.replace(/^.*?: ?/, '');
  const named = (...names: string[]) => names.map((name) => ({ name }));

  it.each([
    ['of all clusters', {}, '10.1.0.1:8080@east 10.2.0.1:8080@west'],
    ['of one provider', { providerClusters: named('east') }, '10.1.0.1:8080@east'],
    ['for us', { consumerClusters: named('home') }, '10.1.0.1:8080@east 10.2.0.1:8080@west'],
    ['for others', { consumerClusters: named('west') }, ''],
    ['of an unreadable name', { providerClusters: named('East!') }, ''],
    ['of another type', { types: ['LoadBalancer'] }, ''],
    ['as Karmada 1.8 wrote it', { serviceProvisionClusters: ['east'] }, '10.1.0.1:8080@east 10.2.0.1:8080@west'],
  ])('%s', (_what, spec, expected) => {
    expect(pool(spec)).toBe(expected);
  });

  it('for some clusters is not for one that does not know its name', () => {
    expect(pool({ consumerClusters: named('home') }, {})).toBe('');
  });

  it('of old fields is reported: later versions of Karmada mean all clusters by it', () => {
    const old = multiClusterService('serve', { serviceConsumptionClusters: ['west'], providerClusters: named('east') });
    expect(diagnosticTexts(compileObjects([old], { settings }))).toEqual([
      'warning: MultiClusterService default/serve spec.serviceConsumptionClusters: is a field of Karmada 1.8; slicewright ignores it, as later versions of Karmada do: all clusters are selected; use spec.consumerClusters',
    ]);
  });

  it('among the objects of another cluster speaks for that cluster alone', () => {
    const east = [...clusters.east, multiClusterService('serve')];
    const compilation = compileObjects([openService('serve')], { clusters: { ...clusters, east }, settings });
    expect(compilation.services.IPv4.map(({ pools }) => poolTexts(pools.cluster))).toEqual([['10.1.0.1:8080@east']]);
    expect(compilation.diagnostics.map(({ code }) => code)).toContain('multi-cluster-service-elsewhere');
  });
});

describe('what another cluster says of its own objects', () => {
  it('may be that its Service has another port by that name', () => {
    const east = [
      slice('serve', 'serve-e', ['10.1.0.1'], { ports: [{ name: 'http', port: 8080 }] }),
      serviceExport('serve'),
    ];
    const here = openService('serve', { ports: [{ name: 'http', port: 80 }] });
    const there = (port: number) => service('serve', { ports: [{ name: 'http', port }] });
    const pool = (port: number) => served([here], { clusters: { east: [...east, there(port)] } })[0];
    expect(pool(80)).toMatch(/: 10\.1\.0\.1:8080@east$/);
    expect(pool(8080)).toMatch(/:$/);
  });

  it('may take its endpoints out, but not outweigh those of others', () => {
    const east = (weight: string) => [
      slice('serve', 'serve-e', ['10.1.0.1'], { annotations: { 'slicewright.dev/weight': weight } }),
      serviceExport('serve'),
    ];
    const pool = (weight: string) => served([openService('serve'), native], { clusters: { east: east(weight) } })[0];
    expect(pool('0')).toMatch(/: 10\.0\.0\.1:8080$/);
    expect(pool('65535')).toMatch(/: 10\.0\.0\.1:8080 10\.1\.0\.1:8080@east$/);
  });

  it('names no clusters and no local addresses', () => {
    const objects = [
      service('derived-serve'),
      slice('derived-serve', 'imported-east-x-a', ['10.1.0.1'], { by: 'import' }),
    ];
    const west = [
      slice('serve', 'x', [], { by: 'me', labels: { 'multicluster.kubernetes.io/source-cluster': 'east-x' } }),
    ];
    const hostile = { clusters: { west: [...west, service('own', { clusterIP: '10.1.0.1' })], east: [] } };
    expect(served(objects, hostile)).toEqual(served(objects, { clusters: { east: [], west: [] } }));
  });
});

describe('a compiler that remembers', () => {
  const put = (object: unknown, cluster?: string) => ({ cluster: parseClusterName(cluster), object, gone: false });
  const changed = (first: readonly unknown[], second: Parameters<typeof put>) => {
    const compiler = createToldCompiler({ settings: defaultSettings, nodeName: 'n1', localAddresses: undefined });
    compiler.apply(first.map((object) => put(object)));
    compiler.apply([put(serviceExport('serve'), 'east')]);
    return [...compiler.apply([put(...second)])].map(([id, port]) => (port === 'gone' ? `${id} gone` : id)).sort();
  };

  it.each<[string, readonly unknown[], Parameters<typeof put>, string[]]>([
    [
      'a derived Service',
      [vip],
      [service('derived-serve', { clusterIP: '10.96.0.2' })],
      ['default/derived-serve/TCP/IPv4', 'default/serve@clusterset/TCP/IPv4 gone'],
    ],
    ['an import that takes what its Service had', [serve], [vip], ['default/serve@clusterset/TCP/IPv4']],
    [
      "another cluster's slice of what is derived",
      [vip, service('derived-serve', { clusterIP: '10.96.0.2' })],
      [slice('serve', 'serve-e', ['10.1.0.1']), 'east'],
      ['default/derived-serve/TCP/IPv4'],
    ],
    [
      'a local pod that stands in',
      [serve, vip, serviceExport('serve')],
      [native],
      ['default/serve/TCP/IPv4', 'default/serve@clusterset/TCP/IPv4'],
    ],
  ])('knows all that %s changes', (_what, first, second, expected) => {
    expect(changed(first, second)).toEqual(expected);
  });
});
