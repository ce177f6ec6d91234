import { lockDir } from '../helpers/lock-dir.ts';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { ownPrefix } from '../../compiler/settings.ts';
import { planeOf } from '../helpers/scope.ts';
import { twoClusters } from '../netns/clusters.ts';
import { bootNetwork, type Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { startObservers } from '../packets/observers.ts';
import { service } from '../packets/objects.ts';
import { programOf } from '../packets/program.ts';
import { bootWorld, tcpPort, type Dial } from '../packets/world.ts';
import { describeIn } from '../place.ts';

const { lacks } = await probeSupport();
const missing = lacks.namespaces ?? lacks.nft;

/** Service default/serve of the demo, with a pod in each cluster. */
const input = {
  filename: ['tools/demo/member2.yaml'],
  node: 'tools/demo/node.yaml',
  config: 'tools/demo/kube-proxy.yaml',
  diagnostics: 'human',
} as const;
const target = { address: '10.13.181.116', port: 80 } as const;
const dials: readonly Dial[] = (['client', 'node'] as const).map((from) => ({ from, to: target.address, port: 80 }));

type Backend = 'iptables' | 'nftables';

async function apply(network: Network, backend: Backend): Promise<string> {
  const io = memoryIo();
  const host = { name: 'member2-node', addresses: [] };
  const status = await applyCommand({ ...input, lockDir, backend }, io, network.run('member2-node'), host);
  expect(
    [status, io.written.err.replace(/^(info|warning: sysctl net\.ipv4\.conf\.all\.route_localnet): .*\n/gm, '')],
    io.written.out,
  ).toEqual([0, '']);
  return io.written.out;
}

/** What there is of Services on the node, by the tools themselves. */
async function standing(network: Network) {
  const run = network.run('member2-node');
  const lines = (await Promise.all([run('iptables-save', []), run('ip6tables-save', [])])).map(({ stdout }) => stdout);
  return {
    iptables: lines.join('').match(/^:KUBE-.*|^-A .*KUBE-.*/gm)?.length ?? 0,
    nftables: (await run('nft', ['list', 'tables'])).stdout.match(/ slicewright$/gm)?.length ?? 0,
  };
}

/** A real kube-proxy's rules of Service default/serve, as text of their tools. */
const kubeProxyRules = (file: string) =>
  readFileSync(new URL(`../conformance/cases/001-mcs-serve/${file}`, import.meta.url), 'utf8');

const serve = (...endpoints: string[]) =>
  programOf(service('serve', { clusterIPs: [target.address], port: 80, endpoints, endpointPort: tcpPort }));

describeIn('network namespace', missing, 'changing the mode of a node that serves, to and from nftables', () => {
  let network: Network;
  beforeAll(async () => {
    network = await bootNetwork(twoClusters);
    for (const [host, address, name] of [
      ['remote', '10.10.0.6', 'member1'],
      ['pod', '10.12.0.6', 'member2'],
    ] as const) {
      await (await network.station(host)).serve({ transport: 'tcp', address, port: 8080, name });
    }
  });
  afterAll(() => network?.close());

  test.each<readonly [Backend, Backend]>([
    ['iptables', 'nftables'],
    ['nftables', 'iptables'],
  ])('from %s to %s no connection is refused, and nothing of the former is left', async (before, after) => {
    await apply(network, before);
    const stations = await Promise.all(['client', 'member2-node'].map((host) => network.station(host)));
    for (const station of stations) await station.startLoad({ targets: [target], workers: 2, timeoutMs: 20_000 });
    const said = await apply(network, after);
    const found = await standing(network);
    // There and back under the same clients: a moment without rules has more than one chance to be met.
    for (const backend of [before, after, before, after]) await apply(network, backend);
    const reports = [];
    for (const station of stations) reports.push(await station.stopLoad());

    expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { answers } of reports) {
      expect(Object.keys(answers).sort()).toEqual(['10.13.181.116:80 member1', '10.13.181.116:80 member2']);
    }
    expect(said).toMatch(/other rules, the same endpoints and shares/);
    expect([found.iptables > 0, found.nftables > 0]).toEqual([after === 'iptables', after === 'nftables']);
    expect(await apply(network, after)).toMatch(/nothing to do\n(?! {2}then)/);
  });
});

