import type { Run } from '../../backends/command.ts';
import { loadMode, type Mode } from '../../backends/index.ts';
import { defaultDelayTimes } from '../../backends/plane/delays.ts';
import type { FamilyPlane } from '../../backends/plane/plane.ts';
import type { CompilerContext } from '../../compiler/engine.ts';
import { show } from '../../compiler/model/fields.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { parseNamespace } from '../../compiler/values/names.ts';
import { type AgentServing, startAgent } from '../agent.ts';
import { systemClock } from '../loop/clock.ts';
import { clusterEventsListener } from '../telling/cluster-events.ts';
import { defaultMetrics, parseAddressOrBind } from '../config/agent.ts';
import type { Configuration } from '../config/config.ts';
import { effectiveDocument } from '../config/effective.ts';
import { changedDocument, configurationWords } from '../config/watch.ts';
import { meterConntrack } from '../serving/conntrack-meter.ts';
import type { DiagnosticFormat } from '../terminal/diagnostics.ts';
import { defaultLoopTimes, type LoopTimes } from '../loop/family-loop.ts';
import type { AgentHost } from '../node/host.ts';
import { UsageError } from '../input/input-error.ts';
import type { Io } from '../terminal/io.ts';
import { createLog, type Log, logDiagnostics } from '../telling/log.ts';
import { setOomScore } from '../node/oom-score.ts';
import { prepareNode } from '../node/prepare.ts';
import { preparationText, problemsOf } from '../../backends/host/preparation.ts';
import { createFirstLook } from '../planning/first-look.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { possibleSettings } from '../planning/possible.ts';
import { defaultThreshold } from '../planning/removal.ts';
import { type ProxyOptions, proxyIdentity } from '../input/proxy-identity.ts';
import { openRegistryFile } from '../config/registry-watch.ts';
import { waitText } from '../node/holder.ts';
import { memoryUsedUp } from '../node/memory.ts';
import { settlingListener } from '../node/settling.ts';
import { lockNode } from '../node/node-lock.ts';
import type { BindAddress } from '../serving/bind-address.ts';
import { countCalls } from '../serving/meter.ts';
import { createMetrics } from '../serving/metrics.ts';
import { showPacketCounters } from '../serving/packet-counters.ts';
import { type Given, readCheckedDocument, readConfiguration } from './agent/configuration.ts';
import { dryPlanes } from '../planning/dry-planes.ts';
import type { GivenFlags } from './agent/flags.ts';
import { initCommand } from './agent/init.ts';
import { unverifiedText } from '../sources/kubeconfig.ts';
import { openSources, type SourceOptions } from './agent/sources.ts';
import { cleanupCommand } from './cleanup.ts';
import { reportingFailures } from './failures.ts';
import { writeConfiguration } from './agent/write-configuration.ts';

export interface AgentOptions
  extends Pick<SourceOptions, 'source' | 'master' | 'sourceLimits' | 'otherNodes'>,
    ProxyOptions {
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly registry?: string;
  /** Empty: no Lease counts. */
  readonly leaseNamespace: string;
  readonly dryRun?: boolean;
  readonly against: readonly string[];
  readonly takeOver?: boolean;
  readonly cleanup?: boolean;
  readonly initOnly?: boolean;
  /** The folder of writers' locks. */
  readonly lockDir: string;
  /** Allow an agent that starts from a folder to remove at once every Service that the folder lacks. */
  readonly allowMassRemoval?: boolean;
  /** The percentage of served Services that it may otherwise remove at once; absent: half. */
  readonly massRemovalThreshold?: number;
  /** With `cleanup`: remove the rules even while an agent is running. */
  readonly force?: boolean;
  /** The file to write the effective configuration to; the agent then does nothing else. */
  readonly writeConfigTo?: string;
  /** A second address, where only metrics are served. */
  readonly scrapeAddress?: string;
  /** Serve the page of Services where metrics are. */
  readonly serveReport?: boolean;
  /** kube-proxy's `-v`; undefined: as the configuration says. */
  readonly v?: number;
  /** The format of the log too; undefined: the log is JSON, other output is text for people. */
  readonly diagnostics?: DiagnosticFormat;
  readonly flags: GivenFlags;
}

const outOfMemoryText =
  'The agent exits so that the supervisor restarts it; the rules stay in force. Give it more memory, or lower --source-limits';

/** How long the first program waits for other clusters. */
const remoteWaitMs = 30_000;

