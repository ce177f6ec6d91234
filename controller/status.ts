import type { Controller } from './controller.ts';
import type { ControllerMetrics } from './metrics.ts';
import { shortId } from './core/kinds.ts';

/** What `slicewright controller status` shows. */
export interface ControllerStatus {
  readonly identity: string;
  readonly isLeading: boolean;
  readonly leader: string;
  readonly isStarted: boolean;
  readonly waiting: number;
  readonly clusters: readonly {
    readonly cluster: string;
    readonly from: string;
    readonly access: string;
    readonly silentSeconds: number | null;
    readonly failing: readonly string[];
    /** The replica that writes there; '' if there is none. */
    readonly writer: string;
    /** Why no replica writes there; '' if one does, or soon will. */
    readonly vacancy: string;
  }[];
  readonly held: readonly { readonly source: string; readonly copies: number }[];
  /** `m1: Service shop/cart` */
  readonly withheld: readonly string[];
  readonly problems: readonly { readonly object: string; readonly problem: string }[];
}

export function controllerStatus(
  { loop, election, leadership, hub, members }: Controller,
  identity: string,
  nowMs: number,
): ControllerStatus {
  const report = loop.report();
  const clusters = hub === undefined ? [...members.values()] : [hub, ...members.values()];
  return {
    identity,
    isLeading: election.isLeading(),
    leader: election.holder(),
    isStarted: report.isStarted,
    waiting: report.waiting,
    clusters: clusters.map(({ target, from, cache, heardMs, problems }) => {
      const heard = heardMs();
      return {
        cluster: target,
        from,
        access: cache.isSuspended
          ? 'refused'
          : cache.isComplete || cache.access !== 'live'
            ? cache.access
            : 'incomplete',
        writer: leadership.vacancy(target) === undefined ? leadership.holder(target) : '',
        vacancy: leadership.vacancy(target) ?? '',
        silentSeconds: heard === undefined ? null : Math.round((nowMs - heard) / 1000),
        failing: [
          ...(cache.isSuspended ? [cache.suspension] : []),
          ...[...problems].map(([kind, problem]) => `${kind.replace(/\.$/, '')}: ${problem}`),
        ],
      };
    }),
    held: [...report.held].map(([source, copies]) => ({ source, copies })),
    withheld: [...report.withheld.values()].flatMap((each) =>
      each.map(({ target, object }) => `${target}: ${shortId(object)}`),
    ),
    problems: [...report.problems].map(([object, problem]) => ({ object, problem })),
  };
}

/** Sets the gauges to the present values, before they are read. */
export function setGauges(metrics: ControllerMetrics, status: ControllerStatus): void {
  for (const gauge of [metrics.access, metrics.writing, metrics.silence, metrics.held, metrics.problems]) gauge.reset();
  for (const { cluster, access, silentSeconds, writer } of status.clusters) {
    metrics.access.set({ cluster }, access === 'live' ? 1 : 0);
    metrics.writing.set({ cluster }, writer === status.identity ? 1 : 0);
    if (silentSeconds !== null) metrics.silence.set({ cluster }, silentSeconds);
    const mine = status.problems.filter(({ object }) => object.startsWith(`${cluster} `));
    metrics.problems.set({ cluster }, mine.length);
  }
  for (const { source, copies } of status.held) metrics.held.set({ source_cluster: source }, copies);
  metrics.withheld.set(status.withheld.length);
  metrics.waiting.set(status.waiting);
  metrics.leading.set(status.isLeading ? 1 : 0);
}
