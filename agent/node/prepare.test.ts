import { describe, expect, it } from 'vitest';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { parseConfiguration } from '../config/config.ts';
import { conntrackMax } from './conntrack.ts';
import { createFakeNode, type FakeNode, hashSizeFile, type NodeFaults } from './node.fixture.ts';
import { modeOf } from '../../test/helpers/scope.ts';
import { preparationText, problemsOf } from '../../backends/host/preparation.ts';
import { initialiseNode, prepareNode } from './prepare.ts';

function configuration(body: object = {}) {
  const type = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' };
  const parsed = parseConfiguration({ ...type, ...body }, 'kp.yaml', {
    compat: 'none',
    backend: undefined,
    forAgent: true,
  });
  return { ...parsed, live: modeOf(parsed.backend).live };
}

async function prepare(body: object = {}, faults: NodeFaults = {}, cpus = 2) {
  const node = createFakeNode(faults);
  const problems = problemsOf(await prepareNode(node.run, configuration(body), cpus)).map(formatDiagnostic);
  return { node, problems, again: () => prepareNode(node.run, configuration(body), cpus) };
}

async function initialise(body: object = {}, faults: NodeFaults = {}) {
  const node = createFakeNode(faults);
  const preparations = await initialiseNode(node.run, configuration(body), 2);
  return { node, preparations, texts: preparations.map(preparationText) };
}

describe("kube-proxy's defaults", () => {
  it('are set at the start of the agent', async () => {
    const { node, problems } = await prepare();
    expect(problems).toEqual([]);
    expect(node.written).toEqual([
      'net.netfilter.nf_conntrack_max=131072',
      'net.netfilter.nf_conntrack_tcp_timeout_established=86400',
      'net.netfilter.nf_conntrack_tcp_timeout_close_wait=3600',
      `${hashSizeFile} 32768`,
    ]);
  });

  it('are written once: what has its value already is left alone', async () => {
    const { node, again } = await prepare();
    node.written.length = 0;
    expect((await again()).map(({ kind }) => kind)).toEqual(['already', 'already', 'already', 'already']);
    expect(node.written).toEqual([]);
  });

  it.each([
    [{ maxPerCore: 32_768, min: 131_072 }, 2, 131_072],
    [{ maxPerCore: 32_768, min: 131_072 }, 8, 262_144],
    [{ maxPerCore: 32_768, min: 131_072 }, 256, 1_048_576],
    [{ maxPerCore: 1, min: 0 }, 3, 3],
    [{ maxPerCore: 0, min: 131_072 }, 8, undefined],
  ])('%j on %d cores make a limit of %s', (limits, cpus, max) => {
    expect(conntrackMax({ ...configuration().agent.conntrack, ...limits }, cpus)).toBe(max);
  });
});

