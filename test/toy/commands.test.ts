import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileCommand } from '../../agent/commands/compile.ts';
import { explainPacketCommand } from '../../agent/commands/explain-packet.ts';
import { cartOf, createScratch, forge, nodeOf, type Scratch } from '../../agent/commands/commands.fixture.ts';
import { reportCommand } from '../../agent/commands/report.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { verifyCommand } from '../../agent/commands/verify.ts';
import type { Run } from '../../backends/command.ts';
import { backendNames, register } from '../../backends/index.ts';
import { createToyNode, here } from './bench.fixture.ts';
import { toyEntry } from './index.ts';
import { createToyKernel, type ToyKernel } from './kernel.ts';

/* Every command works with a backend that was registered with one line, and that no line in agent/ knows. */

const noRun: Run = () => Promise.reject(new Error('files need no command'));

let scratch: Scratch;
let kernel: ToyKernel;
let unregister: () => void;
beforeEach(() => {
  scratch = createScratch();
  kernel = createToyKernel();
  unregister = register(toyEntry(kernel));
});
afterEach(() => {
  unregister();
  scratch.remove();
});

const manifests = (...addresses: string[]) => `${nodeOf('192.0.2.1')}---${cartOf(...addresses)}`;
const another = (text: string) => text.replaceAll('cart', 'odd').replaceAll('10.96.0.10', '10.96.0.11');
const cart = 'shop/cart:http/TCP/IPv4';
const lineTo = (endpoint: string, share = '1/1') =>
  `send shop/cart:http clusterIP TCP 10.96.0.10 80 any all no no ${share} ${endpoint} 8080`;
const linesOf = (part: string) => kernel.tables.get('IPv4 KUBE')?.get(part);
const guard = ['guard-loopback'];

