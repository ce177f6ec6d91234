import { ownChains } from '../../test/helpers/scope.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeIpvsKernel, type FakeIpvsKernel, type IpvsFaults } from '../../backends/ipvs/fake/kernel.ts';
import { observeProgram } from '../../backends/ipvs/live/observe.ts';
import { iptablesTables } from '../../backends/iptables/table-writer.ts';
import { traceProgram } from '../../backends/ipvs/program/trace.ts';
import { traceRuleset } from '../../backends/netfilter/trace/trace.ts';
import { compile } from '../../compiler/index.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { parsePacket } from '../../compiler/semantics/packet-text.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import type { Host } from '../input/inputs.ts';
import { type ApplyOptions, applyCommand } from './apply.ts';
import { cleanupCommand } from './cleanup.ts';
import { cartOf, createScratch, forge, nodeOf, type Scratch } from './commands.fixture.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { type PlanOptions, planCommand } from './plan.ts';
import { lockDir } from '../../test/helpers/lock-dir.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

const here: Host = {
  name: 'east-1',
  addresses: [parseAddress('192.0.2.1')].filter((address) => address !== undefined),
};
const manifests = (...addresses: string[]) => `${nodeOf('192.0.2.1')}---${cartOf(...addresses)}`;
const withoutNotes = (text: string) => text.replace(/^info: .*\n/gm, '');
const cart = '-t 10.96.0.10:80';

async function apply(kernel: FakeIpvsKernel, text: string, options: Partial<ApplyOptions> = {}) {
  const io = memoryIo(text);
  const status = await applyCommand(
    { filename: ['-'], backend: 'ipvs', lockDir, diagnostics: 'human', ...options },
    io,
    kernel.run,
    here,
  );
  return { status, out: io.written.out, err: withoutNotes(io.written.err) };
}

async function plan(kernel: FakeIpvsKernel, text: string, options: Partial<PlanOptions> = {}) {
  const io = memoryIo(text);
  const status = await planCommand(
    { filename: ['-'], against: [], backend: 'ipvs', output: 'text', diagnostics: 'human', ...options },
    io,
    kernel.run,
    here,
  );
  return { status, out: io.written.out, err: withoutNotes(io.written.err) };
}

async function cleanup(kernel: FakeIpvsKernel) {
  const io = memoryIo();
  const status = await cleanupCommand({ lockDir, diagnostics: 'human' }, io, kernel.run);
  return { status, out: io.written.out, err: io.written.err };
}

