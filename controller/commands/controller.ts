import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { ClusterName } from '../../compiler/values/names.ts';
import { reportingFailures } from '../../agent/commands/failures.ts';
import type { Io } from '../../agent/terminal/io.ts';
import { createLog, type Log } from '../../agent/telling/log.ts';
import { type BindAddress, parseBindAddress } from '../../agent/serving/bind-address.ts';
import type { ApiCall } from '../../agent/sources/api.ts';
import { openCluster, unverifiedText } from '../../agent/sources/kubeconfig.ts';
import { sleep, systemClock } from '../../agent/loop/clock.ts';
import type { ClusterCache } from '../cluster-cache.ts';
import { type ClusterAddress, type Controller, createController } from '../controller.ts';
import { defaultElectionTimes } from '../election.ts';
import { defaultLoopTimes } from '../loop.ts';
import { type ControllerMetrics, createControllerMetrics } from '../metrics.ts';
import { netReport } from '../net-report.ts';
import { simulate } from '../simulate.ts';
import { defaultSourceLeaseTimes } from '../source-leases.ts';
import { controllerStatus } from '../status.ts';
import { hub as hubTarget, type Target } from '../core/world.ts';
import {
  clusterLabelsOf,
  namedClusters,
  type Place,
  placeOf,
  problem,
  type SettingOptions,
  settingsOf,
} from './options.ts';
import { digestOf, readSecrets, secretProblem, writeKubeconfig } from './secrets.ts';
import { serveController } from './serve.ts';

export interface ControllerCommandOptions extends SettingOptions {
  /** `NAME=KUBECONFIG[,CONTEXT]` or `NAME=in-cluster`. */
  readonly cluster: readonly string[];
  /** `KUBECONFIG[,CONTEXT]` or `in-cluster`. */
  readonly hub?: string;
  readonly clusterSecrets?: boolean;
  readonly namespace: string;
  readonly identity?: string;
  readonly concurrency: number;
  readonly listenAddress: string;
  readonly dryRun?: boolean;
  readonly v?: number;
}

const answerMs = 30_000;
const secretsMs = 30_000;

/**
 * Runs the controller until it is stopped.
 *
 * returns  0 stopped when asked to, 1 could not start, or registered clusters changed; with --dry-run as `plan`: 0
 *          nothing to write, 2 changes
 */
export function controllerCommand(options: ControllerCommandOptions, io: Io, signal: AbortSignal): Promise<number> {
  return reportingFailures('human', io, async () => {
    const log = createLog(options.v ?? 2);
    const bind = bindOf(options.listenAddress);
    const metrics = createControllerMetrics();
    const opened = await openAll(options, metrics, log, signal);
    const stopping = new AbortController();
    const both = AbortSignal.any([signal, stopping.signal]);
    const identity = options.identity ?? `${hostname()}_${process.pid}`;
    const controller = createController(
      {
        ...opened,
        settings: settingsOf(options, opened.hub !== undefined),
        namespace: options.namespace,
        identity,
        concurrency: options.concurrency,
        times: { loop: defaultLoopTimes, election: defaultElectionTimes, leases: defaultSourceLeaseTimes, answerMs },
        clock: systemClock,
        random: Math.random,
        log,
        metrics,
        isDry: options.dryRun === true,
      },
      both,
    );
    try {
      if (options.dryRun === true) return await dryRun(controller, options, io, stopping, signal);
      const server = await serveController(bind, metrics, {
        status: () => controllerStatus(controller, identity, systemClock.nowMs()),
        standsStillMs: () => systemClock.nowMs() - controller.loop.report().aliveMs,
      });
      log.info({ identity, clusters: [...opened.members.keys()], hub: opened.hub?.from }, 'the controller runs');
      const watching = watchSecrets(opened, options, log, stopping, both);
      await controller.run();
      await watching;
      await server.close();
      return signal.aborted ? 0 : 1;
    } finally {
      stopping.abort();
      opened.close();
    }
  });
}

interface Opened {
  readonly hub: ClusterAddress | undefined;
  readonly members: ReadonlyMap<ClusterName, ClusterAddress>;
  /** What the Secrets said, where they count. */
  readonly digest: string;
  readonly close: () => void;
}

