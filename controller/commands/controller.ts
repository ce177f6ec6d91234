import { hostname } from 'node:os';
import type { TextMap } from '../../compiler/model/fields.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { reportingFailures } from '../../agent/commands/failures.ts';
import type { Io } from '../../agent/terminal/io.ts';
import { createLog, type Log } from '../../agent/telling/log.ts';
import { type BindAddress, parseBindAddress } from '../../agent/serving/bind-address.ts';
import type { ApiCall } from '../../agent/sources/api.ts';
import { openCluster, unverifiedText } from '../../agent/sources/kubeconfig.ts';
import type { ReflectorState } from '../../agent/sources/reflector-options.ts';
import { sleep, systemClock } from '../../agent/loop/clock.ts';
import type { ClusterCache } from '../cluster-cache.ts';
import { type ApiAddress, type Controller, createController, type MemberAddress } from '../controller.ts';
import { defaultElectionTimes } from '../election.ts';
import { defaultLoopTimes } from '../loop.ts';
import { createControllerMetrics } from '../metrics.ts';
import { netReport } from '../net-report.ts';
import { simulate } from '../simulate.ts';
import { defaultSourceLeaseTimes } from '../source-leases.ts';
import { controllerStatus } from '../status.ts';
import { type ControllerSettings, hub as hubTarget, type Target } from '../core/world.ts';
import {
  clusterLabelsOf,
  clusterUidsOf,
  folderOf,
  namedClusters,
  type Place,
  placeOf,
  problem,
  type SettingOptions,
  settingsOf,
} from './options.ts';
import { createRegistrar } from './registrar.ts';
import { serveController } from './serve.ts';
import { followSecrets, type ReadSecret } from './secrets.ts';

export interface ControllerCommandOptions extends SettingOptions {
  /** `NAME=KUBECONFIG[,CONTEXT]`, `NAME=FOLDER` or `NAME=in-cluster`. */
  readonly cluster: readonly string[];
  /** `NAME=UID`. */
  readonly clusterUid: readonly string[];
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

/**
 * Runs the controller until it is stopped.
 *
 * returns  0 it was asked to stop, 1 could not start; with --dry-run as `plan`: 0 nothing to write, 2 changes
 */
export function controllerCommand(options: ControllerCommandOptions, io: Io, signal: AbortSignal): Promise<number> {
  return reportingFailures('human', io, async () => {
    const log = createLog(options.v ?? 2);
    const bind = bindOf(options.listenAddress);
    const metrics = createControllerMetrics();
    const onCall = ({ host, method, status }: ApiCall): void =>
      metrics.requests.inc({ host, method, code: status === undefined ? '<error>' : String(status) });
    const settings = await settingsOf(options, options.hub !== undefined, io.readStdin);
    const opened = await openAll(options, onCall, log);
    const stopping = new AbortController();
    const both = AbortSignal.any([signal, stopping.signal]);
    const identity = options.identity ?? `${hostname()}_${process.pid}`;
    let isRegistryKnown = options.clusterSecrets !== true;
    const controller = createController(
      {
        hub: opened.hub,
        members: opened.members,
        isRegistryKnown: () => isRegistryKnown,
        settings,
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
    const registrar = createRegistrar(controller, new Set(opened.members.keys()), onCall, log);
    try {
      const work: Promise<void>[] = [];
      if (options.clusterSecrets === true) {
        const secrets = {
          ...{ get: opened.home.get, namespace: options.namespace, clock: systemClock, random: Math.random },
          onSecrets: (all: readonly ReadSecret[]) =>
            void registrar.take(all).then(() => {
              isRegistryKnown = true;
            }),
          onState: createStateLog(options.namespace, log, both),
        };
        work.push(followSecrets(secrets, both));
      }
      if (options.dryRun === true) return await dryRun(controller, settings, io, stopping, signal);
      const server = await serveController(bind, metrics, {
        status: () => controllerStatus(controller, identity, systemClock.nowMs()),
        standsStillMs: () => systemClock.nowMs() - controller.loop.report().aliveMs,
      });
      log.info({ identity, clusters: [...opened.members.keys()], hub: opened.hub?.from }, 'the controller runs');
      await Promise.all([controller.run(), ...work]);
      await server.close();
      return 0;
    } finally {
      stopping.abort();
      registrar.close();
      opened.close();
    }
  });
}

interface AllOpened {
  readonly hub: ApiAddress | undefined;
  readonly members: ReadonlyMap<ClusterName, MemberAddress>;
  /** The cluster in which Secrets are read. */
  readonly home: ApiAddress;
  readonly close: () => void;
}

async function openAll(
  options: ControllerCommandOptions,
  onCall: (call: ApiCall) => void,
  log: Log,
): Promise<AllOpened> {
  const closers: (() => void)[] = [];
  const open = async (place: Place, labels: TextMap): Promise<ApiAddress> => {
    const { get, write, server, isUnverified, close } = await openCluster(place, onCall);
    closers.push(close);
    if (isUnverified) log.warn({ server }, unverifiedText(server));
    return { from: server, labels, get, write };
  };
  const labels = clusterLabelsOf(options.clusterLabels);
  const uids = clusterUidsOf(options.clusterUid);
  const hub = options.hub === undefined ? undefined : await open(placeOf(options.hub), new Map());
  let home = hub;
  const members = new Map<ClusterName, MemberAddress>();
  const folders = new Map<string, ClusterName>();
  for (const [name, text] of namedClusters(options.cluster)) {
    const uid = uids.get(name);
    const stated = uid === undefined ? {} : { uid };
    const ofIt = labels.get(name) ?? new Map<string, string>();
    const folder = folderOf(text);
    if (folder === undefined) {
      const address = await open(placeOf(text), ofIt);
      home ??= address;
      members.set(name, { ...address, ...stated });
      continue;
    }
    const other = folders.get(folder);
    if (other !== undefined) throw problem(`--cluster ${name}=${text}`, `is the folder of cluster ${other} too`);
    folders.set(folder, name);
    members.set(name, { folder, labels: ofIt });
  }
  if (members.size === 0 && options.clusterSecrets !== true)
    throw problem('--cluster', 'no cluster is given: give at least one --cluster, or --cluster-secrets');
  if (home === undefined) {
    throw problem(
      '--cluster',
      'no API server is given, neither as a hub nor as a cluster: folders only offer Services',
    );
  }
  return { hub, members, home, close: () => closers.forEach((close) => close()) };
}

/** Logs why Secrets cannot be read, once for each reason. */
function createStateLog(namespace: string, log: Log, signal: AbortSignal): (state: ReflectorState) => void {
  let told = '';
  return (state) => {
    const problemNow = state.kind === 'failing' ? state.problem : '';
    if (problemNow !== '' && problemNow !== told && !signal.aborted) {
      log.error({ namespace }, `cannot read Secrets; their previous content stays in use: ${problemNow}`);
    }
    told = problemNow;
  };
}

function bindOf(address: string): BindAddress {
  const bind = parseBindAddress(address);
  if (bind !== undefined) return bind;
  throw problem(`--listen-address ${address}`, 'is not an address with a port, such as 0.0.0.0:10266');
}

/**
 * Reads every cluster, prints what would be written, and ends.
 *
 * told      aborted: prints nothing, because not everything was read
 * returns   0 nothing to write, 2 changes, 1 stopped before it was done
 */
async function dryRun(
  controller: Controller,
  settings: ControllerSettings,
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
      isHubAway: controller.hub?.cache.isCurrent === false,
      settings,
      problems: new Map(),
      vacancies: new Map(),
      clusterSetIps: new Map(),
      givesIps: true,
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
