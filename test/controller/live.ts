import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { resources } from '../apiserver/resources.ts';
import { openApi } from '../../agent/sources/api.ts';
import { defaultReflectorTimes } from '../../agent/sources/reflector-options.ts';
import type { Log } from '../../agent/telling/log.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { systemClock } from '../../agent/loop/clock.ts';
import { type ApiAddress, type Controller, createController, type MemberAddress } from '../../controller/controller.ts';
import type { ControllerSettings } from '../../controller/core/world.ts';
import { createControllerMetrics } from '../../controller/metrics.ts';
import { plainSettings } from '../../controller/settle.fixture.ts';

/** API servers on loopback, and controllers that work with them. */
export interface Live {
  readonly doubles: ReadonlyMap<string, ApiDouble>;
  at(name: string): ApiDouble;
  start(options?: LiveOptions): Running;
  close(): Promise<void>;
}

export interface LiveOptions {
  readonly settings?: Partial<ControllerSettings>;
  readonly identity?: string;
  readonly times?: Partial<ControllerTimes>;
  readonly labels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Members that the controller is given; all of them by default. */
  readonly members?: readonly string[];
  /** Stated uids of members. */
  readonly uids?: Readonly<Record<string, string>>;
  /** Whether this controller reaches the API server of this name now; the double cuts connections that are open. */
  readonly reaches?: (name: string) => boolean;
  /** Members that are read from folders. */
  readonly folders?: Readonly<Record<string, string>>;
  readonly startMs?: number;
  readonly holdMs?: number;
}

type ControllerTimes = Parameters<typeof createController>[0]['times'];

export interface Running {
  readonly controller: Controller;
  readonly log: readonly string[];
  stop(): Promise<void>;
  /** Like kill -9: it sends no more requests and releases no Lease. */
  kill(): void;
}

const quick: ControllerTimes = {
  loop: {
    gatherMs: 5,
    gatherMaxMs: 20,
    retry: { firstMs: 20, maxMs: 200 },
    startMs: 5_000,
    holdMs: 300,
    resyncMs: 600_000,
  },
  // A busy machine must not cost the leader its Lease.
  election: { durationMs: 2_000, deadlineMs: 1_500, retryMs: 50 },
  leases: { everyMs: 200, durationSeconds: 40 },
  answerMs: 5_000,
  reflector: { ...defaultReflectorTimes, backoff: { firstMs: 10, maxMs: 100 }, absentMs: 100, answerMs: 5_000 },
};