describe('without a kernel', () => {
  it('compile prints the program, and writes its files', async () => {
    const io = memoryIo(manifests('10.1.0.5', '10.1.0.6'));
    expect(await compileCommand({ filename: ['-'], backend: 'toy', diagnostics: 'human' }, io)).toBe(0);
    expect(io.written.out).toBe(
      `# toy IPv4\n[node]\nguard-loopback\n[${cart}]\n${lineTo('10.1.0.5', '1/2')}\n${lineTo('10.1.0.6', '1/2')}\n# end\n`,
    );
    const out = join(scratch.root, 'lines');
    await compileCommand(
      { filename: ['-'], backend: 'toy', diagnostics: 'human', out },
      memoryIo(manifests('10.1.0.5')),
    );
    expect(readFileSync(join(out, 'toy-IPv4'), 'utf8')).toContain(lineTo('10.1.0.5'));
    expect(readFileSync(join(out, 'toy-IPv6'), 'utf8')).toBe('# toy IPv6\n# end\n');
  });

  it('explain packet follows its lines, and verify tries every probe on them', async () => {
    const options = { filename: ['-'], backend: 'toy', diagnostics: 'human' } as const;
    const io = memoryIo(manifests('10.1.0.5', '10.1.0.6'));
    const asked = { ...options, output: 'text', address: '' } as const;
    expect(await explainPacketCommand(['10.1.0.9', 'shop/cart:http'], asked, io, noRun, here)).toBe(0);
    const step = (endpoint: string) => `    [1/2] ${lineTo(endpoint, '1/2')}\n`;
    expect(io.written.out).toContain('  by cluster: local 1\n');
    expect(io.written.out).toContain(`\nThe rules on its way:\n  part ${cart}\n${step('10.1.0.5')}${step('10.1.0.6')}`);
    const checked = memoryIo(manifests('10.1.0.5'));
    expect(await verifyCommand({ ...options, output: 'text' }, checked)).toBe(0);
    expect(checked.written.out).toMatch(/^IPv4: 1 Service port, all probes get the expected result\n/);
  });

  it('report shows each Service with its lines', async () => {
    const io = memoryIo(manifests('10.1.0.5'));
    expect(await reportCommand([], { filename: ['-'], backend: 'toy', diagnostics: 'human' }, io)).toBe(0);
    expect(io.written.out).toContain(`>${lineTo('10.1.0.5')}</pre>`);
  });

  it('the configuration chooses it with mode: toy', async () => {
    const config = scratch.put('config.yaml', configured('toy'));
    const io = memoryIo(manifests('10.1.0.5'));
    expect(await compileCommand({ filename: ['-'], config, diagnostics: 'human' }, io)).toBe(0);
    expect(io.written.out).toMatch(/^# toy IPv4\n/);
    const unknown = scratch.put('unknown.yaml', configured('toys'));
    const refused = memoryIo(manifests('10.1.0.5'));
    await compileCommand({ filename: ['-'], config: unknown, diagnostics: 'human' }, refused);
    expect(refused.written.err).toContain(`"toys" is not one of ${backendNames().join(', ')}`);
  });
});

const configured = (mode: string) =>
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ${mode}\n`;

describe('with a kernel', () => {
  it('plan says what would change and changes nothing; apply changes it; then there is nothing to do', async () => {
    const node = createToyNode();
    const planned = await node.plan(manifests('10.1.0.5', '10.1.0.6'));
    expect(planned).toMatchObject({ status: 2, err: '' });
    expect(planned.out).toMatch(
      /^IPv4, against the toy kernel: 1 Service with changes for traffic\n {2}\+ shop\/cart: http cluster IP 10\.96\.0\.10:80\/TCP: new, 2 endpoints: local 100 %\n/,
    );
    expect(planned.out).toContain(`+${lineTo('10.1.0.5', '1/2')}\n`);
    expect(planned.out).toContain('cost: 2 transactions, 3 lines, 2 parts');
    expect(kernel.taken).toBe(0);

    const applied = await node.apply(manifests('10.1.0.5', '10.1.0.6'));
    expect(applied).toMatchObject({ status: 0, err: '' });
    expect(applied.out).toContain('IPv4: applied in 2 transactions; read back\n');
    expect(linesOf(cart)).toEqual([lineTo('10.1.0.5', '1/2'), lineTo('10.1.0.6', '1/2')]);
    expect(node.others.netfilter.save('IPv4')).not.toContain('KUBE-');
    const again = { status: 0, out: 'IPv4, against the toy kernel: nothing to do\n', err: '' };
    expect(await node.apply(manifests('10.1.0.5', '10.1.0.6'))).toEqual(again);
    const unchanged = `${again.out}\nNo changes: the rules already match the objects.\n`;
    expect(await node.plan(manifests('10.1.0.5', '10.1.0.6'))).toEqual({ ...again, out: unchanged });
  });

  it('plan as JSON has the steps, the frontends and their fates', async () => {
    const { out } = await createToyNode().plan(manifests('10.1.0.5'), { output: 'json' });
    expect(JSON.parse(out)).toMatchObject({
      changes: true,
      families: [
        {
          backend: 'toy',
          frontends: [{ servicePort: 'shop/cart:http', kind: 'cluster IP', before: { kind: 'absent' } }],
          steps: [
            { phase: 'switch', part: 'node', lines: guard },
            { phase: 'switch', part: cart, lines: [lineTo('10.1.0.5')] },
          ],
        },
      ],
    });
  });

  it('plan warns of a Service that loses its last endpoint', async () => {
    const node = createToyNode();
    await node.apply(manifests('10.1.0.5'));
    const { out } = await node.plan(manifests());
    expect(out).toContain('! shop/cart:http loses its last endpoint');
  });

  it('a Service that the kernel rejects is named and left as it was; the others are applied', async () => {
    const node = createToyNode();
    kernel.refuses = (part) => part.startsWith('shop/odd');
    const { status, err } = await node.apply(`${manifests('10.1.0.5')}---${another(cartOf('10.1.0.6'))}`);
    expect(status).toBe(1);
    expect(err).toBe(
      'error: Service shop/odd port http: the toy kernel refuses shop/odd:http/TCP/IPv4 [service-refused]\n',
    );
    expect([linesOf(cart), linesOf('shop/odd:http/TCP/IPv4')]).toEqual([[lineTo('10.1.0.5')], undefined]);
  });

  it('a machine without its kernel is told of, and nothing was changed', async () => {
    kernel.isAbsent = true;
    const { status, err } = await createToyNode().apply(manifests('10.1.0.5'));
    expect([status, err]).toEqual([
      1,
      'error: machine toy: this machine has no toy kernel [toy-unsupported]\nNothing was changed.\n',
    ]);
  });

  it('cleanup takes out all of it and nothing else, and does nothing the second time', async () => {
    const node = createToyNode();
    await node.apply(manifests('10.1.0.5'));
    kernel.tables.set('IPv4 OTHER', new Map([['node', guard]]));
    expect(await node.cleanup()).toMatchObject({ status: 0, err: '', out: expect.stringContaining('IPv4: 2 lines') });
    expect([...kernel.tables.keys()]).toEqual(['IPv4 OTHER']);
    expect((await node.cleanup()).out).toMatch(/^IPv4: no slicewright rules found\n/);
  });
});

describe('a dump', () => {
  it('is what compile wrote, as a folder or as one file', async () => {
    const out = join(scratch.root, 'lines');
    const options = { filename: ['-'], backend: 'toy', diagnostics: 'human', out } as const;
    await compileCommand(options, memoryIo(manifests('10.1.0.5')));
    const node = createToyNode();
    expect(await node.plan(manifests('10.1.0.5'), { against: [out] })).toMatchObject({ status: 0, err: '' });
    const file = join(out, 'toy-IPv4');
    const changed = await node.plan(manifests('10.1.0.6'), { against: [file] });
    expect(changed.status).toBe(2);
    expect(changed.out).toContain('1 endpoint (+10.1.0.6:8080, -10.1.0.5:8080)');
  });

  it('is refused when it was cut short, or is none', async () => {
    const path = scratch.put('lines', '# toy IPv4\n[node]\n');
    const short = await createToyNode().plan(manifests('10.1.0.5'), { against: [path] });
    expect([short.status, short.err]).toEqual([
      1,
      `error: file ${path}: is no program of the toy, or cut short [bad-dump]\n`,
    ]);
    const none = await createToyNode().plan(manifests('10.1.0.5'), { against: [scratch.root] });
    expect(none.err).toContain('is a directory without toy-IPv4 or toy-IPv6');
  });
});

describe('a saved plan', () => {
  it('is performed later, exactly', async () => {
    const node = createToyNode();
    const out = join(scratch.root, 'plan.json');
    await node.plan(manifests('10.1.0.5'), { out });
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ kind: 'Plan', backend: 'toy' });
    expect(await node.apply('', { plan: out, filename: [] })).toEqual({
      status: 0,
      out: expect.stringMatching(/ digest [0-9a-f]{64}\nIPv4: applied in 2 transactions; read back\n$/),
      err: '',
    });
    expect(linesOf(cart)).toEqual([lineTo('10.1.0.5')]);
  });

  it('is refused when the kernel has changed since', async () => {
    const node = createToyNode();
    const out = join(scratch.root, 'plan.json');
    await node.plan(manifests('10.1.0.5'), { out });
    await node.apply(manifests('10.1.0.6'));
    const { status, err } = await node.apply('', { plan: out, filename: [] });
    expect([status, err]).toEqual([
      1,
      'error: kernel IPv4: the lines have changed since this plan was made [apply-changed-since]\nNothing was changed. Make a new plan.\n',
    ]);
    expect(linesOf(cart)).toEqual([lineTo('10.1.0.6')]);
  });

  it.each([
    ['another endpoint', '10.1.0.5 8080', '10.6.6.6 8080', /the steps of this plan do not lead where it says/],
    [
      'a line that the toy does not have',
      'guard-loopback',
      'open-everything',
      /families\.0\.steps\.0\.lines\.0: is no line/,
    ],
    ['a part of no Service', `"${cart}"`, '"../etc"', /families\.0\.steps\.1\.part: /],
    [
      'a backend that is not there',
      '"backend": "toy"',
      '"backend": "tin"',
      /backend: is not a backend of this version of slicewright/,
    ],
  ])('is refused when it was tampered with: %s', async (_, from, to, message) => {
    const node = createToyNode();
    const out = join(scratch.root, 'plan.json');
    await node.plan(manifests('10.1.0.5'), { out });
    forge(out, (text) => text.replace(from, to));
    const { status, err } = await node.apply('', { plan: out, filename: [] });
    expect([status, err]).toEqual([1, expect.stringMatching(message)]);
    expect(kernel.taken).toBe(0);
  });
});

describe.each(['iptables', 'ipvs'])('a change of mode between the toy and %s', (other) => {
  const cartServed = (node: ReturnType<typeof createToyNode>) => ({
    toy: linesOf(cart) !== undefined,
    rules: /-j DNAT/.test(node.others.netfilter.save('IPv4')),
    servers: node.others.servers.size,
  });
  const only = {
    iptables: { toy: false, rules: true, servers: 0 },
    ipvs: { toy: false, rules: false, servers: 1 },
  }[other];

  it('takes the Services over, and the former mode goes', async () => {
    const node = createToyNode();
    await node.apply(manifests('10.1.0.5'));
    const planned = await node.plan(manifests('10.1.0.5'), { backend: other });
    expect(planned.out).toContain('= shop/cart: http cluster IP 10.96.0.10:80/TCP: other rules, the same endpoints');
    expect(planned.out).toContain('then toy mode goes: 2 lines');

    const there = await node.apply(manifests('10.1.0.5'), { backend: other });
    expect(there).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringContaining('IPv4: toy mode is gone: 2 lines'),
    });
    expect(cartServed(node)).toEqual(only);

    const planBack = await node.plan(manifests('10.1.0.6'));
    expect(planBack.out).toContain('1 endpoint (+10.1.0.6:8080, -10.1.0.5:8080)');
    const back = await node.apply(manifests('10.1.0.6'));
    expect(back).toMatchObject({ status: 0, err: '' });
    expect(cartServed(node)).toEqual({ toy: true, rules: false, servers: 0 });
    expect(node.others.netfilter.save('IPv4')).not.toContain('KUBE-');
    expect(await node.plan(manifests('10.1.0.6'))).toMatchObject({ status: 0 });
  });

  it('keeps the former mode where the new one is not in force for every Service', async () => {
    const node = createToyNode();
    await node.apply(manifests('10.1.0.5'), { backend: other });
    kernel.refuses = (part) => part === cart;
    expect(await node.apply(manifests('10.1.0.5'))).toMatchObject({ status: 1 });
    expect(cartServed(node)).toEqual(only);
  });
});
