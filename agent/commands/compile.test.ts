import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CompileOptions, compileCommand } from './compile.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

const cart = cartOf('10.1.0.5');
const cart6 = cart
  .replaceAll('cart', 'cart6')
  .replaceAll('10.96.0.10', 'fd00:96::10')
  .replace('IPv4', 'IPv6')
  .replace('10.1.0.5', 'fd00:1::5');
async function run(options: Partial<CompileOptions>, stdin = '') {
  const io = memoryIo(stdin);
  const status = await compileCommand({ filename: ['-'], diagnostics: 'human', ...options }, io);
  return { status, out: io.written.out, err: io.written.err.replaceAll(scratch.root, 'ROOT') };
}

describe('slicewright compile', () => {
  it('compiles standard input for the node of a file', async () => {
    const { status, out, err } = await run({ node: scratch.put('node.yaml', nodeOf('192.0.2.1')) }, cart);
    expect([status, err.replace(/^info: .*\n/gm, '')]).toEqual([0, '']);
    expect(out).toMatch(/-A KUBE-SEP-\w{16} -p tcp .* -j DNAT --to-destination 10\.1\.0\.5:8080\n/);
    expect(out.match(/^COMMIT$/gm)).toHaveLength(3);
  });

  it('prints IPv4, then IPv6, for whatever the node or a Service has; --family picks one', async () => {
    const tablesOf = async (options: Partial<CompileOptions>, text: string) => {
      const { out } = await run(options, text);
      return [/to-destination 10\./.test(out), /to-destination \[fd00/.test(out), out.split('*nat').length - 1];
    };
    const dualNode = scratch.put('dual.yaml', nodeOf('192.0.2.1', '2001:db8::1'));
    expect(await tablesOf({}, cart)).toEqual([true, false, 1]);
    expect(await tablesOf({}, cart6)).toEqual([false, true, 1]);
    expect(await tablesOf({ node: dualNode }, cart)).toEqual([true, false, 2]);
    expect(await tablesOf({}, `${cart}---${cart6}`)).toEqual([true, true, 2]);
    expect(await tablesOf({ family: 'ipv6', node: dualNode }, `${cart}---${cart6}`)).toEqual([false, true, 1]);
    const { out } = await run({}, `${cart}---${cart6}`);
    expect(out.indexOf('10.1.0.5:8080')).toBeLessThan(out.indexOf('[fd00:1::5]:8080'));
  });

  it('writes both families with --out, says what it wrote, and nothing to standard output', async () => {
    const out = join(scratch.root, 'new/rules');
    const { status, out: nothing, err } = await run({ out }, cart);
    expect([status, nothing]).toEqual([0, '']);
    const sizes = ['iptables-save', 'ip6tables-save'].map((name) => {
      const text = readFileSync(join(out, name), 'utf8');
      return `info: file ROOT/new/rules/${name}: written, ${text.split('\n').length - 1} lines, ${text.length} bytes\n`;
    });
    expect(err).toContain(sizes.sort().join(''));
    expect(readdirSync(out).sort()).toEqual(['ip6tables-save', 'iptables-save']);
    const { out: printed } = await run({}, cart);
    expect(readFileSync(join(out, 'iptables-save'), 'utf8')).toBe(printed);
  });

  it('writes both families whole where they share a file, however alike they are', async () => {
    const out = join(scratch.root, 'nft-rules');
    expect(await run({ out, backend: 'nftables' }, `${cart}---${cart6}`)).toMatchObject({ status: 0 });
    const { out: printed } = await run({ backend: 'nftables' }, `${cart}---${cart6}`);
    expect(readFileSync(join(out, 'nft'), 'utf8')).toBe(printed);
  });

  it('compiles the rest beside a bad object, and says what was left out; --strict hands out nothing', async () => {
    const text = `${cart}---${cart.replaceAll('cart', 'bad').replaceAll('10.96.0.10', '300.1.2.3')}`;
    const lenient = await run({}, text);
    expect(lenient.status).toBe(0);
    expect(lenient.out).toContain('shop/cart:http');
    expect(lenient.err).toMatch(/^(error|warning): Service shop\/bad .*300\.1\.2\.3/m);
    const strict = await run({ strict: true, out: join(scratch.root, 'rules') }, text);
    expect(strict).toMatchObject({ status: 1, out: '', err: lenient.err });
    expect(existsSync(join(scratch.root, 'rules'))).toBe(false);
  });

  it('names the file and the line of each field, for people and for programs', async () => {
    const path = scratch.put('shop.yaml', `${cart}---${cartOf('10.1.0.5', '10.1.0.300').replaceAll('cart', 'two')}`);
    const { err } = await run({ filename: [path] });
    expect(err).toContain(
      'warning: EndpointSlice shop/two-x7k2 endpoints[1].addresses[0] (ROOT/shop.yaml:23): "10.1.0.300" is not',
    );
    const said = (await run({ filename: [path], diagnostics: 'json' })).err.trimEnd().split('\n');
    expect(said.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ code: 'endpoint-bad-address', file: 'ROOT/shop.yaml', document: 4, line: 23 }),
    );
  });

  it('names the line of a configuration, and of objects of a cluster that the registry calls otherwise', async () => {
    const config = scratch.put(
      'kp.yaml',
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nfeatureGates:\n  Odd: true\n',
    );
    const registry = scratch.put(
      'clusters.yaml',
      'apiVersion: slicewright.dev/v1alpha1\nkind: ClusterRegistry\nclusters:\n- id: west\n  aliases: [w]\n',
    );
    const cluster = [`w=${scratch.put('west.yaml', cartOf('10.1.0.300'))}`];
    const { err } = await run({ config, registry, cluster }, cart);
    expect(err).toContain('warning: KubeProxyConfiguration ROOT/kp.yaml:4 featureGates.Odd: has no effect');
    expect(err).toContain('west EndpointSlice shop/cart-x7k2 endpoints[0].addresses[0] (ROOT/west.yaml:11): ');
  });

  it('lets an option win over the configuration with --strict', async () => {
    const config = scratch.put(
      'kp.yaml',
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\nclusterCIDR: 10.1.0.0/16\n',
    );
    const { status, err } = await run({ config, backend: 'iptables', strict: true }, cart);
    expect(err).toContain('info: KubeProxyConfiguration ROOT/kp.yaml:3 mode: --backend iptables overrides mode: ipvs');
    expect(status).toBe(0);
  });

  it('lets notes pass with --strict', async () => {
    const { status, err } = await run({ strict: true }, `${cart}---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n`);
    expect([status, /^info: Pod .*ignored/m.test(err)]).toEqual([0, true]);
  });

  it('compiles nothing when a file is broken, and names document and line', async () => {
    const good = scratch.put('good.yaml', cart);
    const bad = scratch.put('bad.yaml', `${cart}---\nkind: Service\n\tname: x\n`);
    const { status, out, err } = await run({ filename: [good, bad] });
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^error: file ROOT\/bad\.yaml:15: is not valid YAML: /);
  });

  it('writes diagnostics as JSON lines', async () => {
    const { status, err } = await run({ filename: [join(scratch.root, 'none.yaml')], diagnostics: 'json' });
    expect(status).toBe(1);
    expect(JSON.parse(err.replaceAll('ROOT', scratch.root))).toEqual({
      apiVersion: 'slicewright.dev/v1alpha1',
      kind: 'Diagnostic',
      severity: 'error',
      code: 'file-unreadable',
      object: { kind: 'file', name: join(scratch.root, 'none.yaml') },
      message: 'there is no such file',
    });
  });

  it('takes the node from hostnameOverride and refuses a --node that is another', async () => {
    const config = scratch.put(
      'kp.yaml',
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nhostnameOverride: East-1\n',
    );
    expect((await run({ config, node: scratch.put('node.yaml', nodeOf('192.0.2.1')) }, cart)).status).toBe(0);
    const other = scratch.put('other.yaml', nodeOf('192.0.2.2').replace('east-1', 'west-1'));
    const { status, err } = await run({ config, node: other }, cart);
    expect([status, err]).toEqual([
      1,
      'error: file ROOT/other.yaml: has the Node west-1, but hostnameOverride is east-1 [other-node]\n',
    ]);
  });

  it('names the node by --node when the objects hold several', async () => {
    const local = `${nodeOf('192.0.2.1')}---${nodeOf('192.0.2.2').replace('east-1', 'east-2')}---${cart.replace('spec: {', 'spec: {internalTrafficPolicy: Local, ')}`;
    const reached = async (name: string) =>
      (await run({ node: scratch.put('n.yaml', nodeOf('192.0.2.1').replace('east-1', name)) }, local)).out.includes(
        '10.1.0.5:8080',
      );
    expect([await reached('east-1'), await reached('east-2')]).toEqual([true, false]);
  });

  it('reads standard input for one purpose only', async () => {
    const { status, err } = await run({ node: '-' }, cart);
    expect([status, err]).toEqual([2, 'error: option -: standard input can be read only once [stdin-twice]\n']);
  });

  it('takes the Node of a list as an API server writes it, and none of another API group', async () => {
    const list = `{apiVersion: v1, kind: NodeList, items: [{metadata: {name: east-1}}]}`;
    const reached = (out: string) => out.includes('--to-destination 10.1.0.5:8080');
    const local = cart.replace('ports: [{name: http, port: 80,', 'internalTrafficPolicy: Local, $&');
    const { err, out } = await run({ node: scratch.put('node.yaml', list) }, local);
    expect([err.replace(/^info: .*\n/gm, ''), reached(out)]).toEqual(['', true]);
    const other = scratch.put(
      'other.yaml',
      nodeOf('192.0.2.1').replace('apiVersion: v1', 'apiVersion: metal.example/v1'),
    );
    expect((await run({ node: other }, cart)).err).toBe(
      'error: file ROOT/other.yaml: holds no Node object [no-node]\n',
    );
  });

  it('refuses a --node file without a Node', async () => {
    const { err } = await run({ node: scratch.put('node.yaml', cart) }, cart);
    expect(err).toBe('error: file ROOT/node.yaml: holds no Node object [no-node]\n');
  });

  it('says where it cannot write', async () => {
    const { status, err } = await run({ out: join(scratch.put('file', ''), 'rules') }, cart);
    expect([status, err.split('\n').at(-2)]).toEqual([
      1,
      expect.stringContaining('ROOT/file/rules: cannot be written to'),
    ]);
  });
});
