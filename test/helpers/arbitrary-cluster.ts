import fc from 'fast-check';
import { dispatched, endpoint, node, service, slice } from './kubernetes.ts';

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
    annotations: fc.constantFrom<Record<string, string>>({}, { 'service.kubernetes.io/topology-mode': 'Auto' }),
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
    source: fc.constantFrom('native', '', 'east', 'west', 'imported'),
    endpoints: fc.array(arbitraryEndpoint, { maxLength: 4 }),
    ports: fc.subarray([
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ]),
  })
  .map(({ of, suffix, source, endpoints, ports }) => {
    if (source === 'native' || source === '') return slice(of, `${of}-${suffix}`, endpoints, { by: source, ports });
    if (source === 'imported') return slice(of, `imported-east-${of}-${suffix}`, endpoints, { by: 'import', ports });
    return dispatched(of, source, endpoints, { ports });
  });

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
  { weight: 1, arbitrary: arbitraryOther },
);

export const arbitraryObjects: fc.Arbitrary<unknown[]> = fc.array(arbitraryObject, { maxLength: 14 });

export const arbitraryExport = (of: string) => ({
  apiVersion: 'multicluster.x-k8s.io/v1alpha1',
  kind: 'ServiceExport',
  metadata: { namespace: 'default', name: of },
});
