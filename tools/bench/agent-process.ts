import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LocalNetwork } from '../../test/netns/network.ts';
import { environment } from '../../test/netns/processes.ts';
import type { ApiReply, ApiRequest } from './api-server.ts';
import type { Shape } from './objects.ts';

/* The built agent and the API servers that it reads, each a process in one network namespace. */

/** A sync of IPv4, as the agent's log reports it. */
export interface Synced {
  readonly transactions: number;
  readonly lines: number;
}

/**
 * CPU seconds and resident memory of a process, as the kernel counts them; `children` counts child processes that have
 * ended.
 */
export interface Usage {
  readonly ownSeconds: number;
  readonly childrenSeconds: number;
  readonly rssMb: number;
}

export interface BenchAgent {
  /** From the start of the process until all rules were in force. */
  readonly startMs: number;
  readonly first: Synced;
  /** The next sync. Call it before the change that leads to the sync. */
  synced(): Promise<Synced>;
  usage(): Usage;
  stop(): Promise<void>;
}

export interface BenchServers {
  readonly urls: ApiReply;
  write(request: ApiRequest): void;
  stop(): Promise<void>;
}

export async function startServers(network: LocalNetwork, shape: Shape): Promise<BenchServers> {
  const program = fileURLToPath(new URL('api-server.ts', import.meta.url));
  const [file, ...enter] = network.enter('node');
  const child = spawn(file, [...enter, process.execPath, program, JSON.stringify(shape)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const said: unknown[] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  const [urls] = said;
  if (!areUrls(urls)) throw new Error('the API servers ended before they served');
  return {
    urls,
    write: (request) => void child.send(request),
    async stop() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

/**
 * Returns when all rules are in force, as the agent reports. command: the program and its first arguments, without
 * `agent`
 */
export async function startAgent(
  network: LocalNetwork,
  command: readonly string[],
  backend: string,
  { local, others }: ApiReply,
): Promise<BenchAgent> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const written = (name: string, document: object) => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify(document));
    return path;
  };
  const config = written('config', configuration(backend, written('local', kubeconfig(local))));
  const clusters = Object.entries(others).flatMap(([name, url]) => [
    ...['--cluster', `${name}=${written(`${name}.kubeconfig`, kubeconfig(url))}`],
  ]);
  const [file, ...enter] = network.enter('node');
  const began = performance.now();
  const child = spawn(file, [...enter, ...command, 'agent', '--config', config, '-v', '4', ...clusters], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const pid = child.pid!;
  let tell: ((synced: Synced) => void) | undefined;
  let last = '';
  createInterface(child.stderr).on('line', (line) => {
    last = line;
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line) as Synced & { readonly msg?: string; readonly family?: string };
    if (said.msg === 'synced' && said.family === 'IPv4') tell?.(said);
  });
  const over = Promise.withResolvers<never>();
  // A caller that waits for a sync gets this rejection; at the end no caller waits.
  over.promise.catch(() => {});
  child.on('exit', (status, signal) => over.reject(new Error(`the agent ended with ${status ?? signal}: ${last}`)));
  child.on('error', over.reject);
  const synced = () => Promise.race([new Promise<Synced>((resolve) => (tell = resolve)), over.promise]);
  const first = await synced();
  return {
    startMs: performance.now() - began,
    first,
    synced,
    usage: () => usageOf(pid),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

function areUrls(said: unknown): said is ApiReply {
  return typeof said === 'object' && said !== null && 'local' in said;
}

function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    ownSeconds: (user + system) / 100,
    childrenSeconds: (childUser + childSystem) / 100,
    rssMb: Number(rss) / 1024,
  };
}

function kubeconfig(url: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'a', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'a', user: { token: 'secret' } }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  };
}

function configuration(mode: string, path: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode,
    clientConnection: { kubeconfig: path },
    hostnameOverride: 'bench',
    clusterCIDR: '10.0.0.0/16',
    [mode]: { minSyncPeriod: '0s' },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}
