import { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../agent/loop/clock.ts';
import { createPacedClock } from '../../agent/loop/paced-clock.fixture.ts';
import { startAgent } from '../../agent/agent.ts';
import { defaultLeaseNamespace } from '../../agent/commands/agent/flags.ts';
import type { ContactTimes } from '../../agent/clusters/states.ts';
import type { LoopTimes } from '../../agent/loop/family-loop.ts';
import type { Log } from '../../agent/telling/log.ts';
import type { AgentEvent } from '../../agent/telling/agent-event.ts';
import { openApi } from '../../agent/sources/api.ts';
import { clusterSource } from '../../agent/sources/cluster.ts';
import type { ReflectorTimes } from '../../agent/sources/reflector-options.ts';
import { defaultSourceLimits, type SourceLimits } from '../../agent/sources/quota.ts';
import type { Source } from '../../agent/sources/source.ts';
import type { Run } from '../../backends/command.ts';
import { type CompilerContext } from '../../compiler/engine.ts';
import { defaultSettings, type Settings } from '../../compiler/settings.ts';
import { families } from '../../compiler/values/address.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { randomNumbers } from '../helpers/numbers.ts';
import { modeOf, planeOf } from '../helpers/scope.ts';

/** One line of an agent's log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly facts: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** An agent with all its parts, in this process: only its commands run elsewhere. */
export interface FieldAgent {
  readonly events: readonly AgentEvent[];
  readonly log: readonly LogLine[];
  of<K extends AgentEvent['kind']>(kind: K): Extract<AgentEvent, { kind: K }>[];
  /** A metric's value with these labels; undefined: no such line is served. */
  metric(name: string, labels?: string): Promise<number | undefined>;
  /** `/healthz` of the agent: the status. */
  health(): Promise<number>;
  /** The answer of its metrics address. */
  get(path: string): Promise<Response>;
  /** Resolves with the next event that `is` accepts. */
  next(is: (event: AgentEvent) => boolean): Promise<AgentEvent>;
  stop(): Promise<void>;
}

/** The address of an API server. */
export interface ApiServer {
  readonly url: string;
}

export interface FieldOptions {
  /** The backend's name. */
  readonly mode?: string;
  readonly run: Run;
  readonly own: ApiServer | Source;
  readonly others?: Readonly<Record<string, ApiServer>>;
  readonly nodeName: string;
  readonly settings?: Partial<Settings>;
  readonly registry?: CompilerContext['registry'];
  readonly leases?: ContactTimes;
  readonly newRegistry?: () => CompilerContext['registry'];
  readonly onRenamed?: () => void;
  readonly limits?: Partial<SourceLimits>;
  readonly times?: Partial<LoopTimes>;
  readonly reflector?: Partial<ReflectorTimes>;
  readonly remoteWaitMs?: number;
  readonly takeOver?: boolean;
  readonly servesReport?: boolean;
  /** Absent: one that a busy machine slows down together with the agent. */
  readonly clock?: Clock;
  readonly wallMs?: () => number;
  /** Whether to keep events for the test to look at: a soak would keep millions of arrivals. */
  readonly keepsEvents?: boolean;
  readonly onEvent?: (event: AgentEvent) => void;
}

/** Fast enough for a test, but slow enough that each fault occurs more than once. */
export const quickReflector: ReflectorTimes = {
  backoff: { firstMs: 10, maxMs: 80 },
  answerMs: 1_000,
  // The double sends a bookmark a minute, as real servers do.
  idleMs: 90_000,
  watchSeconds: 30,
  absentMs: 100,
  holdMs: 60_000,
};

const quickLoop: LoopTimes = { gapMs: 0, resyncMs: 60_000, glanceMs: 60_000, retry: { firstMs: 10, maxMs: 50 } };

export function startFieldAgent(options: FieldOptions): FieldAgent {
  const { mode = 'iptables' } = options;
  const events: AgentEvent[] = [];
  const log: LogLine[] = [];
  const listeners = new Set<(event: AgentEvent) => void>();
  const stop = new AbortController();
  const apis: { close(): void }[] = [];
  const leaseNamespace = options.registry === undefined ? {} : { leaseNamespace: defaultLeaseNamespace };
  const times = { ...quickReflector, ...options.reflector };
  const goes = options.clock ?? createPacedClock();
  const clock = { ...goes, wallMs: options.wallMs ?? goes.wallMs };
  const random = randomNumbers(1);
  const sourceOf = (from: ApiServer | Source, cluster: ClusterName | undefined): Source => {
    if ('run' in from) return from;
    const api = openApi(kubeconfigFor(from));
    apis.push(api);
    return clusterSource({
      cluster,
      from: from.url,
      get: api.get,
      nodeName: options.nodeName,
      times,
      clock,
      random,
      limits: { ...defaultSourceLimits, ...options.limits },
      ...leaseNamespace,
    });
  };
  const { done, ports } = startAgent(
    {
      context: {
        settings: { ...defaultSettings, ...options.settings },
        nodeName: options.nodeName,
        localAddresses: undefined,
        ...(options.registry === undefined ? {} : { registry: options.registry }),
      },
      mode,
      sources: [
        sourceOf(options.own, undefined),
        ...Object.entries(options.others ?? {}).map(([name, double]) => sourceOf(double, name as ClusterName)),
      ],
      planes: families.map((family) =>
        planeOf(mode, {
          family,
          run: options.run,
          nowMs: clock.nowMs,
          takeOver: options.takeOver ?? false,
          delayTimes: { firstMs: 50, maxMs: 200 },
        }),
      ),
      times: { ...quickLoop, ...options.times },
      clock,
      log: recordTo(log),
      ...leaseNamespace,
      ...(options.leases === undefined ? {} : { contactTimes: options.leases }),
      ...(options.newRegistry === undefined ? {} : { newRegistry: options.newRegistry }),
      ...(options.onRenamed === undefined ? {} : { onRenamed: options.onRenamed }),
      remoteWaitMs: options.remoteWaitMs ?? 10_000,
      serving: {
        health: { host: '127.0.0.1', port: 0 },
        metrics: { host: '127.0.0.1', port: 0 },
        serviceHealth: 'closed',
        syncPeriodMs: 30_000,
        config: {},
        ...(options.servesReport === true && { report: modeOf(mode).backend }),
      },
      listeners: [
        (event) => {
          if (options.keepsEvents !== false) events.push(event);
          options.onEvent?.(event);
          for (const listen of listeners) listen(event);
        },
      ],
    },
    stop.signal,
  );
  return {
    events,
    log,
    of: (kind) => events.filter((event) => event.kind === kind) as never,
    async metric(name, labels = '') {
      const text = await (await fetch(`http://127.0.0.1:${await ports.metrics}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name}${labels === '' ? ' ' : `{${labels}} `}`));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    },
    get: async (path) => fetch(`http://127.0.0.1:${await ports.metrics}${path}`),
    health: async () => (await fetch(`http://127.0.0.1:${await ports.health}/healthz`)).status,
    next: (is) =>
      new Promise((resolve) => {
        const listen = (event: AgentEvent): void => {
          if (!is(event)) return;
          listeners.delete(listen);
          resolve(event);
        };
        listeners.add(listen);
      }),
    async stop() {
      stop.abort();
      await done;
      for (const api of apis) api.close();
    },
  };
}

export function kubeconfigFor(double: ApiServer, token = 'secret'): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'c', server: double.url, skipTLSVerify: true }, { name: 'u', token });
  return config;
}

function recordTo(lines: LogLine[]): Log {
  const at = (level: LogLine['level']) => (facts: object, message: string) =>
    void lines.push({ level, facts: facts as LogLine['facts'], message });
  return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') };
}
