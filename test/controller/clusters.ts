import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { ownAddressText } from '../helpers/own-address.ts';
import { twoClusters } from '../netns/clusters.ts';
import { listenOn } from '../netns/listen.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { endsWithUs, environment, runWithin } from '../netns/processes.ts';
import type { Answer } from '../netns/station-protocol.ts';
import { createKubeconfigs } from './process.ts';
import { standIn } from './stand-in.ts';

const checkout = fileURLToPath(new URL('../../', import.meta.url));
const slicewright = join(checkout, 'agent/start.ts');

/** The places that each member consists of: see test/netns/clusters.ts. */
export const places = {
  member1: {
    ...{ node: 'member1-node', address: '172.18.0.11', cidr: '10.10.0.0/16' },
    ...{ host: 'remote', pod: '10.10.0.6', client: 'member1-node' },
  },
  member2: {
    ...{ node: 'member2-node', address: '172.18.0.12', cidr: '10.12.0.0/16' },
    ...{ host: 'pod', pod: '10.12.0.6', client: 'client' },
  },
} as const;
export type Member = keyof typeof places;
const members = Object.keys(places) as readonly Member[];

/**
 * A hub and two members, each with an empty API server. Each member has a node in a network namespace: an agent runs
 * there, and a pod serves HTTP. One controller runs beside them. All are separate processes, except the API servers.
 */
export interface RunningClusters {
  at(name: 'hub' | Member): ApiDouble;
  /** Runs kubectl against the hub. throws   Error with kubectl's message, where it failed */
  kubectl(...args: readonly string[]): Promise<string>;
  /** The output of `slicewright controller status`. */
  status(): Promise<string>;
  /**
   * One request, from a pod in member2, or from the node of member1.
   *
   * waitMs   how long to wait for an answer; {@link lookMs} for a look that is repeated
   */
  ask(address: string, port: number, from?: Member, waitMs?: number): Promise<Answer>;
  /** The output of all processes. */
  said(): string;
  close(): Promise<void>;
}

/**
 * How long a question waits that is asked again: before the rules are in force nobody answers, and the kernel remembers
 * that for the connection.
 */
export const lookMs = 1_500;

/** Why this machine cannot run kubectl; undefined: it can. */
export async function lacksKubectl(): Promise<string | undefined> {
  const { failure } = await runWithin(300_000)('kubectl', ['version', '--client']);
  return failure === 'not-found' ? 'the program kubectl is missing (Debian package kubernetes-client)' : undefined;
}

/** throws   where a part does not start; then no part is left running */
export async function startClusters({
  controller = [],
  withHub = true,
}: ClusterOptions = {}): Promise<RunningClusters> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    const kubeconfigs = createKubeconfigs();
    closers.push(() => kubeconfigs.close());
    const home = mkdtempSync(join(tmpdir(), 'slicewright-kubectl-'));
    closers.push(() => rm(home, { recursive: true, force: true }));
    const network = await bootNetwork(twoClusters);
    closers.push(() => network.close());
    // An address that rules translate must be routable before.
    await network.run('member1-node')('ip', ['route', 'add', 'default', 'via', '172.18.0.99']);
    const doubles = new Map<string, ApiDouble>();
    for (const name of ['hub', ...members]) {
      const double = await startCluster(name);
      closers.push(() => double.close());
      doubles.set(name, double);
    }
    const at = (name: string): ApiDouble => {
      const double = doubles.get(name);
      if (double === undefined) throw new Error(`no cluster ${name}`);
      return double;
    };
    const agents: Child[] = [];
    for (const member of members) {
      const { address, node, host, pod } = places[member];
      // Slices of an importer that exports too come back to it: its agents must know to which cluster they belong.
      at(member).installed.add('about.k8s.io');
      const property = { name: 'cluster.clusterset.k8s.io' };
      at(member).apply({ kind: 'ClusterProperty', metadata: property, spec: { value: member } });
      const status = { addresses: [{ type: 'InternalIP', address }] };
      at(member).apply({ kind: 'Node', metadata: { name: node }, status });
      at(member).answerOn(await listenOn(network, node, address, 6443));
      standIn(member, at(member), pod);
      const station = await network.station(host);
      await station.serve({ transport: 'tcp', address: pod, port: 8080, name: member });
      const agent = startAgent(network, member, kubeconfigs.at(`http://${address}:6443`, node));
      closers.push(() => agent.stop());
      agents.push(agent);
    }
    const listening = ownAddressText();
    const running = kubeconfigs.start([
      ...['--listen-address', listening, '--identity', 'controller'],
      ...(withHub ? ['--hub', kubeconfigs.of(at('hub'), 'hub')] : []),
      ...members.flatMap((member) => ['--cluster', `${member}=${kubeconfigs.of(at(member), member)}`]),
      ...controller,
    ]);
    const hubConfig = kubeconfigs.of(at('hub'), 'hub');
    return {
      at,
      async kubectl(...args) {
        const env = { ...environment, KUBECONFIG: hubConfig, HOME: home };
        const { exitCode, stdout, stderr } = await runWithin(300_000, env, checkout)('kubectl', args);
        if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
        return stdout;
      },
      async status() {
        const args = [slicewright, 'controller', 'status', '--address', listening];
        return (await runWithin(300_000, environment, checkout)(process.execPath, args)).stdout;
      },
      async ask(address, port, from = 'member2', waitMs) {
        const station = await network.station(places[from].client);
        return station.ask({ transport: 'tcp', address, port, ...(waitMs !== undefined && { timeoutMs: waitMs }) });
      },
      said: () => [...agents.map((agent) => agent.said()), running.said()].join(''),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Child {
  said(): string;
  stop(): Promise<void>;
}

function startAgent(network: LocalNetwork, member: Member, kubeconfig: string): Child {
  const { node, cidr } = places[member];
  const [file, ...enter] = network.enter(node);
  const flags = ['--cluster-cidr', cidr, '--hostname-override', node, '--conntrack-max-per-core=0'];
  const args = ['agent', '--kubeconfig', kubeconfig, '--iptables-min-sync-period', '0s', ...flags];
  const child = spawn(file, [...enter, ...endsWithUs, process.execPath, slicewright, ...args], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = once(child, 'exit');
  return {
    said: () => said,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export interface ClusterOptions {
  /** Further arguments of the controller. */
  readonly controller?: readonly string[];
  /** false: the hub's API server runs, but no process reads it. */
  readonly withHub?: boolean;
}

async function startCluster(name: string): Promise<ApiDouble> {
  const double = await startApiDouble(name);
  // kubectl sends no token over an unencrypted connection.
  double.tokens.set('', 'system:admin');
  for (const namespace of ['kube-system', 'default', 'slicewright-system']) {
    double.apply({ kind: 'Namespace', metadata: { name: namespace } });
  }
  return double;
}