/** Everything that a kernel holds: the tests check that nothing of it is left, or that it does not change. */
async function state({ run, netfilter, link }: FakeIpvsKernel) {
  return {
    servers: (await run('ipvsadm', ['--save', '-n'])).stdout,
    sets: (await run('ipset', ['save'])).stdout,
    link,
    rules: `${netfilter.save('IPv4')}${netfilter.save('IPv6')}`
      .replace(/^[#:].*\n/gm, '')
      .replace(/^\*.*\nCOMMIT\n/gm, ''),
  };
}

describe('slicewright apply --backend ipvs', () => {
  it('makes the kernel hold what is wanted, says what changes, and has nothing to do the next time', async () => {
    const kernel = createFakeIpvsKernel();
    const { status, out, err } = await apply(kernel, manifests('10.1.0.5', '10.1.0.6'));
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^IPv4, against the kernel \(IPVS, nft\): 1 Service with changes for traffic\n {2}\+ shop\/cart: http cluster IP 10\.96\.0\.10:80\/TCP: new, 2 endpoints: local 100 %\n {2}cost: \d+ scripts, \d+ lines, \d+ parts\nIPv4: applied in \d+ scripts of \d+ lines; read back, the kernel holds the desired rules\n$/,
    );
    expect((await state(kernel)).servers).toBe(
      `-A ${cart} -s rr\n-a ${cart} -r 10.1.0.5:8080 -m -w 1\n-a ${cart} -r 10.1.0.6:8080 -m -w 1\n`,
    );
    expect(kernel.link).toEqual(['10.96.0.10']);
    expect(await apply(kernel, manifests('10.1.0.5', '10.1.0.6'))).toEqual({
      status: 0,
      out: 'IPv4, against the kernel (IPVS, nft): nothing to do\n',
      err: '',
    });
  });

  it('says that a machine has no IPVS, by the names of the modules, and changes nothing', async () => {
    const kernel = createFakeIpvsKernel({ noIpvs: true });
    const before = await state(createFakeIpvsKernel());
    const { status, out, err } = await apply(kernel, manifests('10.1.0.5'));
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^error: machine IPVS: .*ip_vs, ip_vs_rr .*ip_set.*\n/);
    expect([kernel.scripts, kernel.link, kernel.sets.size]).toEqual([[], undefined, 0]);
    expect((await state({ ...kernel, run: createFakeIpvsKernel().run })).rules).toBe(before.rules);
  });

  it('refuses a scheduler that the machine does not have, and changes nothing', async () => {
    const kernel = createFakeIpvsKernel();
    kernel.schedulers.delete('sed');
    const before = await state(kernel);
    const config = scratch.put('config.yaml', configured('sed'));
    const { status, out, err } = await apply(kernel, manifests('10.1.0.5'), { config });
    expect([status, out, await state(kernel)]).toEqual([1, '', before]);
    expect(err).toContain('no scheduler sed on this machine: its module ip_vs_sed is not there');
  });

  it('names the Service that the kernel rejects, and applies the others', async () => {
    const kernel = createFakeIpvsKernel({ refuses: (file, line) => file === 'ipvsadm' && line.includes('10.1.0.66') });
    const other = cartOf('10.1.0.66').replaceAll('cart', 'odd').replaceAll('10.96.0.10', '10.96.0.11');
    const { status, out, err } = await apply(kernel, `${manifests('10.1.0.5')}---${other}`);
    expect(status).toBe(1);
    expect(out).toContain('the kernel holds the desired rules, except for 1 ');
    expect(err).toMatch(/^error: Service shop\/odd port http: .*10\.1\.0\.66.*still in force/ms);
    expect((await state(kernel)).servers).toBe(`-A ${cart} -s rr\n-a ${cart} -r 10.1.0.5:8080 -m -w 1\n`);
  });

  it('leaves a virtual server of others at our address as it is, names it, and fails', async () => {
    const kernel = createFakeIpvsKernel();
    await kernel.run('ipvsadm', ['--restore'], `-A ${cart} -s wlc\n`);
    const planned = await plan(kernel, manifests('10.1.0.5'));
    expect(planned.out).toMatch(/^ {2}! another program made the virtual server "-t 10\.96\.0\.10:80 -s wlc"/m);
    const { status, err } = await apply(kernel, manifests('10.1.0.5'));
    expect([status, err]).toEqual([1, expect.stringMatching(/^error: Service shop\/cart: another program made/)]);
    expect((await state(kernel)).servers).toBe(`-A ${cart} -s wlc\n`);
    expect((await apply(kernel, manifests('10.1.0.5'), { takeOver: true })).status).toBe(0);
    expect((await state(kernel)).servers).toBe(`-A ${cart} -s rr\n-a ${cart} -r 10.1.0.5:8080 -m -w 1\n`);
  });

  it('changes nothing where a set of our name is of another type', async () => {
    const kernel = createFakeIpvsKernel();
    await kernel.run('ipset', ['-exist', 'restore'], 'create KUBE-CLUSTER-IP hash:ip family inet maxelem 65536\n');
    const before = await state(kernel);
    const { status, err } = await apply(kernel, manifests('10.1.0.5'));
    expect([status, await state(kernel)]).toEqual([1, before]);
    expect(err).toMatch(/set KUBE-CLUSTER-IP is a "hash:ip family inet.*ipset destroy KUBE-CLUSTER-IP/);
  });

  it('lets connections of an endpoint that leaves go on, and says so', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5', '10.1.0.6'));
    kernel.connections.set(`${cart} -r 10.1.0.6:8080`, 3);
    const planned = await plan(kernel, manifests('10.1.0.5'));
    expect(planned.out).toContain('1 real server keeps its connections until they end, 900 s at most');
    const { status, out } = await apply(kernel, manifests('10.1.0.5'));
    expect([status, out]).toEqual([0, expect.stringMatching(/; 1 real server draining keeps its connections/)]);
    expect((await state(kernel)).servers).toContain('-r 10.1.0.6:8080 -m -w 0');
    kernel.connections.clear();
    expect((await apply(kernel, manifests('10.1.0.5'))).status).toBe(0);
    expect((await state(kernel)).servers).not.toContain('10.1.0.6');
  });
});

const configured = (scheduler: string) =>
  `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\nipvs: {scheduler: ${scheduler}}\n`;

