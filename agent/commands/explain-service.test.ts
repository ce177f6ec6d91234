import { afterAll, describe, expect, it } from 'vitest';
import { type ExplainServiceOptions, explainServiceCommand } from './explain-service.ts';
import { cartOf, createScratch, nodeOf } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';

const scratch = createScratch();
afterAll(() => scratch.remove());

const west = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-abcde, namespace: shop, labels: {kubernetes.io/service-name: cart, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: [{addresses: [10.2.0.5]}, {addresses: [10.2.0.6]}]
ports: [{name: http, port: 8080, protocol: TCP}]
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: cart, namespace: shop}
`;
const registry = `
apiVersion: slicewright.dev/v1alpha1
kind: ClusterRegistry
policy: {cluster-weights: "local=80,west=20"}
clusters: [{id: east, self: true}, {id: west, podCIDRs: ["10.2.0.0/16"], mayServe: [{namespace: shop}]}]
`;
const empty = `
apiVersion: slicewright.dev/v1alpha1
kind: ClusterRegistry
policy: {accept-clusters: west}
clusters: []
`;

async function explain(target: string, options: Partial<ExplainServiceOptions> = {}) {
  const io = memoryIo(`${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5')}`);
  const given: ExplainServiceOptions = {
    filename: ['-'],
    address: '127.0.0.1:1',
    cluster: [`west=${scratch.put('west.yaml', west)}`],
    registry: scratch.put('registry.yaml', registry),
    output: 'text',
    diagnostics: 'human',
    ...options,
  };
  return { status: await explainServiceCommand([target], given, io), ...io.written };
}

