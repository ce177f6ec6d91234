import fc from 'fast-check';
import type { ClusterState, Registry } from '../../compiler/registry/registry.ts';
import type { Cidr } from '../../compiler/values/address.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { registryOf } from './compile.ts';
import {
  dispatched,
  endpoint,
  imported,
  multiClusterService,
  node,
  service,
  serviceExport,
  serviceImport,
  slice,
} from './kubernetes.ts';

/**
 * Clusters small enough that names, addresses and places collide all the time: duplicate objects, contested frontends,
 * one endpoint in several slices, slices without a Service, unknown kinds and rubbish.
 */

const names = ['a', 'b', 'c'];
const name = fc.constantFrom(...names);
const address = fc.nat(3).map((i) => `10.1.0.${i}`);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const policy = fc.constantFrom('Cluster', 'Local');

export const arbitraryService: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    name,
    created: maybe(fc.constantFrom('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z')),
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    clusterIP: fc.constantFrom('10.96.0.1', '10.96.0.2', '10.96.0.3', 'None', 'fd00::1'),
    externalIPs: fc.subarray(['203.0.113.1', '203.0.113.2', '2001:db8::1', 'bad']),
    ports: fc.subarray([
      { name: 'http', port: 80, nodePort: 30080 },
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'http', port: 81 },
    ]),
    externalTrafficPolicy: policy,
    internalTrafficPolicy: policy,
    trafficDistribution: maybe(fc.constantFrom('PreferClose', 'PreferSameNode')),
    ingress: fc.subarray(['203.0.113.1', '198.51.100.1']),
    annotations: fc.constantFrom<Record<string, string>>(
      {},
      { 'slicewright.dev/accept-clusters': '*' },
      { 'service.kubernetes.io/topology-mode': 'Auto', 'slicewright.dev/accept-clusters': 'east' },
      { 'slicewright.dev/affinity': 'local', 'slicewright.dev/min-healthy': '2' },
      { 'slicewright.dev/cluster-weights': 'local=3,east=1,*=2', 'slicewright.dev/on-cluster-lost': 'drop' },
      { 'slicewright.dev/drain-clusters': 'west', 'slicewright.dev/portMatch': 'nameThenNumber' },
    ),
  })
  .map(({ name: serviceName, created, annotations, ingress, ...spec }) =>
    service(serviceName, spec, {
      annotations,
      ...(created !== undefined && { created }),
      status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } },
    }),
  );

const arbitraryEndpoint = fc
  .record({
    address: fc.oneof(
      { weight: 9, arbitrary: address },
      { weight: 1, arbitrary: fc.constantFrom('127.0.0.1', '10.96.0.1', 'x') },
    ),
    node: fc.constantFrom('n1', 'n2'),
    zone: maybe(fc.constantFrom('z1', 'z2')),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
    forZones: maybe(fc.subarray(['z1', 'z2'], { minLength: 1 })),
  })
  .map(({ address: text, zone, forZones, ...rest }) =>
    endpoint(text, { ...rest, ...(zone !== undefined && { zone }), ...(forZones !== undefined && { forZones }) }),
  );

export const arbitrarySlice: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    of: name,
    suffix: fc.constantFrom('x', 'y'),
    source: fc.constantFrom('native', '', 'east', 'west', 'imported', 'mcs'),
    weight: fc.constantFrom(undefined, undefined, undefined, '0', '3'),
    endpoints: fc.array(arbitraryEndpoint, { maxLength: 4 }),
    ports: fc.subarray([
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ]),
  })
  .map(({ of, suffix, source, weight, endpoints, ports }) => {
    const annotations = weight === undefined ? {} : { 'slicewright.dev/weight': weight };
    if (source === 'native' || source === '')
      return slice(of, `${of}-${suffix}`, endpoints, { by: source, ports, annotations });
    if (source === 'imported')
      return slice(of, `imported-east-${of}-${suffix}`, endpoints, { by: 'import', ports, annotations });
    if (source === 'mcs') return imported(of, suffix === 'x' ? 'east' : 'west', endpoints, { ports, annotations });
    return dispatched(of, source, endpoints, { ports, annotations });
  });

/** Objects that join Services of several clusters into one. */
export const arbitraryLink: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  name.map(serviceExport),
  fc
    .tuple(name, fc.subarray(['east', 'north', 'west']), fc.subarray(['east', 'south']))
    .map(([of, providers, consumers]) => {
      const named = (list: readonly string[]) => list.map((cluster) => ({ name: cluster }));
      return multiClusterService(of, { providerClusters: named(providers), consumerClusters: named(consumers) });
    }),
  fc
    .record({
      of: name,
      ips: fc.subarray(['10.96.0.1', '10.97.0.1', 'fd00::9', '10.1.0.2']),
      derived: fc.constantFrom(undefined, 'b', 'c'),
      exporters: fc.subarray(['east', 'west']),
    })
    .map(({ of, ips, derived, exporters }) =>
      serviceImport(
        of,
        { ips, ports: [{ name: 'http', port: 80 }] },
        {
          ...(derived && { annotations: { 'multicluster.kubernetes.io/derived-service': derived } }),
          status: { clusters: exporters.map((cluster) => ({ cluster })) },
        },
      ),
    ),
  fc
    .constantFrom('derived-a', 'derived-b')
    .map((derived) => service(derived, { clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80 }] })),
);

/** Clusters whose objects are given (east, north) keep their names, so that one registry can replace another. */
export const arbitraryRegistry: fc.Arbitrary<Registry> = fc
  .record({
    state: fc.constantFrom<ClusterState>('Unknown', 'Alive', 'Suspect', 'Lost'),
    removed: fc.boolean(),
    weight: fc.constantFrom(100, 50, 0),
    podCidrs: fc.subarray(['10.1.0.0/31' as Cidr]),
    tier: fc.nat(1),
    strictCidr: fc.constantFrom(undefined, false, true),
    externalIPs: maybe(fc.subarray(['203.0.113.1/32' as Cidr])),
    restrict: fc.boolean(),
    alias: fc.constantFrom('x', 'y', 'b'),
    more: fc.subarray(['south', 'home']),
    self: fc.boolean(),
  })
  .map(({ state, removed, weight, podCidrs, tier, strictCidr, externalIPs, restrict, alias, more, self }) =>
    registryOf(
      {
        east: { state, weight, podCidrs, aliases: [alias as ClusterName] },
        west: { removed, tier },
        ...Object.fromEntries(more.map((id) => [id, { self: self && id === 'home' }])),
      },
      {
        strictCidr,
        ...((restrict || externalIPs) && {
          serviceAddresses: { restrict, externalIPs, loadBalancerIPs: undefined, clusterSetIPs: undefined },
        }),
      },
    ),
  );

const arbitraryOther: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  node('n1', { zone: 'z1', addresses: ['192.168.0.1'] }),
  node('n2', { zone: 'z2', addresses: ['10.1.0.3'] }),
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } },
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'b' } },
  service('Bad'),
  null,
  'text',
);

export const arbitraryObject: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: arbitraryService },
  { weight: 5, arbitrary: arbitrarySlice },
  { weight: 2, arbitrary: arbitraryLink },
  { weight: 1, arbitrary: arbitraryOther },
);

export const arbitraryObjects: fc.Arbitrary<unknown[]> = fc.array(arbitraryObject, { maxLength: 14 });

export const arbitraryExport = serviceExport;