export async function startLive(
  names: readonly string[],
  groups = ['multicluster.x-k8s.io', 'networking.karmada.io', 'policy.karmada.io'],
): Promise<Live> {
  const doubles = new Map<string, ApiDouble>();
  for (const name of names) {
    const double = await startApiDouble(name);
    for (const group of groups) double.installed.add(group);
    double.apply({ kind: 'Namespace', metadata: { name: 'kube-system' } });
    for (const namespace of ['default', 'slicewright-system'])
      double.apply({ kind: 'Namespace', metadata: { name: namespace } });
    doubles.set(name, double);
  }
  const at = (name: string): ApiDouble => {
    const double = doubles.get(name);
    if (double === undefined) throw new Error(`no double ${name}`);
    return double;
  };
  const running = new Set<Running>();
  return {
    doubles,
    at,
    start(options = {}) {
      const stopping = new AbortController();
      const lines: string[] = [];
      const closers: (() => void)[] = [];
      const address = (name: string): ApiAddress => {
        const { get, write, close } = openApi(configFor(at(name).url));
        closers.push(close);
        const reached = async <T>(ask: () => Promise<T>): Promise<T> => {
          if (options.reaches?.(name) === false) throw new Error('no route to host');
          return ask();
        };
        return {
          from: at(name).url,
          labels: new Map(Object.entries(options.labels?.[name] ?? {})),
          get: (...given) => reached(() => get(...given)),
          write: (...given) => reached(() => write(...given)),
        };
      };
      const members = (options.members ?? names).filter((name) => name !== 'hub') as ClusterName[];
      const controller = createController(
        {
          hub: names.includes('hub') ? address('hub') : undefined,
          members: new Map<ClusterName, MemberAddress>([
            ...members.map((name) => [name, withUid(address(name), options.uids?.[name])] as const),
            ...Object.entries(options.folders ?? {}).map(
              ([name, folder]) => [name as ClusterName, { folder, labels: new Map() }] as const,
            ),
          ]),
          settings: { ...plainSettings, importStyle: names.includes('hub') ? 'karmada' : 'mcs', ...options.settings },
          namespace: 'slicewright-system',
          identity: options.identity ?? 'one',
          concurrency: 8,
          times: {
            ...quick,
            ...options.times,
            loop: {
              ...quick.loop,
              ...(options.startMs === undefined ? {} : { startMs: options.startMs }),
              ...(options.holdMs === undefined ? {} : { holdMs: options.holdMs }),
            },
          },
          clock: systemClock,
          random: () => 0.5,
          log: logInto(lines),
          metrics: createControllerMetrics(),
        },
        stopping.signal,
      );
      const ended = controller.run();
      const one: Running = {
        controller,
        log: lines,
        async stop() {
          stopping.abort();
          await ended;
          for (const close of closers) close();
          running.delete(one);
        },
        kill() {
          for (const close of closers) close();
          stopping.abort();
          running.delete(one);
        },
      };
      running.add(one);
      return one;
    },
    async close() {
      for (const one of running) await one.stop();
      for (const double of doubles.values()) await double.close();
    },
  };
}

function withUid(address: ApiAddress, uid: string | undefined): MemberAddress {
  return uid === undefined ? address : { ...address, uid };
}

/** The configuration that openApi takes from a kubeconfig. */
function configFor(server: string): Parameters<typeof openApi>[0] {
  const config = {
    getCurrentCluster: () => ({ name: 'double', server, skipTLSVerify: false }),
    applyToHTTPSOptions(options: { headers?: object }) {
      options.headers = { Authorization: 'Bearer secret' };
      return Promise.resolve();
    },
  };
  return config as unknown as Parameters<typeof openApi>[0];
}

function logInto(lines: string[]): Log {
  const write = (level: string) => (facts: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(facts)}`);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Requests that changed an object, apart from Leases and Events, which are always written. */
export function writesTo(double: ApiDouble): readonly string[] {
  return double.requests.filter((line) => !line.startsWith('GET ') && !/\/(leases|events)\b/.test(line));
}

interface Slice {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly endpoints: readonly { readonly addresses: readonly string[] }[] | null;
}

/** A copy of a slice: its source cluster and Service (`m1 serve`), and its addresses. */
export interface Copy {
  readonly key: string;
  readonly addresses: readonly string[];
}

/** undefined: the slice is no copy. */
export function copyOf(object: object): Copy | undefined {
  const { metadata, endpoints } = object as Slice;
  const source = metadata.labels?.['multicluster.kubernetes.io/source-cluster'];
  if (source === undefined) return undefined;
  const key = `${source} ${metadata.labels?.['kubernetes.io/service-name']}`;
  return { key, addresses: (endpoints ?? []).flatMap(({ addresses }) => addresses) };
}

/** Addresses of copies in a double, by source and Service: `m1 serve`. */
export function copiesIn(double: ApiDouble): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const object of double.store.list(resourceNamed('EndpointSlice'))) {
    const copy = copyOf(object);
    if (copy !== undefined) found[copy.key] = [...(found[copy.key] ?? []), ...copy.addresses].sort();
  }
  return found;
}

export function objectsIn(double: ApiDouble, kind: string): readonly Record<string, unknown>[] {
  return double.store.list(resourceNamed(kind));
}

function resourceNamed(kind: string) {
  const found = resources.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no kind ${kind}`);
  return found;
}
