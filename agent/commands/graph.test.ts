import { afterAll, describe, expect, it } from 'vitest';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { createScratch, nodeOf } from './commands.fixture.ts';
import { graphCommand, type GraphOptions } from './graph.ts';

const scratch = createScratch();
afterAll(() => scratch.remove());

/** A Service of type LoadBalancer with policy Local: two endpoints here, one on another node, one not ready, and west's. */
const objects = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop, labels: {app: cart}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  loadBalancerSourceRanges: [203.0.113.0/24]
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10]
  ports: [{name: http, port: 80, protocol: TCP, nodePort: 30080}]
status: {loadBalancer: {ingress: [{ip: 198.51.100.7}]}}
---
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop, labels: {app: idle}}
spec: {clusterIP: 10.96.0.11, clusterIPs: [10.96.0.11], ports: [{port: 81, protocol: TCP}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: test, labels: {app: cart}}
spec: {clusterIP: 10.96.0.12, clusterIPs: [10.96.0.12], ports: [{port: 82, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-x7k2, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
endpoints:
  - {addresses: [10.1.0.5], nodeName: east-1}
  - {addresses: [10.1.0.6], nodeName: east-1}
  - {addresses: [10.1.1.5], nodeName: east-2}
  - {addresses: [10.1.1.6], nodeName: east-2, conditions: {ready: false}}
ports: [{name: http, port: 8080, protocol: TCP}]
`;
const west = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-abcde, namespace: shop, labels: {kubernetes.io/service-name: cart, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: [{addresses: [10.2.0.5]}]
ports: [{name: http, port: 8080, protocol: TCP}]
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: cart, namespace: shop}
`;
const registry = `
apiVersion: slicewright.dev/v1alpha1
kind: ClusterRegistry
clusters: [{id: east, self: true}, {id: west, podCIDRs: ["10.2.0.0/16"], mayServe: [{namespace: shop}]}]
`;

async function graph(targets: readonly string[], options: Partial<GraphOptions> = {}) {
  const io = memoryIo(`${nodeOf('192.0.2.1')}---${objects}`);
  const given: GraphOptions = {
    filename: ['-'],
    cluster: [`west=${scratch.put('west.yaml', west)}`],
    registry: scratch.put('registry.yaml', registry),
    output: 'json',
    endpoints: 10,
    diagnostics: 'human',
    ...options,
  };
  return { status: await graphCommand(targets, given, io), ...io.written };
}

interface JsonGraph {
  readonly kind: string;
  readonly ports: readonly {
    readonly id: string;
    readonly frontends: readonly { place: string; route: { kind: string }; sourceRanges: string[] }[];
    readonly clusters: readonly {
      name: string | null;
      shares: JsonShares;
      endpoints: readonly { place: string; onThisNode: boolean; shares: JsonShares }[];
      unused: readonly { place: string; reasons: { rule: string }[] }[];
    }[];
  }[];
}
interface JsonShares {
  cluster: { numerator: string; denominator: string };
  local: { numerator: string; denominator: string } | null;
}

function parts({ cluster, local }: JsonShares): string {
  const text = ({ numerator, denominator }: JsonShares['cluster']): string => `${numerator}/${denominator}`;
  return local === null ? text(cluster) : `${text(cluster)} ${text(local)}`;
}

async function idsFor(targets: readonly string[], options: Partial<GraphOptions> = {}): Promise<string[]> {
  const { out } = await graph(targets, options);
  return (JSON.parse(out) as JsonGraph).ports.map(({ id }) => id);
}

describe('slicewright graph', () => {
  it('has exact shares per cluster and endpoint, apart for what only this node may answer, and who is not used', async () => {
    const { status, out } = await graph(['shop/cart']);
    expect(status).toBe(0);
    const { kind, ports } = JSON.parse(out) as JsonGraph;
    expect(kind).toBe('TrafficGraph');
    const [port] = ports;
    expect(port?.clusters.map(({ name, shares }) => [name, parts(shares)])).toEqual([
      [null, '3/4 1/1'],
      ['west', '1/4 0/1'],
    ]);
    expect(port?.clusters[0]?.endpoints.map(({ place, shares }) => [place, parts(shares)])).toEqual([
      ['10.1.0.5:8080', '1/4 1/2'],
      ['10.1.0.6:8080', '1/4 1/2'],
      ['10.1.1.5:8080', '1/4 0/1'],
    ]);
    expect(port?.clusters[0]?.unused.map(({ place }) => place)).toEqual(['10.1.1.6:8080']);
    expect(port?.clusters[0]?.unused[0]?.reasons.length).toBeGreaterThan(0);
    expect(port?.frontends.map(({ place, sourceRanges }) => [place, ...sourceRanges])).toEqual([
      ['10.96.0.10:80'],
      ['198.51.100.7:80', '203.0.113.0/24'],
      ['node port 30080'],
    ]);
  });

  it.each([
    [['shop/cart'], {}, ['shop/cart:http/TCP/IPv4']],
    [['cart'], { namespace: 'test' }, ['test/cart/TCP/IPv4']],
    [['shop/cart:80'], {}, ['shop/cart:http/TCP/IPv4']],
    [['shop/cart:http', 'shop/idle:81'], {}, ['shop/cart:http/TCP/IPv4', 'shop/idle/TCP/IPv4']],
    [[], { namespace: 'shop' }, ['shop/cart:http/TCP/IPv4', 'shop/idle/TCP/IPv4']],
    [[], { selector: 'app in (cart),app!=idle' }, ['shop/cart:http/TCP/IPv4', 'test/cart/TCP/IPv4']],
    [[], { selector: '!app' }, []],
    [[], {}, ['shop/cart:http/TCP/IPv4', 'shop/idle/TCP/IPv4', 'test/cart/TCP/IPv4']],
  ] as const)('of %j with %j shows %j', async (targets, options, ids) => {
    if (ids.length > 0) expect(await idsFor(targets, options)).toEqual(ids);
    else expect(await graph(targets, options)).toMatchObject({ status: 1, out: '', err: /is served here/ });
  });

  it.each([
    [['cart'], {}],
    [['a/b/c'], {}],
    [[], { namespace: 'A' }],
    [[], { selector: 'a in b' }],
  ] as const)('refuses %j with %j as usage', async (targets, options) => {
    const { status, out, err } = await graph(targets, options);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: option .*: is not /);
  });

  it('says in Mermaid what is rejected, and folds endpoints that are too many with their part', async () => {
    const { out } = await graph([], { namespace: 'shop', output: 'mermaid', endpoints: 2 });
    expect(out).toContain('{{"rejected: no endpoints"}}:::nowhere');
    expect(out).toContain('"2 more endpoints"');
    expect(out).toContain('|"1/2 (50 %); this node only: 1/2 (50 %)"|');
    expect(out).toContain('-->|"this node only"| p0');
    expect(out).toContain('-.->');
  });

  it('draws an SVG without scripts, ids or anything to load, one picture per Service port', async () => {
    const { status, out } = await graph([], { output: 'svg' });
    expect(status).toBe(0);
    expect(out.match(/<svg /g)).toHaveLength(1 + 3);
    expect(out).toContain('>10.1.0.6:8080</text>');
    expect(out).not.toMatch(/<script|href|\bid=|<title|@import|url\(/);
  });
});
