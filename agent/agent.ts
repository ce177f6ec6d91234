import type { Backend } from '../backends/backend.ts';
import { createChangeReader } from '../compiler/change.ts';
import { createDeletionGuard } from '../compiler/deletion-guard.ts';
import { callsAlike, viewOf } from '../compiler/cluster-view.ts';
import type { CompilerContext } from '../compiler/engine.ts';
import { createCompiler } from '../compiler/incremental.ts';
import type { Registry } from '../compiler/registry/registry.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ClusterName } from '../compiler/values/names.ts';
import { createClusterLeases } from './clusters/leases.ts';
import { type ContactTimes, createClusterStates, defaultContactTimes } from './clusters/states.ts';
import type { FamilyPlane } from '../backends/plane/plane.ts';
import type { PlaceOf } from './input/place.ts';
import { eitherPlace } from './input/places.ts';
import type { Clock } from './loop/clock.ts';
import type { FirstLook } from './loop/gate.ts';
import type { LoopTimes } from './loop/family-loop.ts';
import { bareServicesListener } from './telling/bare-services.ts';
import { type Log, logListener } from './telling/log.ts';
import { runLoop } from './loop/loop.ts';
import type { Report } from './telling/agent-event.ts';
import { createProxyHealth } from './serving/health.ts';
import { healthBindings } from './serving/health-bindings.ts';
import { healthListener, watchNode } from './serving/health-listener.ts';
import { createLivePage } from './serving/live-page.ts';
import { keepServing } from './serving/keep-serving.ts';
import { metricsListener } from './serving/meter.ts';
import { createMetrics, type Metrics } from './serving/metrics.ts';
import type { BindAddress } from './serving/bind-address.ts';
import type { RunningServer } from './serving/listener.ts';
import { knowledgeAnswer } from './serving/knowledge.ts';
import { serveHealth, serveMetrics, serveScrapes } from './serving/server.ts';
import { serviceChecks } from './serving/service-checks.ts';
import { showClusters, showSources } from './serving/source-gauges.ts';
import { createStatusBook } from './serving/status.ts';
import { type Arrival, createSourceBoard, unheard } from './sources/board.ts';
import type { Source } from './sources/source.ts';

export interface AgentParts {
  readonly context: CompilerContext & { readonly nodeName: string };
  /** The backend's name. */
  readonly mode: string;
  readonly sources: readonly Source[];
  readonly planes: readonly FamilyPlane[];
  readonly times: LoopTimes;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the first program waits for clusters other than the local one. */
  readonly remoteWaitMs: number;
  readonly serving: AgentServing;
  /** Passed in where a part that is made before the agent counts in them. */
  readonly metrics?: Metrics;
  /** How soon a registered cluster that is out of touch counts as lost. */
  readonly contactTimes?: ContactTimes;
  /** Settings of the node that could not be set before the agent started. */
  readonly problems?: readonly Diagnostic[];
  /** The namespace of the registered clusters' Leases; absent: no Lease counts. */
  readonly leaseNamespace?: string;
  /** Gives a replaced registry once; undefined: it has not changed. Only asked if there was a registry at the start. */
  readonly newRegistry?: () => Registry | undefined;
  /** Called when a new registry renames clusters whose objects are held: only a restarted agent can use it. */
  readonly onRenamed?: () => void;
  /** Judges what the first program would remove; absent: nothing does. */
  readonly firstLook?: FirstLook;
  /** Besides log, metrics, health and status. */
  readonly listeners?: readonly Report[];
}

export interface AgentServing {
  /** undefined: not served. */
  readonly health: BindAddress | undefined;
  readonly metrics: BindAddress | undefined;
  /** A second address, which serves metrics alone. */
  readonly scrapes?: BindAddress | undefined;
  /** Health check node ports answer where node ports do, or nowhere. */
  readonly serviceHealth: 'open' | 'closed';
  /** The agent is unhealthy once a change has waited for longer than twice this time. */
  readonly syncPeriodMs: number;
  /** For `/configz`. */
  readonly config: unknown;
  /** Whose rules the page of Services shows; absent: there is no such page. */
  readonly report?: Backend | undefined;
}

/** A running agent. */
export interface RunningAgent {
  /** Settles when the signal was aborted and the last sync is done; the rules stay in force. */
  readonly done: Promise<void>;
  /** Ports in use, once they are open. */
  readonly ports: Readonly<Record<'health' | 'metrics' | 'scrapes', Promise<number>>>;
}

/** Finds the files of objects, for every source that reads files, by the name that its cluster has in the agent. */
function placeIn(sources: readonly Source[], context: CompilerContext): PlaceOf {
  return (diagnostic) => {
    const own = sources.filter(({ cluster }) => viewOf(cluster, context) === diagnostic.object.cluster);
    return eitherPlace(...own.flatMap(({ placeOf }) => placeOf ?? []))(diagnostic);
  };
}