/** The cells of each endpoint's row, without the last. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => /:8080/.test(line));
  return lines.map((line) => line.trim().split(/ {2,}/).slice(0, -1));
}

describe('slicewright explain service', () => {
  it('tells every endpoint, its cluster, state, exact share and slice', async () => {
    const { status, out } = await explain('shop/cart');
    expect(status).toBe(0);
    expect(rows(out)).toEqual([
      ['10.1.0.5:8080', 'local, this node', 'ready', '80 %', 'shop/cart-x7k2'],
      ['10.2.0.5:8080', 'west', 'ready', '10 %', 'west shop/cart-abcde'],
      ['10.2.0.6:8080', 'west', 'ready', '10 %', 'west shop/cart-abcde'],
    ]);
    expect(out).toContain(
      'MR-3 exported by west; the registry accepts it (mayServe); MR-60 cluster-weights give cluster west 20',
    );
  });

  it('tells beside it what would be without a cluster', async () => {
    const { out } = await explain('shop/cart:http', { withoutCluster: 'west' });
    expect(rows(out).map(([endpoint, , , share, without]) => [endpoint, share, without])).toEqual([
      ['10.1.0.5:8080', '80 %', '100 %'],
      ['10.2.0.5:8080', '10 %', '0 %'],
      ['10.2.0.6:8080', '10 %', '0 %'],
    ]);
  });

  it('compares with a cluster that nobody registered', async () => {
    const { out } = await explain('shop/cart', { registry: scratch.put('empty.yaml', empty), withoutCluster: 'west' });
    expect(rows(out).map((cells) => cells[4])).toEqual(['100 %', '0 %', '0 %']);
  });

  it.each([
    ['wset', 'no cluster wset; did you mean west?'],
    ['West', 'no cluster West; did you mean west?'],
    ['old-wst', 'no cluster old-wst; did you mean old-west?'],
    ['berlin', 'no cluster berlin'],
  ])('without a cluster %s, which there is not, tells of no loss', async (withoutCluster, told) => {
    const aliased = registry.replace('{id: west,', '{id: west, aliases: [old-west],');
    const options = { withoutCluster, registry: scratch.put('aliased.yaml', aliased) };
    expect(await explain('shop/cart', options)).toMatchObject({
      status: 2,
      out: '',
      err: `error: --without-cluster: ${told}\n`,
    });
    expect((await explain('shop/cart', { ...options, withoutCluster: 'old-west' })).status).toBe(0);
  });

  it('tells of objects of a cluster that is registered by another name', async () => {
    const misnamed = registry.replace('id: west,', 'id: wset,').replace('"local=80,west=20"', 'local=1');
    const { err } = await explain('shop/cart', { registry: scratch.put('misnamed.yaml', misnamed) });
    expect(err).toContain('warning: cluster west: is not in the registry; did you mean wset?');
  });

  it('tells it as JSON, with exact shares', async () => {
    const { out } = await explain('shop/cart:80', { output: 'json', withoutCluster: 'west' });
    const { ports } = JSON.parse(out);
    expect(ports).toMatchObject([
      {
        service: 'shop/cart',
        endpoints: [
          {
            cluster: null,
            share: { numerator: '4', denominator: '5', percent: '80 %' },
            shareWithout: { numerator: '1' },
          },
          { cluster: 'west', share: { numerator: '1', denominator: '10' } },
          { cluster: 'west', reasons: [{ rule: 'MR-3' }, { rule: 'MR-60' }] },
        ],
      },
    ]);
  });

  it('has more columns with -o wide, and Services alone with -o name', async () => {
    const { out } = await explain('shop/cart', { output: 'wide' });
    expect(rows(out)[1]).toEqual([
      ...['10.2.0.5:8080', 'west', 'ready', '10 %', '1/10', '1', 'cluster', 'west shop/cart-abcde'],
    ]);
    expect(await explain('shop/cart', { output: 'name' })).toMatchObject({ status: 0, out: 'shop/cart\n' });
  });

  it('tells of the Services that a namespace, a selector and names choose', async () => {
    const dns = cartOf('10.1.0.9')
      .replaceAll('cart', 'dns')
      .replaceAll('10.96.0.10', '10.96.0.11')
      .replace('metadata: {name: dns,', 'metadata: {labels: {app: dns}, name: dns,');
    const told = async (targets: readonly string[], options: Partial<ExplainServiceOptions>) => {
      const io = memoryIo(`${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5')}---${dns}`);
      const given = { filename: ['-'], address: '', output: 'name', diagnostics: 'human', ...options } as const;
      return { status: await explainServiceCommand(targets, given, io), ...io.written };
    };
    expect(await told([], { namespace: 'shop' })).toMatchObject({ status: 0, out: 'shop/cart\nshop/dns\n' });
    expect(await told([], { selector: 'app=dns' })).toMatchObject({ status: 0, out: 'shop/dns\n' });
    expect(await told(['cart', 'dns'], { namespace: 'shop' })).toMatchObject({ out: 'shop/cart\nshop/dns\n' });
    expect(await told(['shop/cart', 'shop/gone'], {})).toMatchObject({
      status: 1,
      out: 'shop/cart\n',
      err: expect.stringContaining('shop/gone: is neither a Service nor a ServiceImport'),
    });
    expect(await told([], { namespace: 'ops' })).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('no Service that is served on this node was chosen'),
    });
    expect(await told([], {})).toMatchObject({ status: 2, err: expect.stringContaining('is missing: name a Service') });
  });

  const head = (name: string, spec: string, labels = '{}') =>
    `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop, labels: ${labels}}\nspec: ${spec}\n`;
  it.each([
    [head('x', '{type: ExternalName, externalName: example.com}'), /shop\/x.*is an ExternalName Service/],
    [head('x', '{clusterIP: None}'), /shop\/x.*is headless/],
    [head('x', '{ports: [{port: 80}]}'), /shop\/x.*has no cluster IP/],
    [
      head('x', '{clusterIP: 10.96.0.9, ports: [{port: 80}]}', '{service.kubernetes.io/service-proxy-name: other}'),
      /shop\/x.*belongs to another proxy/,
    ],
    [
      'apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceImport\nmetadata: {name: x, namespace: shop, annotations: {multicluster.kubernetes.io/derived-service: y}}\nspec: {ports: [{port: 80}]}\n',
      /shop\/x.*is a ServiceImport with the derived Service shop\/y/,
    ],
    [
      'apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceImport\nmetadata: {name: x, namespace: shop}\nspec: {ports: [{port: 80}]}\n',
      /shop\/x.*is a ServiceImport without addresses/,
    ],
  ])('%s is called what it is', async (objects, message) => {
    const io = memoryIo(objects);
    const given: ExplainServiceOptions = { filename: ['-'], output: 'text', address: '', diagnostics: 'human' };
    expect(await explainServiceCommand(['shop/x'], given, io)).toBe(1);
    expect(io.written.err).toMatch(message);
  });

  it('lists the endpoints of a slice that has no such port, and says why they get nothing', async () => {
    const renamed = cartOf('10.1.0.5').replace('ports: [{name: http, port: 80,', 'ports: [{name: web, port: 80,');
    const io = memoryIo(renamed);
    const given: ExplainServiceOptions = { filename: ['-'], output: 'text', address: '', diagnostics: 'human' };
    expect(await explainServiceCommand(['shop/cart'], given, io)).toBe(0);
    expect(io.written.out).toMatch(/10\.1\.0\.5:8080 .*0 % .*its slice has no port "web" TCP; it has "http" TCP/);
  });

  it.each([
    ['shop/other', 1],
    ['shop/cart:https', 1],
    ['cart', 2],
    ['shop/cart:http:x', 2],
    ['shop/Cart', 2],
  ])('%s is not served here (1), or no Service at all (2)', async (target, status) => {
    const told = await explain(target);
    expect([told.status, told.out]).toEqual([status, '']);
    if (status === 1)
      expect(told.err).toMatch(
        /is neither a Service nor a ServiceImport of this cluster|has no port https; it has http \(80\)/,
      );
  });
});