describe('slicewright plan --backend ipvs', () => {
  it('shows servers, sets, addresses and chains that differ, the cost and the status, and changes nothing', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5'));
    const before = await state(kernel);
    const { status, out } = await plan(kernel, manifests('10.1.0.5', '10.1.0.6'));
    expect([status, await state(kernel)]).toEqual([2, before]);
    expect(out).toBe(`IPv4, against the kernel (IPVS, nft): 1 Service with changes for traffic
  ~ shop/cart: http cluster IP 10.96.0.10:80/TCP: 1 → 2 endpoints (+10.1.0.6:8080), shares of the clusters as before

ipset KUBE-LOOP-BACK changed
 10.1.0.5,tcp:8080,10.1.0.5
+10.1.0.6,tcp:8080,10.1.0.6
ipvs 10.96.0.10:80/TCP (shop/cart:http) changed
 -a -t 10.96.0.10:80 -r 10.1.0.5:8080 -m -w 1
+-a -t 10.96.0.10:80 -r 10.1.0.6:8080 -m -w 1

  cost: 2 scripts, 2 lines, 2 parts

Plan: 0 Services to add, 1 to change, 0 to remove.
`);
    expect((await plan(kernel, manifests('10.1.0.5'))).status).toBe(0);
  });

  it('is the same as data, scripts included', async () => {
    const kernel = createFakeIpvsKernel();
    const { out } = await plan(kernel, manifests('10.1.0.5'), { output: 'json' });
    const { changes, families } = JSON.parse(out);
    expect([changes, families[0].backend, families[0].services[0].sign]).toEqual([true, 'ipvs', '+']);
    expect(families[0].frontends).toMatchObject([
      { servicePort: 'shop/cart:http', kind: 'cluster IP', before: { kind: 'absent' }, after: { kind: 'forward' } },
    ]);
    expect(families[0].steps).toContainEqual({
      phase: 'switch',
      kind: 'servers',
      command: 'ipvsadm --restore',
      script: `-A ${cart} -s rr\n-a ${cart} -r 10.1.0.5:8080 -m -w 1\n`,
    });
  });

  it('warns of a last endpoint, and names what is no Service any more by its address', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5'));
    expect((await plan(kernel, manifests())).out).toContain('! shop/cart:http loses its last endpoint');
    const gone = await plan(kernel, nodeOf('192.0.2.1'));
    expect(gone.out).toMatch(/^ {2}- frontends of no Service: cluster IP 10\.96\.0\.10:80\/TCP: no longer served/m);
  });
});