async function openAll(
  options: ControllerCommandOptions,
  metrics: ControllerMetrics,
  log: Log,
  signal: AbortSignal,
): Promise<Opened> {
  const closers: (() => void)[] = [];
  const onCall = ({ host, method, status }: ApiCall): void =>
    metrics.requests.inc({ host, method, code: status === undefined ? '<error>' : String(status) });
  const open = async (place: Place, labels: ReadonlyMap<string, string>): Promise<ClusterAddress> => {
    const { get, write, server, isUnverified, close } = await openCluster(place, onCall);
    closers.push(close);
    if (isUnverified) log.warn({ server }, unverifiedText(server));
    return { from: server, labels, get, write };
  };
  const labels = clusterLabelsOf(options.clusterLabels);
  const hub = options.hub === undefined ? undefined : await open(placeOf(options.hub), new Map());
  const members = new Map<ClusterName, ClusterAddress>();
  for (const [name, text] of namedClusters(options.cluster)) {
    members.set(name, await open(placeOf(text), labels.get(name) ?? new Map()));
  }
  let digest = '';
  if (options.clusterSecrets === true) {
    const home = hub ?? [...members.values()][0];
    if (home === undefined)
      throw problem(
        '--cluster-secrets',
        'Secrets are read from the hub, or from the first --cluster; give one of them',
      );
    const secrets = await readSecrets(
      home.get,
      options.namespace,
      AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    );
    digest = digestOf(secrets);
    for (const secret of secrets) {
      if (members.has(secret.name))
        throw secretProblem(`of cluster ${secret.name}`, '--cluster names this cluster too');
      const path = writeKubeconfig(secret);
      closers.push(() => rmSync(dirname(path), { recursive: true, force: true }));
      members.set(secret.name, await open({ kubeconfig: path, context: undefined }, secret.labels));
    }
  }
  if (members.size === 0)
    throw problem('--cluster', 'no cluster is given: name at least one, or give --cluster-secrets');
  return { hub, members, digest, close: () => closers.forEach((close) => close()) };
}

/** Ends the process when the Secrets say something else than at the start: who starts it again then reads them anew. */
async function watchSecrets(
  opened: Opened,
  options: ControllerCommandOptions,
  log: Log,
  stopping: AbortController,
  signal: AbortSignal,
): Promise<void> {
  const home = opened.hub ?? [...opened.members.values()][0];
  if (options.clusterSecrets !== true || home === undefined) return;
  while (!signal.aborted) {
    await sleep(systemClock, secretsMs, signal);
    if (signal.aborted) return;
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
      const now = digestOf(await readSecrets(home.get, options.namespace, limit));
      if (now === opened.digest) continue;
      log.info(
        { namespace: options.namespace },
        'the Secrets that register clusters changed: the controller ends, to be started with them',
      );
      stopping.abort();
    } catch (error) {
      log.warn({ namespace: options.namespace }, `Secrets cannot be read, what they said stands: ${String(error)}`);
    }
  }
}

function bindOf(address: string): BindAddress {
  const bind = parseBindAddress(address);
  if (bind !== undefined) return bind;
  throw problem(`--listen-address ${address}`, 'is not an address with a port, such as 0.0.0.0:10266');
}

/**
 * Reads every cluster, says what would be written, and ends.
 *
 * told      aborted: says nothing, since not all was read
 * returns   0 nothing to write, 2 changes, 1 told to stop before
 */
async function dryRun(
  controller: Controller,
  options: ControllerCommandOptions,
  io: Io,
  stopping: AbortController,
  told: AbortSignal,
): Promise<number> {
  const running = controller.run();
  while (!told.aborted && !controller.loop.report().isStarted) await sleep(systemClock, 100, told);
  if (told.aborted) return 1;
  const caches = new Map<Target, ClusterCache>([...controller.members].map(([name, { cache }]) => [name, cache]));
  if (controller.hub !== undefined) caches.set(hubTarget, controller.hub.cache);
  const simulated = simulate(
    {
      hub: controller.hub?.cache,
      members: new Map([...controller.members].map(([name, { cache }]) => [name, cache])),
      settings: settingsOf(options, controller.hub !== undefined),
      problems: new Map(),
      clusterSetIps: new Map(),
      time: '1970-01-01T00:00:00Z',
    },
    caches,
  );
  stopping.abort();
  await running;
  if (told.aborted) return 1;
  const unread = [...caches.values()].filter(({ access }) => access !== 'live').map(({ target }) => target);
  if (unread.length > 0)
    await io.err(`slicewright: ${unread.join(', ')} cannot be read completely; nothing is planned there\n`);
  await io.out(netReport(simulated));
  return simulated.net.length === 0 ? 0 : 2;
}