describeIn('network namespace', missing, "kube-proxy's own table", () => {
  test('is taken over on demand, without a failing connection, and goes', async () => {
    await using network = await bootWorld();
    const run = network.run('member2-node');
    expect(await run('nft', ['-f', '-'], kubeProxyRules('expected.nft'))).toMatchObject({ exitCode: 0 });
    const [both, one] = [serve('10.10.0.6', '10.12.0.6'), serve('10.12.0.6')];
    const wanted = ({ compilation: { services, node } }: typeof both) => ({ services: services.IPv4, node: node.IPv4 });
    await expect(planeOf('nftables', { run }).sync(wanted(both), 'full')).rejects.toMatchObject({
      reason: 'another-writer',
    });

    const observers = await startObservers(network, dials);
    const beganMs = Date.now();
    const plane = planeOf('nftables', { run, takeOver: true });
    await plane.sync(wanted(both), 'full');
    const { stdout } = await run('nft', ['list', 'tables']);
    for (let i = 0; i < 10; i++) await plane.sync(wanted(i % 2 === 0 ? one : both), 'delta');
    const { connections, unexplained } = await observers.stop([{ program: both, beganMs, settledMs: beganMs }]);
    expect(stdout).toBe('table ip slicewright\n');
    expect(unexplained).toEqual([]);
    expect(connections).toBeGreaterThan(50);
  });
});

describeIn('network namespace', missing, 'beside a kube-proxy', () => {
  /** What a kube-proxy leaves in a kernel: files of a conformance case and what loads them. */
  const kubeProxies: Readonly<Record<string, readonly (readonly [command: string, file?: string])[]>> = {
    iptables: [['iptables-nft-restore', 'expected.iptables-save']],
    nftables: [['nft -f -', 'expected.nft']],
    // Without its virtual servers: kernels here may have no IPVS in a namespace. Its addresses are bound as it binds them.
    IPVS: [
      ['ip link add kube-ipvs0 type veth peer name kube-ipvs1'],
      [`ip address add ${target.address}/32 dev kube-ipvs0`],
      ['ipset restore', 'expected.ipset-save'],
      ['iptables-nft-restore', 'expected.ipvs.iptables-save'],
    ],
  };

  test.each(Object.entries(kubeProxies))(
    'of %s mode, nftables mode under its own name comes, serves, changes and goes',
    async (_, loads) => {
      await using network = await bootNetwork(twoClusters);
      const run = network.run('member2-node');
      for (const [command, file] of loads) {
        const [tool = '', ...args] = command.split(' ');
        expect(await run(tool, args, file && kubeProxyRules(file))).toMatchObject({ exitCode: 0, stderr: '' });
      }
      const theirs = async () => {
        const listed = await run('nft', ['list', 'table', 'ip', 'kube-proxy']);
        const saved = await run('iptables-nft-save', ['-t', 'nat']);
        const filter = await run('iptables-nft-save', ['-t', 'filter']);
        const sets = await run('ipset', ['save']);
        const addresses = await run('ip', ['-o', 'address', 'show']);
        return [listed, saved, filter, sets, addresses].map(({ stdout }) => stdout.replace(/^#.*\n/gm, ''));
      };
      const before = await theirs();
      expect(before.join('')).toContain(target.address);
      const prefix = ownPrefix;
      const plane = planeOf('nftables', { run, prefix });
      const of = (...endpoints: string[]) => {
        const { compilation } = programOf(
          service('mine', { clusterIPs: ['10.13.9.9'], port: 80, endpoints, endpointPort: tcpPort }),
          { chainPrefix: prefix },
        );
        return { services: compilation.services.IPv4, node: compilation.node.IPv4 };
      };
      for (const address of ['10.12.0.6', '10.12.0.7']) {
        const pod = await network.station('pod');
        await pod.serve({ transport: 'tcp', address, port: tcpPort, name: address });
      }
      const answers = async () => {
        const stations = await Promise.all(['client', 'member2-node'].map((host) => network.station(host)));
        const question = { transport: 'tcp', address: '10.13.9.9', port: 80 } as const;
        const asked = await Promise.all(stations.map((station) => station.ask(question)));
        return asked.map((answer) => (answer.kind === 'answered' ? answer.by : answer.kind));
      };
      expect(await plane.sync(of('10.12.0.6'), 'full')).toMatchObject({ remarks: [], quarantined: [] });
      expect(await theirs()).toEqual(before);
      expect(await answers()).toEqual(['10.12.0.6', '10.12.0.6']);
      expect(await plane.sync(of('10.12.0.7'), 'delta')).toMatchObject({ depth: 'delta', documents: 1 });
      expect(await theirs()).toEqual(before);
      expect(await answers()).toEqual(['10.12.0.7', '10.12.0.7']);
      await plane.sync(of(), 'delta');
      expect(await answers()).toEqual(['refused', 'refused']);
      expect((await run('nft', ['list', 'tables'])).stdout).toContain('table ip SLWR\n');
      const io = memoryIo();
      const options = { lockDir, diagnostics: 'human', serviceProxyName: 'mine' } as const;
      expect(await cleanupCommand(options, io, run), io.written.err).toBe(0);
      expect(await theirs()).toEqual(before);
      expect((await run('nft', ['list', 'tables'])).stdout).not.toContain('SLWR');
    },
  );
});
