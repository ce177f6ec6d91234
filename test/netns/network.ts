import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Run } from '../../backends/command.ts';
import { environment } from './processes.ts';
import { type Isolation, probeSupport, unshareFlags } from './probe.ts';
import { openStarter, type Starter } from './starter.ts';
import { openStation, type Station } from './station-client.ts';
import { topologyScript, type Topology } from './topology.ts';

/** A network of namespaces that exists until it is closed or this process ends, however it ends. */
export interface Network extends AsyncDisposable {
  /** Runs commands as the administrator of a host; each is killed after `limitMs`, five minutes by default. */
  run(host: string, limitMs?: number): Run;
  /** The process that serves and asks on a host; one for each host, started at its first use. */
  station(host: string): Promise<Station>;
  close(): Promise<void>;
}

/** A network on this machine, which a process can enter directly. */
export interface LocalNetwork extends Network {
  /** The command that starts another one as the administrator of a host. */
  enter(host: string): [string, ...string[]];
}

/**
 * Boots a topology separate from the machine: it neither sees nor changes the machine's own network, mounts or locks,
 * and needs no privilege where user namespaces are allowed.
 *
 * Cleaning up needs no code to run: the namespaces live in one holder process that ends when its standard input does,
 * so even a killed test leaves nothing behind.
 *
 * wanted   how to isolate the network; by default, in the way that this machine allows. `root`: without a user
 *          namespace, where limits of ordinary users do not apply; needs root. IPVS hides its sysctls from user
 *          namespaces, so tests that need them ask for `root`
 * throws   if the machine does not allow namespaces or the topology cannot be made
 */
export async function bootNetwork(topology: Topology, wanted?: Isolation): Promise<LocalNetwork> {
  const isolation = wanted ?? (await allowedIsolation());
  const holder = await startHolder([...unshareFlags(isolation)], topologyScript(topology));

  const known = new Set(topology.hosts.map((host) => host.name));
  const starters = new Map<string, Starter>();
  const stations = new Map<string, Promise<Station>>();
  function enter(host: string): [string, ...string[]] {
    if (!known.has(host)) throw new Error(`no host ${host} in this network`);
    const user = isolation === 'user' ? ['--user', '--preserve-credentials'] : [];
    const net = `--net=/proc/${holder.pid}/root/run/netns/${host}`;
    return ['nsenter', '--target', String(holder.pid), ...user, '--mount', net, '--'];
  }
  function starterOn(host: string): Starter {
    const starter = starters.get(host) ?? openStarter(enter(host));
    starters.set(host, starter);
    return starter;
  }
  const close = async (): Promise<void> => {
    await Promise.all([...starters.values()].map((starter) => starter.close()));
    for (const station of stations.values()) await (await station).close();
    await holder.stop();
  };
  return {
    enter,
    run: (host, limitMs = 300_000) => starterOn(host).run(limitMs),
    station(host) {
      const open = stations.get(host) ?? openStation(enter(host));
      stations.set(host, open);
      return open;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function allowedIsolation(): Promise<Isolation> {
  const { isolation, lacks } = await probeSupport();
  if (lacks.namespaces !== undefined) throw new Error(`no network namespaces here: ${lacks.namespaces}`);
  return isolation;
}

interface Holder {
  readonly pid: number;
  stop(): Promise<void>;
}

/** The process whose namespaces all other processes enter. It ends with its standard input. */
async function startHolder(flags: readonly string[], script: string): Promise<Holder> {
  const child = spawn('unshare', [...flags, 'sh', '-ec', `trap '' INT\n${script}\necho ready\nexec cat`], {
    env: environment,
    stdio: 'pipe',
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const exited = once(child, 'exit');
  const ready = once(child.stdout, 'data');
  await Promise.race([ready, exited]);
  if (child.exitCode !== null || child.pid === undefined) {
    throw new Error(`the network could not be made: ${complaints.trim()}`);
  }
  return {
    pid: child.pid,
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}
