/**
 * What the built agent costs, as a process: from its start to all in force, and for changes of one endpoint.
 *
 *     make bench-agent [SIZES=100,1000] [MODES=iptables,nftables] [CHANGES=20]
 *
 * From 300 changes on, each third of them is a line. The API server double is a process of its own, and both are in a network namespace. CPU and memory are what `/proc` says of
 * the agent's process; `children` are the tools that it ran. Nothing is judged.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { probeSupport, unshareFlags } from '../../test/netns/probe.ts';
import type { ApiRequest } from './api-server.ts';

const endpointsEach = 5;
const entry = fileURLToPath(new URL('../../dist/slicewright.js', import.meta.url));
const sizes = (process.env.SIZES ?? '100,1000').split(',').map(Number);
const modes = (process.env.MODES ?? 'iptables,nftables').split(',');
const changes = Number(process.env.CHANGES ?? 20);

if (process.env.BENCH_INSIDE === undefined) await goInside();
else for (const mode of modes) for (const size of sizes) await measure(mode, size);

/** Everything happens in namespaces of its own, which go with the process. */
async function goInside(): Promise<void> {
  if (!existsSync(entry)) throw new Error('there is no build: make build');
  const { isolation, lacks } = await probeSupport();
  if (lacks.namespaces !== undefined) throw new Error(`it needs network namespaces: ${lacks.namespaces}`);
  const inside = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$0" "$@"';
  const flags = process.getuid?.() === 0 ? unshareFlags('root') : unshareFlags(isolation);
  const args = [...flags, 'sh', '-c', inside, process.execPath, fileURLToPath(import.meta.url)];
  const { status } = spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, BENCH_INSIDE: '1' } });
  process.exitCode = status ?? 1;
}

interface Synced {
  readonly msg?: string;
  readonly family?: string;
}

async function measure(mode: string, size: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const api = fork(new URL('api-server.ts', import.meta.url), [String(size), String(endpointsEach)]);
  const [{ url }] = (await once(api, 'message')) as [{ url: string }];
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText(url));
  writeFileSync(join(folder, 'config'), configText(mode, kubeconfig));
  const args = ['agent', '--config', join(folder, 'config'), '-v', '4'];
  const began = performance.now();
  const options = (process.env.NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const agent = spawn(process.execPath, [...options, entry, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const pid = agent.pid!;
  let onLine: (line: Synced) => void = () => {};
  createInterface(agent.stderr).on('line', (line) => {
    if (process.env.VERBOSE !== undefined) console.error(line.slice(0, 300));
    if (line.startsWith('{')) onLine(JSON.parse(line) as Synced);
  });
  const synced = () =>
    new Promise<number>((resolve) => {
      onLine = ({ msg, family }) => {
        if (msg === 'synced' && family === 'IPv4') resolve(performance.now());
      };
    });
  const startMs = (await synced()) - began;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const start = usageOf(pid);
  console.log(
    `${mode}, ${size} Services × ${endpointsEach}: start ${(startMs / 1000).toFixed(2)} s (CPU ${start.own.toFixed(2)} + ${start.children.toFixed(2)} s), ${start.rssMb} MB (most ${start.peakMb})`,
  );
  const change = async (i: number): Promise<number> => {
    const done = synced();
    const from = performance.now();
    api.send({ service: i % size, endpoints: endpointsEach - 1 - (Math.floor(i / size) % 2) } satisfies ApiRequest);
    return (await done) - from;
  };
  console.log(`  one endpoint changed, ${changes} times:`);
  // What grows with every change shows between the first third and the last.
  const parts = changes < 300 ? 1 : 3;
  for (let part = 0; part < parts; part++) {
    const [first, end] = [part, part + 1].map((n) => Math.floor((changes * n) / parts)) as [number, number];
    const before = usageOf(pid);
    const latencies: number[] = [];
    for (let i = first; i < end; i++) latencies.push(await change(i));
    await new Promise((resolve) => setTimeout(resolve, 300));
    console.log(`    ${changesText(latencies, before, usageOf(pid))}`);
  }
  agent.kill('SIGTERM');
  await once(agent, 'exit');
  api.disconnect();
  await once(api, 'exit');
  spawnSync(process.execPath, [entry, 'cleanup']);
  rmSync(folder, { recursive: true });
}

function changesText(latencies: readonly number[], before: Usage, after: Usage): string {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(0);
  const each = (key: 'own' | 'children') => (((after[key] - before[key]) * 1000) / sorted.length).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, CPU ${each('own')} + ${each('children')} ms each, then ${after.rssMb} MB`;
}

type Usage = ReturnType<typeof usageOf>;

/** CPU seconds and resident memory of a process, as the kernel counts them; `children` are those that have ended. */
function usageOf(pid: number) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) / 1024);
  return {
    own: (user + system) / 100,
    children: (childUser + childSystem) / 100,
    rssMb: mb('VmRSS'),
    peakMb: mb('VmHWM'),
  };
}

function kubeconfigText(url: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'a', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'a', user: { token: 'secret' } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  });
}

function configText(mode: string, kubeconfig: string): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode,
    clientConnection: { kubeconfig },
    hostnameOverride: 'bench',
    clusterCIDR: '10.128.0.0/9',
    [mode]: { minSyncPeriod: '0s' },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  });
}