/** Starts all parts of the agent: sources, the loop, and the listeners that report what it does. */
export function startAgent(parts: AgentParts, signal: AbortSignal): RunningAgent {
  const { clock, log, serving, context } = parts;
  const wall = { nowMs: clock.wallMs };
  const metrics = parts.metrics ?? createMetrics();
  const compiler = createCompiler(context);
  const health = createProxyHealth(clock, serving.syncPeriodMs);
  const meter = metricsListener(metrics, wall);
  const book = createStatusBook(
    {
      node: context.nodeName,
      mode: parts.mode,
      sources: () => board.status(),
      clusters: () => states?.standings() ?? [],
    },
    wall,
  );
  const bindings = serving.serviceHealth === 'open' ? () => healthBindings(compiler.node()) : 'closed';
  const checks = serviceChecks(health.isHealthy, bindings, (event) => report(event));
  const listeners: readonly Report[] = [
    logListener(log, placeIn(parts.sources, context)),
    bareServicesListener(log, clock.nowMs),
    meter,
    book.listen,
    healthListener(health),
    checks.listen,
    ...(parts.listeners ?? []),
  ];
  const report: Report = (event) => {
    for (const listen of listeners) listen(event);
  };
  report({ kind: 'prepared', problems: parts.problems ?? [] });
  const read = createChangeReader(context);
  const board = createSourceBoard(parts.sources, read, clock, parts.remoteWaitMs, (source, objectKind, state) =>
    report({
      ...{ kind: 'source', cluster: source.cluster, from: source.from, objectKind, state },
      forgone: source.forgoes?.has(objectKind) === true,
    }),
  );
  // If a control plane suddenly deletes most of a cluster's slices, they are held for a while first (MR-73).
  const guard = createDeletionGuard<Arrival>(compiler.names);
  const { registry } = context;
  const contactTimes = parts.contactTimes ?? defaultContactTimes;
  const own = parts.sources.find(({ cluster }) => cluster === undefined);
  const leases = createClusterLeases(registry, parts.leaseNamespace);
  const states =
    registry &&
    createClusterStates(registry, clock.nowMs, report, contactTimes, {
      of: leases.of,
      hearing: () => (own?.leasesIn === undefined ? unheard : board.hearing(own, own.leasesIn)),
    });
  const renewRegistry = (): void => {
    const next = parts.newRegistry?.();
    if (next === undefined) return;
    if (
      !callsAlike(
        parts.sources.map(({ cluster }) => cluster),
        context,
        next,
      )
    ) {
      log.info(
        {},
        'the registry renames clusters that this agent reads; exiting so that the supervisor restarts the agent',
      );
      parts.onRenamed?.();
      return;
    }
    leases.register(next);
    states?.register(next);
  };
  let held: ReadonlyMap<ClusterName, number> = new Map();
  const tellHeld = (now: typeof held): void => {
    for (const cluster of new Set([...held.keys(), ...now.keys()])) {
      const count = now.get(cluster) ?? 0;
      if (count !== (held.get(cluster) ?? 0)) report({ kind: 'slices-held', cluster, count });
    }
    held = now;
  };
  const loop = runLoop(
    {
      board,
      compiler,
      planes: parts.planes,
      clock,
      times: parts.times,
      report,
      ...(parts.firstLook && { firstLook: parts.firstLook }),
      ...(states === undefined
        ? {}
        : {
            registry: {
              everyMs: contactTimes.lookMs,
              look: () => {
                renewRegistry();
                return states.look(board.status());
              },
            },
          }),
      intake: (arrivals) => {
        watchNode(arrivals, context.nodeName, health);
        const objects = leases.take(arrivals);
        const problems = leases.news();
        if (problems !== undefined) report({ kind: 'lease-problems', diagnostics: problems });
        const admitted = guard.admit(objects, clock.nowMs());
        tellHeld(guard.heldByCluster());
        return admitted;
      },
      intakeDueMs: guard.dueMs,
    },
    signal,
  );
  const reading = parts.sources.map((source) => source.run(board.sinkOf(source), signal));
  showSources(metrics, board.status);
  if (states !== undefined) showClusters(metrics, states.standings);
  const insight = {
    ...{ mode: parts.mode, status: book.status, shares: book.shares, config: serving.config },
    knowledge: (path: string) => knowledgeAnswer(path, compiler, context.settings, parts.mode),
    ...(serving.report && { report: reportOf(serving.report) }),
  };
  const healthServer = keepServing(
    'health',
    serving.health,
    (bind) => serveHealth(bind, health, metrics),
    { clock, log },
    signal,
  );
  const metricsServer = keepServing(
    'metrics',
    serving.metrics,
    (bind) => serveMetrics(bind, metrics, insight),
    { clock, log },
    signal,
  );
  const scrapeServer = keepServing(
    'scrapes',
    serving.scrapes,
    (bind) => serveScrapes(bind, metrics),
    { clock, log },
    signal,
  );
  function reportOf(backend: Backend) {
    return createLivePage(compiler.generation, async () => {
      const { liveReport } = await import('./report/live.ts');
      const placeOf = placeIn(parts.sources, context);
      return liveReport({ node: context.nodeName, backend, compilation: compiler.compilation, placeOf });
    });
  }
  const close = async (): Promise<void> => {
    await Promise.all([loop, ...reading]);
    await checks.close();
    for (const server of await Promise.all([healthServer, metricsServer, scrapeServer])) await server?.close();
  };
  const portOf = async (server: Promise<RunningServer | undefined>): Promise<number> => (await server)?.port ?? 0;
  const ports = { health: portOf(healthServer), metrics: portOf(metricsServer), scrapes: portOf(scrapeServer) };
  return { done: close(), ports };
}
