import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../backends/command.ts';
import { createFakeKernel, type FakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import type { Host } from '../input/inputs.ts';
import { compileCommand } from './compile.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { type PlanOptions, planCommand } from './plan.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

/** The output of compile for these manifests: the state that a plan starts from. */
async function compiled(manifests: string): Promise<string> {
  const out = join(scratch.root, 'rules');
  const filename = [scratch.put('before.yaml', manifests)];
  await compileCommand(
    { filename, node: scratch.put('node.yaml', nodeOf('192.0.2.1')), out, diagnostics: 'human' },
    memoryIo(),
  );
  return out;
}

const nobody: Host = { name: 'elsewhere', addresses: [] };
const noKernel: Run = () => Promise.reject(new Error('a command was run'));

async function plan(against: string, manifests: string, options: Partial<PlanOptions> = {}) {
  const io = memoryIo();
  const filename = [scratch.put('after.yaml', manifests)];
  const node = scratch.put('node.yaml', nodeOf('192.0.2.1'));
  const status = await planCommand(
    { filename, node, against: [against], output: 'text', diagnostics: 'human', ...options },
    io,
    noKernel,
    nobody,
  );
  return {
    status,
    out: io.written.out.replaceAll(scratch.root, 'ROOT'),
    err: io.written.err.replaceAll(scratch.root, 'ROOT'),
  };
}

describe('slicewright plan --against', () => {
  it('finds nothing to do where the dump is what the objects want', async () => {
    const { status, out } = await plan(await compiled(cartOf('10.1.0.5')), cartOf('10.1.0.5'));
    expect([status, out]).toEqual([
      0,
      'IPv4, against ROOT/rules/iptables-save: nothing to do\n\nIPv6, against ROOT/rules/ip6tables-save: nothing to do\n\n' +
        'No changes: the rules already match the objects.\n',
    ]);
  });

  it('tells an endpoint that joins: for traffic, in rules, and its cost', async () => {
    const { status, out } = await plan(
      join(await compiled(cartOf('10.1.0.5')), 'iptables-save'),
      cartOf('10.1.0.5', '10.1.0.6'),
    );
    expect(status).toBe(2);
    const [title, sentence] = out.split('\n');
    expect(title).toBe('IPv4, against ROOT/rules/iptables-save: 1 Service with changes for traffic');
    expect(sentence).toBe(
      '  ~ shop/cart: http cluster IP 10.96.0.10:80/TCP: 1 → 2 endpoints (+10.1.0.6:8080), shares of the clusters as before',
    );
    expect(out).toMatch(/^nat KUBE-SVC-\w{16} \(shop\/cart:http\) changed$/m);
    expect(out).toMatch(/^\+-A KUBE-SVC-\w{16} .*--probability 0\.50000000000 /m);
    expect(out).toMatch(/^  cost: 1 transaction, 6 lines, 2 chains$/m);
  });

  it('flags a Service that loses its last endpoint', async () => {
    const { status, out } = await plan(await compiled(cartOf('10.1.0.5')), cartOf());
    expect(status).toBe(2);
    expect(out).toContain(
      '\n  ! shop/cart:http loses its last endpoint: it had one, and its clients will be rejected\n',
    );
  });

  it('is JSON for programs, with shares as numbers and documents that iptables-restore takes', async () => {
    const { status, out } = await plan(await compiled(cartOf('10.1.0.5')), cartOf('10.1.0.5', '10.1.0.6'), {
      output: 'json',
    });
    const { changes, families } = JSON.parse(out);
    expect([status, changes, families.length]).toEqual([2, true, 2]);
    expect(families[0].frontends).toEqual([
      {
        servicePort: 'shop/cart:http',
        kind: 'cluster IP',
        address: '10.96.0.10',
        port: 80,
        protocol: 'TCP',
        before: {
          kind: 'forward',
          endpoints: [{ endpoint: '10.1.0.5:8080', cluster: 'local', share: 1, masquerade: false }],
          refused: 0,
        },
        after: {
          kind: 'forward',
          endpoints: [
            { endpoint: '10.1.0.5:8080', cluster: 'local', share: 0.5, masquerade: false },
            { endpoint: '10.1.0.6:8080', cluster: 'local', share: 0.5, masquerade: false },
          ],
          refused: 0,
        },
        clients: [
          { kind: 'outside', source: '198.51.100.77', before: 'forward', after: 'forward', isChanged: true },
          { kind: 'node', source: '192.0.2.1', before: 'forward', after: 'forward', isChanged: true },
        ],
      },
    ]);
    expect(families[0].steps).toEqual([
      { phase: 'switch', kind: 'restore', document: expect.stringMatching(/^\*nat\n[^]*COMMIT\n$/) },
    ]);
    expect(families[1]).toMatchObject({ family: 'IPv6', cost: { transactions: 0, lines: 0, chains: 0 }, steps: [] });
  });

  it('says with --verbose what becomes of each kind of client', async () => {
    const edge = (policy: string) =>
      cartOf('10.1.0.5').replace(
        'spec: {',
        `spec: {type: LoadBalancer, externalIPs: [203.0.113.9], externalTrafficPolicy: ${policy}, `,
      );
    const rules = join(await compiled(edge('Cluster')), 'iptables-save');
    const { out } = await plan(rules, edge('Local'), { verbose: true });
    expect(out.split('\n').filter((line) => line.startsWith('      '))).toEqual([
      "      outside clients (198.51.100.77): 1 endpoint: local 100 %, with the node's address → 1 endpoint: local 100 %",
      "      this node (192.0.2.1): as before, 1 endpoint: local 100 %, with the node's address",
    ]);
  });

  it('colours a difference for a terminal only', async () => {
    const rules = await compiled(cartOf('10.1.0.5'));
    const io = memoryIo('', true);
    await planCommand(
      { filename: [scratch.put('after.yaml', cartOf())], against: [rules], output: 'text', diagnostics: 'human' },
      io,
      noKernel,
      nobody,
    );
    expect(io.written.out).toContain('\u001b[31m--A KUBE-SEP-');
    expect((await plan(rules, cartOf())).out).not.toContain('\u001b');
  });

  it('concludes nothing from a dump that is cut short, nor from what is none', async () => {
    const path = join(await compiled(cartOf('10.1.0.5')), 'iptables-save');
    const cut = scratch.put('iptables-save', readFileSync(path, 'utf8').slice(0, -20));
    expect(await plan(cut, cartOf())).toEqual({
      status: 1,
      out: '',
      err: 'error: file ROOT/iptables-save: is not what iptables-save prints, or cut short [bad-dump]\n',
    });
    expect((await plan(scratch.put('x', 'hello\n'), cartOf())).status).toBe(1);
    const folder = join(scratch.root, 'folder');
    mkdirSync(folder);
    expect((await plan(folder, cartOf())).err).toContain('is a directory without iptables-save or ip6tables-save');
    rmSync(folder, { recursive: true });
    expect((await plan(folder, cartOf())).err).toContain('there is no such file');
  });

  it('tells the family of a dump by its first line, else by its name', async () => {
    const rules = await compiled(cartOf('10.1.0.5'));
    const text = readFileSync(join(rules, 'ip6tables-save'), 'utf8');
    const called = scratch.put('node-7.ip6tables-save', text);
    expect((await plan(called, cartOf('10.1.0.5'))).out).toBe(
      'IPv6, against ROOT/node-7.ip6tables-save: nothing to do\n\nNo changes: the rules already match the objects.\n',
    );
    const named = scratch.put('node-7', `# Generated by ip6tables-save v1.8.9 (nf_tables)\n${text}`);
    expect((await plan(named, cartOf('10.1.0.5'))).out).toBe(
      'IPv6, against ROOT/node-7: nothing to do\n\nNo changes: the rules already match the objects.\n',
    );
  });

  describe('of chosen Services', () => {
    const shopAndBlog = (...addresses: readonly string[]): string =>
      `${cartOf(...addresses)}---\n${cartOf(...addresses)
        .replaceAll('namespace: shop', 'namespace: blog')
        .replaceAll('10.96.0.10', '10.96.0.11')
        .replace('name: cart, namespace', 'labels: {team: blue}, name: cart, namespace')}`;

    it('tells of them alone, with the cost of the whole plan, and its status is theirs', async () => {
      const rules = await compiled(shopAndBlog('10.1.0.5'));
      const wanted = shopAndBlog('10.1.0.6');
      const all = await plan(rules, wanted);
      expect(all.out).toContain('\nPlan: 0 Services to add, 2 to change, 0 to remove.\n');
      for (const choice of [{ services: ['shop/cart'] }, { services: ['shop/cart:80'] }, { namespace: 'shop' }]) {
        const { status, out } = await plan(rules, wanted, choice);
        expect([status, out.includes('blog/'), out]).toEqual([2, false, expect.stringContaining('~ shop/cart: http')]);
        expect(out).toContain('\nPlan: 0 Services to add, 1 to change, 0 to remove.\n');
        expect(out).toContain('cost of the whole plan: 1 transaction');
      }
      expect((await plan(rules, wanted, { selector: 'team=blue', output: 'name' })).out).toBe('blog/cart\n');
      expect(await plan(rules, wanted, { services: ['shop/other'] })).toMatchObject({
        status: 0,
        out: expect.stringContaining('nothing to do for the chosen Services'),
      });
    });

    it('chooses a deleted Service by its name', async () => {
      const rules = await compiled(shopAndBlog('10.1.0.5'));
      const options = { services: ['blog/cart'], output: 'json' } as const;
      const { status, out } = await plan(rules, cartOf('10.1.0.6'), options);
      expect(status).toBe(2);
      const { summary, families } = JSON.parse(out);
      expect(summary).toEqual({ add: 0, change: 0, remove: 1, rulesOnly: 0 });
      expect(families[0].frontends.map(({ servicePort }: { servicePort: string }) => servicePort)).toEqual([
        'blog/cart:http',
      ]);
      expect(families[0]).not.toHaveProperty('steps');
    });

    it('is refused where a plan shall be saved, or where it can mean none', async () => {
      const rules = await compiled(cartOf('10.1.0.5'));
      for (const options of [
        { namespace: 'shop', out: `${scratch.root}/plan.json` },
        { services: ['cart'] },
        { selector: '=' },
      ]) {
        expect(await plan(rules, cartOf('10.1.0.6'), options)).toMatchObject({ status: 2, out: '' });
      }
    });
  });

  it('makes no plan for a warning with --strict', async () => {
    const rules = await compiled(cartOf('10.1.0.5'));
    const { status, out, err } = await plan(rules, cartOf('10.1.0.5', '10.1.0.300'), { strict: true });
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain('"10.1.0.300" is not an IPv4 address');
  });
});

describe('slicewright plan', () => {
  const here: Host = {
    name: 'east-1',
    addresses: [parseAddress('192.0.2.1')].filter((address) => address !== undefined),
  };

  async function planHere(kernel: FakeKernel, manifests: string) {
    const io = memoryIo(`${nodeOf('192.0.2.1')}---${manifests}`);
    const status = await planCommand(
      { filename: ['-'], against: [], output: 'text', diagnostics: 'human' },
      io,
      kernel.run,
      here,
    );
    return { status, out: io.written.out, err: io.written.err.replace(/^info: .*\n/gm, '') };
  }

  it('reads the kernel, changes nothing, and says in which tables it looked', async () => {
    const kernel = createFakeKernel('nft');
    const { status, out } = await planHere(kernel, cartOf('10.1.0.5'));
    expect([status, out.split('\n')[0]]).toEqual([
      2,
      'IPv4, against the kernel (nft): 1 Service with changes for traffic',
    ]);
    expect(out).toContain('  + shop/cart: http cluster IP 10.96.0.10:80/TCP: new, 1 endpoint: local 100 %\n');
    expect(kernel.commands.filter(({ file }) => file.includes('restore'))).toEqual([]);
  });

  it("says whose the chains are, where they are another program's", async () => {
    const kernel = createFakeKernel('legacy');
    const before = join(await compiled(cartOf('10.1.0.5')), 'iptables-save');
    kernel.restore('IPv4', readFileSync(before, 'utf8'));
    const { out } = await planHere(kernel, cartOf('10.1.0.5'));
    expect(out).toContain('IPv4, against the kernel (legacy)');
    expect(out).toContain(
      '  ! another program, probably kube-proxy, made the existing chains: apply needs --take-over\n',
    );
  });

  it.each([
    [{ noPrivilege: true }, /^error: command iptables-nft-save: not permitted /],
    [
      {
        missing: [
          'iptables',
          'iptables-nft',
          'iptables-legacy',
          'iptables-save',
          'iptables-nft-save',
          'iptables-legacy-save',
        ],
      },
      /^error: command iptables-nft-save: not installed/,
    ],
  ])('makes no plan of %j', async (faults, message) => {
    const { status, out, err } = await planHere(createFakeKernel('nft', faults), cartOf('10.1.0.5'));
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(message);
  });
});