/**
 * `slicewright agent`: keeps this node's rules correct until it is stopped. The rules then stay in force.
 *
 * signal   aborted: stop after the sync in progress
 * returns  the exit status: 0 stopped by a signal, 1 could not start, or its configuration changed
 */
export function agentCommand(
  options: AgentOptions,
  io: Io,
  run: Run,
  host: AgentHost,
  told: AbortSignal,
): Promise<number> {
  const diagnostics = options.diagnostics ?? 'human';
  if (options.cleanup === true && options.writeConfigTo === undefined) {
    return cleanupCommand({ ...options, diagnostics }, io, run);
  }
  return reportingFailures(diagnostics, io, async () => {
    const identity = proxyIdentity(options);
    const given = await readConfiguration(options.config, options.flags, io.readStdin);
    const asked = { ...given.configuration, settings: { ...given.configuration.settings, ...identity } };
    if (options.writeConfigTo !== undefined)
      return writeConfiguration(options.writeConfigTo, given, { diagnostics }, io);
    const mode = await loadMode(asked.backend);
    if (options.initOnly === true) {
      return initCommand(
        { configuration: asked, live: mode.live, cpus: host.cpus },
        { ...options, diagnostics },
        io,
        run,
        told,
      );
    }
    const scrapes = scrapeAddressOf(options);
    const isDry = options.dryRun === true;
    // Dumps most likely come from another machine.
    const isHere = !isDry || options.against.length === 0;
    const possible = isHere ? await possibleSettings(mode.live, run, asked.settings) : { ...asked, problems: [] };
    const configuration = { ...asked, settings: possible.settings };
    const registryFile =
      options.registry === undefined ? undefined : await openRegistryFile(options.registry, io.readStdin);
    const context = { ...contextOf(configuration, host), ...(registryFile && { registry: registryFile.registry }) };
    const log = createLog(options.v ?? configuration.agent.verbosity, options.diagnostics);
    logDiagnostics(log, configuration.diagnostics, given.placeOf);
    const renewed = new AbortController();
    const signal = AbortSignal.any([told, renewed.signal]);
    const metrics = createMetrics(mode.live);
    if (!isDry) showPacketCounters(metrics.registry, mode.live, run, configuration.settings);
    const clock = systemClock;
    const leases = leaseNamespaceOf(options);
    const { sources, post, unverified, close } = await openSources({
      ...options,
      ...leases,
      clock,
      onCall: countCalls(metrics),
      kubeconfig: configuration.agent.kubeconfig,
      nodeName: context.nodeName,
      proxyName: context.settings.serviceProxyName,
    });
    for (const server of unverified) log.warn({ server }, unverifiedText(server));
    // An API server that answers is complete; a folder may have lost files while no agent was running.
    const isGuarded = options.source !== undefined && options.allowMassRemoval !== true && !isDry;
    const lock = isDry
      ? undefined
      : await lockNode(
          { dir: options.lockDir, prefix: context.settings.chainPrefix, role: 'agent' },
          (holder) => log.info({}, waitText(holder)),
          signal,
          clock,
        );
    try {
      if (signal.aborted) return 0;
      const conntrack = families.map((family) => ({ family, ...meterConntrack(run, family, metrics, clock.nowMs) }));
      const runOf = (family: Family) => conntrack.find((meter) => meter.family === family)?.run ?? run;
      const prepared = isDry ? [] : await prepareNode(run, { ...configuration, live: mode.live }, host.cpus);
      for (const one of prepared) if (one.kind === 'set') log.info({}, preparationText(one));
      const problems = [...possible.problems, ...problemsOf(prepared)];
      const oomScore = isDry ? undefined : setOomScore(configuration.agent.oomScoreAdj);
      const planes = isDry
        ? dryPlanes(options.against, io, run, mode, configuration.settings, signal)
        : livePlanes(options, runOf, mode, configuration.settings);
      log.info(
        {
          node: context.nodeName,
          mode: configuration.backend,
          ...whoseText(context.settings),
          sources: sources.map(({ from }) => from),
          dryRun: isDry,
        },
        'started',
      );
      void memoryUsedUp(host.memory, clock, signal).then((full) => {
        if (full === undefined) return;
        log.error({}, `memory is used up: ${full}. ${outOfMemoryText}`);
        host.exit(1);
      });
      const { done } = startAgent(
        {
          context,
          mode: configuration.backend,
          sources,
          planes,
          times: timesOf(configuration),
          clock,
          log,
          remoteWaitMs,
          serving: {
            ...servingOf(given, scrapes, isDry),
            ...(options.serveReport === true && { report: mode.backend }),
          },
          problems: oomScore === undefined ? problems : [...problems, oomScore],
          metrics,
          ...leases,
          ...(isGuarded && {
            firstLook: createFirstLook({
              ...{ run, mode, settings: configuration.settings, takeOver: options.takeOver === true },
              threshold: options.massRemovalThreshold ?? defaultThreshold,
            }),
          }),
          ...(registryFile && { newRegistry: registryFile.take, onRenamed: () => renewed.abort() }),
          listeners: [
            ...conntrack.map(({ listen }) => listen),
            settlingListener(host.memory, clock, signal),
            ...(post === undefined || isDry
              ? []
              : [
                  clusterEventsListener(post, { nodeName: context.nodeName, ...clock }, (problem) =>
                    log.debug({}, `the API server did not accept an Event: ${problem}`),
                  ),
                ]),
          ],
        },
        signal,
      );
      watchConfiguration(given, options, io, log, signal).then(
        (isChanged) => isChanged && renewed.abort(),
        (error: unknown) =>
          log.error({ file: options.config }, `cannot watch the configuration file: ${String(error)}`),
      );
      registryFile
        ?.follow(systemClock, log, signal)
        .catch((error: unknown) =>
          log.error({ file: options.registry }, `cannot watch the registry file: ${String(error)}`),
        );
      await done;
      log.info({}, 'stopped; the rules stay in force');
      return renewed.signal.aborted ? 1 : 0;
    } finally {
      renewed.abort();
      close();
      await lock?.release();
    }
  });
}