describe('keys of conntrack', () => {
  it('are set where they are chosen', async () => {
    const { node } = await prepare({
      conntrack: { maxPerCore: 100_000, min: 1, udpTimeout: '45s', udpStreamTimeout: '1m30s', tcpBeLiberal: true },
    });
    expect(node.written).toEqual(
      expect.arrayContaining([
        'net.netfilter.nf_conntrack_max=200000',
        'net.netfilter.nf_conntrack_udp_timeout=45',
        'net.netfilter.nf_conntrack_udp_timeout_stream=90',
        'net.netfilter.nf_conntrack_tcp_be_liberal=1',
        `${hashSizeFile} 50000`,
      ]),
    );
  });

  it('of 0 leave what the kernel has', async () => {
    const conntrack = { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' };
    expect((await prepare({ conntrack })).node.written).toEqual([]);
  });

  it('never make the hash table smaller', async () => {
    const { node } = await prepare({ conntrack: { maxPerCore: 1, min: 40_000 } });
    expect(node.files.get(hashSizeFile)).toBe('16384');
  });
});

describe('a container that may not write', () => {
  it('goes on, and says what an administrator can do', async () => {
    const { problems } = await prepare({}, { readOnly: (name) => name.endsWith('_max') });
    expect(problems).toEqual([
      'warning: sysctl net.netfilter.nf_conntrack_max: is 65536 and could not be set to 131072: permission denied on key "net.netfilter.nf_conntrack_max"; as root on the node: sysctl -w net.netfilter.nf_conntrack_max=131072',
    ]);
  });

  it('has nothing to say where all is as wanted', async () => {
    const node = createFakeNode({ readOnly: () => true, readOnlySysfs: true });
    node.sysctls.set('net.netfilter.nf_conntrack_max', '131072');
    node.sysctls.set('net.netfilter.nf_conntrack_tcp_timeout_established', '86400');
    node.sysctls.set('net.netfilter.nf_conntrack_tcp_timeout_close_wait', '3600');
    node.files.set(hashSizeFile, '32768');
    expect(problemsOf(await prepareNode(node.run, configuration(), 2))).toEqual([]);
  });

  it('names a read-only /sys by a code of its own', async () => {
    const node = createFakeNode({ readOnlySysfs: true });
    expect(problemsOf(await prepareNode(node.run, configuration(), 2))).toEqual([
      expect.objectContaining({
        code: 'read-only-sysfs',
        message: expect.stringMatching(
          /is 16384 and could not be raised to 32768: .*Read-only file system; .*echo 32768 > /,
        ),
      }),
    ]);
  });

  it('wakes conntrack on a node that has just booted, also without leave to load modules', async () => {
    const { node, problems } = await prepare({}, { asleep: true, noModules: true });
    expect(problems).toEqual([]);
    expect(node.sysctls.get('net.netfilter.nf_conntrack_max')).toBe('131072');
  });

  it('says so where there is no conntrack at all', async () => {
    const { run } = createFakeNode({ asleep: true, noModules: true });
    const withoutConntrack: typeof run = (file, args, input) =>
      file === 'conntrack' ? Promise.resolve({ exitCode: 1, stdout: '', stderr: '' }) : run(file, args, input);
    const problems = problemsOf(await prepareNode(withoutConntrack, configuration(), 2));
    expect(problems).toHaveLength(3);
    expect(problems[0]?.message).toMatch(/^could not be set to 131072: there is no such setting here; /);
  });
});

describe('IPVS mode', () => {
  const ipvs = { mode: 'ipvs', ipvs: { strictARP: true } };

  it('does not start on a machine that has no IPVS', async () => {
    const node = createFakeNode();
    node.kernel.faults = { noIpvs: true };
    await expect(prepareNode(node.run, configuration(ipvs), 2)).rejects.toThrow(/has no IPVS/);
  });

  it('goes on where the times of connections cannot be set', async () => {
    const node = createFakeNode();
    const run: typeof node.run = (file, args, input) =>
      args[0] === '--set' ? Promise.resolve({ exitCode: 1, stdout: '', stderr: 'no\n' }) : node.run(file, args, input);
    const wanted = configuration({ ...ipvs, ipvs: { tcpTimeout: '15m' } });
    expect(problemsOf(await prepareNode(run, wanted, 2)).map(formatDiagnostic)).toEqual([
      'warning: machine IPVS: ipvsadm --set 900 0 0: failed; no',
    ]);
  });

  it('--init-only loads modules and sets what virtual servers need', async () => {
    const { node, preparations, texts } = await initialise(ipvs);
    expect(problemsOf(preparations)).toEqual([]);
    expect([...node.modules].sort()).toEqual(['dummy', 'ip_vs', 'ip_vs_rr', 'nf_conntrack']);
    expect(texts).toEqual(
      expect.arrayContaining([
        'module ip_vs: loaded, or built into the kernel',
        'module nf_conntrack: already there',
        'machine IPVS: works, with scheduler rr',
        'sysctl net.ipv4.conf.all.arp_ignore: 0 → 1',
        'sysctl net.ipv4.vs.conntrack: 0 → 1',
        'sysctl net.ipv4.ip_forward: 0 → 1',
      ]),
    );
    expect(node.written).not.toContain('net.ipv4.conf.all.route_localnet=1');
  });

  it.each([
    ['what virtual servers need', /vs\.conntrack/, 'error'],
    ['a limit', /nf_conntrack_max/, 'warning'],
  ])('--init-only that cannot set %s', async (_, what, severity) => {
    const { preparations } = await initialise(ipvs, { readOnly: (name) => what.test(name) });
    expect(problemsOf(preparations).map((problem) => problem.severity)).toEqual([severity]);
  });

  it('--init-only fails without IPVS, and not for a module that is there in another way', async () => {
    const { preparations } = await initialise(ipvs, { noModules: true });
    expect(problemsOf(preparations).map(({ severity }) => severity)).toEqual(['warning', 'warning']);
    expect(preparations.map(preparationText)).toContain('module ip_vs: built into the kernel');
    const node = createFakeNode({ noModules: true });
    node.kernel.faults = { noIpvs: true };
    const problems = problemsOf(await initialiseNode(node.run, configuration(ipvs), 2));
    expect(problems.filter(({ severity }) => severity === 'error').map(formatDiagnostic)).toEqual([
      expect.stringMatching(/^error: machine IPVS: .*has no IPVS/),
    ]);
  });
});

describe('--init-only for nftables', () => {
  it.each([
    [true, []],
    [false, [expect.stringContaining('warning: module nf_tables: could not be loaded')]],
  ])('warns of nf_tables only where nft does not work: it works %s', async (works, expected) => {
    const node = createFakeNode({ noModules: true });
    const nft = { exitCode: works ? 0 : 1, stdout: '', stderr: '' };
    const run: FakeNode['run'] = async (file, args, input) => (file === 'nft' ? nft : node.run(file, args, input));
    const problems = problemsOf(await initialiseNode(run, configuration({ mode: 'nftables' }), 2));
    expect(problems.map(formatDiagnostic)).toEqual(expected);
  });
});

describe('--init-only for iptables', () => {
  it('has conntrack loaded by the kernel itself where it may not load modules', async () => {
    const { texts } = await initialise({}, { asleep: true, noModules: true });
    expect(texts).toContain('module nf_conntrack: loaded by the kernel itself');
    expect(texts).toContain('sysctl net.netfilter.nf_conntrack_max: 65536 → 131072');
  });

  it('lets node ports on 127.0.0.1 through where they may be wanted', async () => {
    expect((await initialise()).texts).toContain('sysctl net.ipv4.conf.all.route_localnet: 0 → 1');
  });

  it('has the rule that keeps neighbours out in force before it does', async () => {
    const { node } = await initialise();
    expect(node.kernel.netfilter.save('IPv4')).toMatch(
      /-A INPUT -j KUBE-FIREWALL\n[^]*block incoming localnet connections/,
    );
    const again = node.kernel.netfilter.save('IPv4');
    await initialiseNode(node.run, configuration({}), 2);
    expect(node.kernel.netfilter.save('IPv4')).toBe(again);
  });

  it.each<[string, (node: FakeNode) => void, RegExp]>([
    ['cannot be written', ({ kernel }) => (kernel.netfilter.faults = { noPrivilege: true }), /not permitted/],
    [
      "would change another program's rules",
      ({ kernel }) => kernel.netfilter.restore('IPv4', '*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n'),
      /seem to be a kube-proxy/,
    ],
  ])('does not where that rule %s', async (_, spoil, why) => {
    const node = createFakeNode();
    spoil(node);
    const before = node.kernel.netfilter.save('IPv4');
    const problems = problemsOf(await initialiseNode(node.run, configuration({}), 2));
    expect(node.sysctls.get('net.ipv4.conf.all.route_localnet')).toBe('0');
    expect(node.kernel.netfilter.save('IPv4')).toBe(before);
    expect(problems).toEqual([
      expect.objectContaining({ severity: 'warning', code: 'route-localnet', message: expect.stringMatching(why) }),
    ]);
  });

  it.each([[{ iptables: { localhostNodePorts: false } }], [{ nodePortAddresses: ['192.168.0.0/16'] }]])(
    'leaves them with %j',
    async (body) => {
      expect((await initialise(body)).texts.join()).not.toContain('route_localnet');
    },
  );
});
