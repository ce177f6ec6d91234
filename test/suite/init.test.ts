import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testInitCommand, type TestInitOptions } from '../../agent/commands/test-init.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { copyGuide, type Guide, runTest } from './guide.ts';

let guide: Guide;
beforeEach(() => (guide = copyGuide()));
afterEach(() => guide.remove());

async function init(from: string, folder: string, options: TestInitOptions = {}, stdin = '') {
  const io = memoryIo(stdin);
  return { status: await testInitCommand(from, folder, options, io), ...io.written };
}

const demo = (file: string) => fileURLToPath(new URL(`../../tools/demo/${file}`, import.meta.url));
const conformance = (name: string) => fileURLToPath(new URL(`../conformance/cases/${name}/`, import.meta.url));

it('makes a case that holds, with a flow for each Service port', async () => {
  guide.write(
    'proxy.yaml',
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: 10.1.0.0/16\n',
  );
  const options = { node: guide.path('pay-for-the-office/node.yaml'), config: guide.path('proxy.yaml') };
  const made = await init(guide.path('pay-for-the-office/objects.yaml'), guide.path('new/first'), options);
  expect(made).toMatchObject({ status: 0, err: '' });
  expect(readdirSync(guide.path('new'))).toEqual(['first']);
  expect(readdirSync(guide.path('new/first'))).toEqual([
    'README.md',
    'flows.txt',
    'iptables.txt',
    'ipvs.txt',
    'nftables.txt',
    'node.yaml',
    'objects.yaml',
    'settings.yaml',
  ]);
  expect(guide.read('new/first/flows.txt').split('\n').slice(2)).toEqual([
    'pod 10.1.0.253 -> shop/pay:https',
    '  all to 10.1.1.20:8443',
    '',
    'pod 10.1.0.253 -> shop/refunds:https',
    '  reject',
    '',
  ]);
  expect(await runTest([guide.path('new')], { ci: true })).toMatchObject({ status: 0 });
});

it('copies the other cluster and the registry, and makes the flows of a merged Service', async () => {
  const cart = (file: string) => guide.path(`cart-in-two-clusters/${file}`);
  const options = {
    node: cart('node.yaml'),
    registry: cart('2-registry.yaml'),
    cluster: [`west=${cart('objects.west.yaml')}`],
  };
  expect(await init(cart('objects.yaml'), guide.path('other'), options)).toMatchObject({ status: 0 });
  expect(readdirSync(guide.path('other'))).toEqual(expect.arrayContaining(['objects.west.yaml', 'registry.yaml']));
  expect(await runTest([guide.path('other')], { ci: true })).toMatchObject({ status: 0 });
});

it('takes objects from standard input, and of them only kinds that rules are made from', async () => {
  const secret =
    '---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\ndata: {password: cGFzcw==}\n';
  const objects = ['member2.yaml', 'node.yaml'].map((file) => readFileSync(demo(file), 'utf8')).join('\n---\n');
  expect(await init('-', guide.path('made'), {}, `${objects}\n${secret}`)).toMatchObject({ status: 0 });
  expect(JSON.stringify(guide.all())).not.toContain('cGFzcw');
  expect(guide.read('made/node.yaml')).toContain('kind: Node');
  expect(guide.read('made/objects.yaml')).not.toContain('kind: Node');
});

// Ports of one number over several protocols, both families, node ports, policies, ranges, affinity.
it.each(['009-tcp-udp-same-port', '040-dual-stack', '059-mix', '047-three-slices-250', '070-everything-dual-stack'])(
  'makes a case of %s that every backend meets',
  async (name) => {
    const folder = conformance(name);
    const options = { node: join(folder, 'node.yaml'), config: join(folder, 'kube-proxy.yaml') };
    const made = await init(join(folder, 'input.yaml'), guide.path('made'), options);
    expect(made.out.match(/FAIL[^]*/)?.[0] ?? '').toBe('');
    expect(made).toMatchObject({ status: 0 });
    expect(guide.read('made/flows.txt')).toMatch(/^\w+ \S+ -> \S+\/\S+/m);
  },
);

it('refuses what it can make no case of, and leaves nothing behind', async () => {
  const before = guide.all();
  const objects = guide.path('cart-in-two-clusters/objects.yaml');
  const node = guide.path('cart-in-two-clusters/node.yaml');
  expect(await init(objects, guide.path('made'))).toMatchObject({
    status: 1,
    err: expect.stringContaining('holds no Node; choose the Node'),
  });
  expect(await init(node, guide.path('made'))).toMatchObject({
    status: 1,
    err: expect.stringContaining('holds no Service'),
  });
  expect(await init(objects, guide.path('cart-in-two-clusters'), { node })).toMatchObject({
    status: 2,
    err: expect.stringContaining('is not empty'),
  });
  expect(await init(objects, guide.path('made'), { node, cluster: ['Nonsense'] })).toMatchObject({ status: 2 });
  writeFileSync(guide.path('bad.yaml'), 'mode: nonsense\n');
  expect(await init(objects, guide.path('made'), { node, config: guide.path('bad.yaml') })).toMatchObject({
    status: 1,
  });
  const { 'bad.yaml': _bad, ...after } = guide.all();
  expect(after).toEqual(before);
  expect(readdirSync(guide.root).filter((name) => name.startsWith('.'))).toEqual([]);
});