function contextOf(configuration: Configuration, host: AgentHost): CompilerContext & { readonly nodeName: string } {
  const { settings, nodeName = host.name } = configuration;
  return { settings, nodeName, localAddresses: host.addresses };
}

/** Leases only matter for clusters in the registry, so without a registry they are not read. */
function leaseNamespaceOf({ registry, leaseNamespace }: AgentOptions): { readonly leaseNamespace?: string } {
  if (registry === undefined || leaseNamespace === '') return {};
  if (parseNamespace(leaseNamespace) === undefined) {
    const message = `${show(leaseNamespace)} is not the name of a namespace`;
    throw new UsageError('--lease-namespace', message, 'bad-namespace');
  }
  return { leaseNamespace };
}

function timesOf({ agent }: Configuration): LoopTimes {
  return { ...defaultLoopTimes, gapMs: agent.minSyncPeriodMs, resyncMs: agent.syncPeriodMs };
}

function servingOf(
  { configuration, document, off }: Given,
  scrapes: BindAddress | undefined,
  isDry: boolean,
): AgentServing {
  const { agent } = configuration;
  return {
    health: isDry || off.healthz ? undefined : agent.healthz,
    metrics: isDry || off.metrics ? undefined : agent.metrics,
    scrapes: isDry ? undefined : scrapes,
    serviceHealth: isDry ? 'closed' : 'open',
    syncPeriodMs: agent.iptablesSyncPeriodMs,
    config: effectiveDocument(document),
  };
}

function scrapeAddressOf({ scrapeAddress: text }: AgentOptions): BindAddress | undefined {
  if (text === undefined) return undefined;
  const bind = parseAddressOrBind(text, defaultMetrics.port);
  if (bind !== undefined) return bind;
  const message = 'is not an address, or an address with a port such as 192.0.2.7:10249';
  throw new UsageError(`--scrape-address ${text}`, message, 'bad-address');
}

/** Standard input can be read only once. */
function watchConfiguration(
  { document }: Given,
  { config: path, flags }: AgentOptions,
  io: Io,
  log: Log,
  signal: AbortSignal,
): Promise<boolean> {
  if (path === undefined || path === '-') return Promise.resolve(false);
  const read = () => readCheckedDocument(path, flags, io.readStdin);
  const watch = { path, document, read, clock: systemClock, log, words: configurationWords };
  return changedDocument(watch, signal).then((changed) => changed !== undefined);
}

function livePlanes(
  options: AgentOptions,
  runOf: (family: Family) => Run,
  mode: Mode,
  settings: Settings,
): FamilyPlane[] {
  return families.map((family) =>
    mode.createPlane({
      scope: scopeOf(family, settings, options.takeOver === true),
      run: runOf(family),
      nowMs: systemClock.nowMs,
      delayTimes: defaultDelayTimes,
    }),
  );
}

/** Log facts that name an agent which serves another proxy name than kube-proxy's. */
function whoseText({ serviceProxyName, chainPrefix }: Settings): object {
  return serviceProxyName === undefined ? {} : { serviceProxyName, chainPrefix };
}
