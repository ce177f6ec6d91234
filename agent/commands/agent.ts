import type { Run } from '../../backends/command.ts';
import type { CompilerContext } from '../../compiler/engine.ts';
import type { Settings } from '../../compiler/settings.ts';
import { families } from '../../compiler/values/address.ts';
import { type AgentServing, startAgent } from '../agent.ts';
import { clusterEventsListener } from '../cluster-events.ts';
import { type Configuration, parseConfiguration } from '../config/config.ts';
import type { FamilyPlane } from '../dataplane/dataplane.ts';
import { createIptablesPlane } from '../dataplane/iptables.ts';
import { createIpvsPlane } from '../dataplane/ipvs.ts';
import type { DiagnosticFormat } from '../diagnostics.ts';
import { defaultLoopTimes, type LoopTimes } from '../family-loop.ts';
import { fileProblem, InputError } from '../input-error.ts';
import type { Host } from '../inputs.ts';
import type { Io } from '../io.ts';
import { createLog, logDiagnostics } from '../log.ts';
import { type ProxyOptions, proxyIdentity } from '../proxy-identity.ts';
import { parseRegistry } from '../registry.ts';
import { lockNode } from '../single.ts';
import { readObjects } from '../sources/files.ts';
import { documentOfFlags, type GivenFlags, givenFlags, setFlags } from './agent-flags.ts';
import { dryPlanes } from './agent-dry-run.ts';
import { openSources, type SourceOptions } from './agent-sources.ts';
import { cleanupCommand } from './cleanup.ts';
import { reportingFailures } from './failures.ts';

export interface AgentOptions extends Pick<SourceOptions, 'source' | 'master'>, ProxyOptions {
  readonly config?: string;
  readonly cluster: readonly string[];
  readonly registry?: string;
  readonly dryRun?: boolean;
  readonly against: readonly string[];
  readonly takeOver?: boolean;
  readonly cleanup?: boolean;
  /** kube-proxy's `-v`. */
  readonly v: number;
  readonly diagnostics: DiagnosticFormat;
  readonly flags: GivenFlags;
}

/** How long the first program waits for other clusters. */
const remoteWaitMs = 30_000;

/**
 * `slicewright agent`: keeps this node's rules true until it is told to stop. Rules stay then.
 *
 * signal   aborted: stop after the sync that is under way
 * returns  the exit status: 0 told to stop, 1 could not start
 */
export function agentCommand(
  options: AgentOptions,
  io: Io,
  run: Run,
  host: Host,
  signal: AbortSignal,
): Promise<number> {
  if (options.cleanup === true) return cleanupCommand(options, io, run);
  return reportingFailures(options.diagnostics, io, async () => {
    const configuration = await configure(options, io);
    const context = await contextOf(options, configuration, host, io);
    const log = createLog(options.v);
    logDiagnostics(log, configuration.diagnostics);
    const { sources, post, close } = await openSources({
      ...options,
      kubeconfig: configuration.agent.kubeconfig,
      nodeName: context.nodeName,
      proxyName: context.settings.serviceProxyName,
    });
    const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
    const isDry = options.dryRun === true;
    const lock = isDry
      ? undefined
      : await lockNode(() => log.info({}, 'another agent works on this node: waiting for it to end'), signal, {
          prefix: context.settings.chainPrefix,
        });
    try {
      if (signal.aborted) return 0;
      const planes = isDry
        ? dryPlanes(options.against, io, run, configuration)
        : livePlanes(options, run, configuration);
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
      const { done } = startAgent(
        {
          context,
          mode: configuration.backend,
          ...whoseText(context.settings),
          sources,
          planes,
          times: timesOf(configuration),
          clock,
          log,
          remoteWaitMs,
          serving: servingOf(configuration, options, isDry),
          listeners:
            post === undefined || isDry
              ? []
              : [
                  clusterEventsListener(post, { nodeName: context.nodeName, wallMs: clock.wallMs }, (problem) =>
                    log.debug({}, `an Event was not taken: ${problem}`),
                  ),
                ],
        },
        signal,
      );
      await done;
      log.info({}, 'stopped; the rules stay');
      return 0;
    } finally {
      close();
      await lock?.release();
    }
  });
}

/** With a file the flags that have keys in it count no more, as for kube-proxy; but for the node's name. */
const besideFile = ['hostname-override'];

async function configure(options: AgentOptions, io: Io): Promise<Configuration> {
  const choices = { compat: 'none', backend: undefined, forAgent: true } as const;
  const identity = proxyIdentity(options);
  const identified = (configuration: Configuration): Configuration => ({
    ...configuration,
    settings: { ...configuration.settings, ...identity },
  });
  if (options.config === undefined) {
    return identified(parseConfiguration(documentOfFlags(options.flags), 'of the command line', choices));
  }
  const [document, ...others] = await readObjects([options.config], io.readStdin);
  if (document === undefined || others.length > 0) {
    throw new InputError([fileProblem(options.config, 'bad-configuration', 'one KubeProxyConfiguration is wanted')]);
  }
  const configuration = parseConfiguration(setFlags(document, options.flags, besideFile), options.config, choices);
  const idle = givenFlags(options.flags).filter((flag) => !besideFile.includes(flag));
  const notes = idle.map((flag) => ({
    severity: 'warning' as const,
    code: 'flag-without-effect',
    object: { kind: 'flag', name: `--${flag}` },
    message: 'has no effect beside --config, as for kube-proxy; the file says it',
  }));
  return identified({ ...configuration, diagnostics: [...configuration.diagnostics, ...notes] });
}

async function contextOf(
  options: AgentOptions,
  configuration: Configuration,
  host: Host,
  io: Io,
): Promise<CompilerContext & { readonly nodeName: string }> {
  const context = {
    settings: configuration.settings,
    nodeName: configuration.nodeName ?? host.name,
    localAddresses: host.addresses,
  };
  if (options.registry === undefined) return context;
  const [document] = await readObjects([options.registry], io.readStdin);
  return { ...context, registry: parseRegistry(document, options.registry) };
}

function timesOf({ agent }: Configuration): LoopTimes {
  return { ...defaultLoopTimes, gapMs: agent.minSyncPeriodMs, resyncMs: agent.syncPeriodMs };
}

/** An empty flag switches a server off; the file has no way to say that, as for kube-proxy. */
function servingOf(configuration: Configuration, { config, flags }: AgentOptions, isDry: boolean): AgentServing {
  const { agent, settings } = configuration;
  const isOff = (flag: string) => isDry || (config === undefined && flags[flag] === '');
  return {
    health: isOff('healthzBindAddress') ? undefined : agent.healthz,
    metrics: isOff('metricsBindAddress') ? undefined : agent.metrics,
    serviceHealth: isDry ? 'closed' : undefined,
    syncPeriodMs: agent.iptablesSyncPeriodMs,
    config: { mode: configuration.backend, ...settings },
  };
}

function livePlanes(options: AgentOptions, run: Run, { backend, settings }: Configuration): FamilyPlane[] {
  const make = backend === 'ipvs' ? createIpvsPlane : createIptablesPlane;
  const prefix = settings.chainPrefix;
  const common = { run, prefix, nowMs: () => performance.now(), takeOver: options.takeOver === true };
  return families.map((family) => make({ family, ...common }));
}

/** For the log, where it is not kube-proxy that we stand in for. */
function whoseText({ serviceProxyName, chainPrefix }: Settings): object {
  return serviceProxyName === undefined ? {} : { serviceProxyName, chainPrefix };
}