describe('a saved plan for IPVS', () => {
  async function saved(kernel: FakeIpvsKernel, text: string): Promise<string> {
    const out = join(scratch.root, 'plan.json');
    await plan(kernel, text, { out });
    return out;
  }
  const perform = (kernel: FakeIpvsKernel, file: string) => apply(kernel, '', { filename: [], plan: file });

  it('is performed as it was shown', async () => {
    const kernel = createFakeIpvsKernel();
    const file = await saved(kernel, manifests('10.1.0.5'));
    const { status, out } = await perform(kernel, file);
    expect([status, out]).toEqual([0, expect.stringMatching(/\nIPv4: the plan's \d+ scripts performed/)]);
    expect((await plan(kernel, manifests('10.1.0.5'))).status).toBe(0);
  });

  it('is refused where something has changed since', async () => {
    const kernel = createFakeIpvsKernel();
    const file = await saved(kernel, manifests('10.1.0.5'));
    await apply(kernel, manifests('10.1.0.9'));
    const before = await state(kernel);
    const { status, err } = await perform(kernel, file);
    expect([status, await state(kernel)]).toEqual([1, before]);
    expect(err).toMatch(/starts from another state .*plan again. Nothing was changed/);
  });

  it.each([
    ["another program's chain", /"KUBE-IPVS-FILTER"/, '"DOCKER-USER"'],
    ['a set of others', /"KUBE-CLUSTER-IP"/, '"BLOCKLIST"'],
    ['a rule outside our vocabulary', /-j KUBE-MARK-MASQ"/, '-j LOG"'],
    ['a sysctl of others', /net\.ipv4\.vs\.conntrack/g, 'kernel.core_pattern'],
    ['a word too many for ipvsadm', /"rr"/, '"rr --tun-type gue"'],
    ['an entry with a line of its own', /"10\.96\.0\.10,tcp:80"/, '"10.96.0.10,tcp:80\\ndestroy"'],
    ['an address of the other family', /"addresses": \[\s+"10\.96\.0\.10"/, '"addresses": ["fd00::1"'],
  ])('is refused with %s in it, whole', async (_, found, put) => {
    const kernel = createFakeIpvsKernel();
    const file = await saved(kernel, manifests('10.1.0.5'));
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(found);
    forge(file, () => text.replace(found, put));
    const { status, err } = await perform(kernel, file);
    expect([status, kernel.scripts]).toEqual([1, []]);
    expect(err).toMatch(/^error: file .*plan\.json/);
  });
});

/** Where new connections to the Service go, from outside, from a pod and from the node: all must go to the same endpoints. */
async function outcomes(kernel: FakeIpvsKernel): Promise<string> {
  const program = await observeProgram(kernel.run, 'IPv4', ownChains);
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'east-1' },
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
    },
  ];
  const { node } = compile({
    clusters: [{ cluster: undefined, objects }],
    settings: defaultSettings,
    nodeName: 'east-1',
    localAddresses: undefined,
  });
  const found = ['outside 198.51.100.7', 'pod 10.1.0.9', 'node 192.0.2.1'].map((client) => {
    const packet = parsePacket(`${client} -> 10.96.0.10:80/tcp`);
    if (packet === undefined) throw new Error(`${client} sends no packet`);
    // Rules that translate addresses decide before a packet reaches IPVS.
    const { verdict } = iptablesTables.isInForce(program.rules, program.prefix)
      ? traceRuleset(program.rules, packet, node.IPv4)
      : traceProgram(program, packet, node.IPv4);
    return verdict.kind === 'forward' ? verdict.to.map(endpointText).sort().join(' ') : verdict.kind;
  });
  return [...new Set(found)].join(', ');
}

describe('changing the mode', () => {
  it('moves from iptables to IPVS in one apply, with the same traffic, and leaves nothing behind', async () => {
    const [kernel, fresh] = [createFakeIpvsKernel(), createFakeIpvsKernel()];
    await apply(kernel, manifests('10.1.0.5'), { backend: 'iptables' });
    const { status, out, err } = await apply(kernel, manifests('10.1.0.5'));
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^ {2}= shop\/cart: http cluster IP 10\.96\.0\.10:80\/TCP: other rules, the same endpoints/m);
    expect(out).not.toContain('!');
    await apply(fresh, manifests('10.1.0.5'));
    expect(await state(kernel)).toEqual(await state(fresh));
  });

  it('moves from IPVS to iptables in one apply, with the same traffic, and leaves nothing behind', async () => {
    const [kernel, fresh] = [createFakeIpvsKernel(), createFakeIpvsKernel()];
    await apply(kernel, manifests('10.1.0.5'));
    const planned = await plan(kernel, manifests('10.1.0.5'), { backend: 'iptables' });
    expect(planned.status).toBe(2);
    const { status, out, err } = await apply(kernel, manifests('10.1.0.5'), { backend: 'iptables' });
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^ {2}= shop\/cart: http cluster IP 10\.96\.0\.10:80\/TCP: other rules, the same endpoints/m);
    expect(out).toMatch(/^ {2}then IPVS mode goes: 1 virtual server, 1 bound IP, \d+ sets$/m);
    expect(out).toMatch(/^IPv4: IPVS mode removed \(1 virtual server/m);
    expect(out).not.toContain('!');
    await apply(fresh, manifests('10.1.0.5'), { backend: 'iptables' });
    expect(await state(kernel)).toEqual(await state(fresh));
    expect(await plan(kernel, manifests('10.1.0.5'), { backend: 'iptables' })).toMatchObject({ status: 0 });
  });

  it.each([
    ['iptables', 'ipvs'],
    ['ipvs', 'iptables'],
  ] as const)('serves every client after each script on the way from %s to %s', async (before, after) => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5', '10.1.0.6'), { backend: before });
    const seen: string[] = [];
    const watched: FakeIpvsKernel = {
      ...kernel,
      async run(file, args, input) {
        const result = await kernel.run(file, args, input);
        if (input !== undefined) seen.push(`${file}: ${await outcomes(kernel)}`);
        return result;
      },
    };
    expect((await apply(watched, manifests('10.1.0.5', '10.1.0.6'), { backend: after })).status).toBe(0);
    expect(seen.length).toBeGreaterThan(4);
    expect(seen.filter((text) => !text.endsWith(': 10.1.0.5:8080 10.1.0.6:8080'))).toEqual([]);
  });

  it('lets connections through virtual servers end first', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5'));
    kernel.connections.set(`${cart} -r 10.1.0.5:8080`, 2);
    const { status, out } = await apply(kernel, manifests('10.1.0.5'), { backend: 'iptables' });
    expect([status, out]).toEqual([0, expect.stringMatching(/IPVS mode is draining .*keeps its connections, 900 s/)]);
    expect([(await state(kernel)).servers, kernel.link]).toEqual([
      `-A ${cart} -s rr\n-a ${cart} -r 10.1.0.5:8080 -m -w 0\n`,
      ['10.96.0.10'],
    ]);
    kernel.connections.clear();
    expect((await plan(kernel, manifests('10.1.0.5'), { backend: 'iptables' })).status).toBe(2);
    await apply(kernel, manifests('10.1.0.5'), { backend: 'iptables' });
    expect([(await state(kernel)).servers, kernel.link, kernel.sets.size]).toEqual(['', undefined, 0]);
  });
});

describe('beside another slicewright', () => {
  const label = 'service.kubernetes.io/service-proxy-name: edge';
  /** The objects of a node with both families, with the label or without. */
  const dual = (address: string, ip: string, labels = '') =>
    `${nodeOf('192.0.2.1', '2001:db8::1')}---${cartOf(ip)
      .replaceAll('10.96.0.10', address)
      .replace('addressType: IPv4', 'addressType: IPv6')
      .replace('metadata: {name: cart, namespace: shop}', `metadata: {name: cart, namespace: shop${labels}}`)}`;

  it("a family that is used no longer loses its own virtual servers, and nobody else's", async () => {
    const kernel = createFakeIpvsKernel();
    const edge = { serviceProxyName: 'edge' };
    await apply(kernel, dual('fd00:96::10', 'fd00:1::5'));
    await apply(kernel, dual('fd00:96::20', 'fd00:1::6', `, labels: {${label}}`), edge);
    const both = (await state(kernel)).servers;
    expect(both).toContain('-A -t [fd00:96::10]:80');
    expect(both).toContain('-A -t [fd00:96::20]:80');

    const { status, err } = await apply(kernel, nodeOf('192.0.2.1'), { ...edge, allowMassRemoval: true });
    expect([status, err]).toEqual([0, '']);
    const { servers } = await state(kernel);
    expect(servers).toContain('-A -t [fd00:96::10]:80');
    expect(servers).not.toContain('fd00:96::20');
  });
});

describe('slicewright cleanup', () => {
  it.each(['ipvs', 'iptables'] as const)(
    'removes all of ours after mode %s, and does nothing again',
    async (backend) => {
      const kernel = createFakeIpvsKernel();
      await apply(kernel, manifests('10.1.0.5'), { backend });
      kernel.connections.set(`${cart} -r 10.1.0.5:8080`, 2);
      const { status, err } = await cleanup(kernel);
      expect([status, err]).toEqual([0, '']);
      const after = await state(kernel);
      expect(after).toEqual({ servers: '', sets: '', link: undefined, rules: '' });
      const again = await cleanup(kernel);
      expect([again.status, again.out]).toEqual([
        0,
        'IPv4: no slicewright rules found\nIPv6: no slicewright rules found\n',
      ]);
    },
  );

  it('keeps what a rule of others needs, and no set for its sake', async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5'));
    kernel.netfilter.restore('IPv4', '*nat\n:HOSTPORTS - [0:0]\n-A HOSTPORTS -j KUBE-MARK-MASQ\nCOMMIT\n');
    for (const _ of ['first', 'again']) {
      const { status, err } = await cleanup(kernel);
      expect([status, err]).toEqual([
        1,
        expect.stringContaining('nat KUBE-MARK-MASQ is not removed, with KUBE-POSTROUTING: HOSTPORTS jumps to it'),
      ]);
      const { servers, sets, link } = await state(kernel);
      expect({ servers, sets, link }).toEqual({ servers: '', sets: '', link: undefined });
    }
    expect(kernel.netfilter.save('IPv4')).toContain('-j MASQUERADE');
  });

  it("leaves others' virtual servers and sets, and what stands of ours without link or chains goes", async () => {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, manifests('10.1.0.5'));
    await kernel.run('ipvsadm', ['--restore'], '-A -t 192.0.2.1:25 -s wlc\n');
    await kernel.run('ipset', ['-exist', 'restore'], 'create blocked hash:ip family inet maxelem 65536\n');
    kernel.link = undefined;
    expect((await cleanup(kernel)).status).toBe(0);
    const { servers, sets } = await state(kernel);
    expect([servers, sets]).toEqual(['-A -t 192.0.2.1:25 -s wlc\n', expect.stringMatching(/^create blocked .*\n$/)]);
  });

  it.each<[string, IpvsFaults]>([
    ['no IPVS', { noIpvs: true }],
    ['none of the tools', { missing: ['ipvsadm', 'ipset', 'ip'] }],
  ])('asks nothing of a machine with %s', async (_, faults) => {
    const kernel = createFakeIpvsKernel(faults);
    expect(await cleanup(kernel)).toMatchObject({ status: 0, err: '' });
  });
});
