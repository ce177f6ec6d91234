import type { Pool, Volume } from '../../backends/traffic.ts';
import { compareText } from '../../compiler/values/names.ts';
import { type Rational, sumRationals } from '../../compiler/values/rational.ts';
import { addVolumes, type EndpointCounts, nothingCounted, type PortCounts } from './count.ts';
import { isBeyondChance } from './chance.ts';

/** Traffic since the kernel began to count, and since the previous reading. */
export interface Measures {
  readonly connections: number;
  /** undefined: only connections are counted. */
  readonly volume: Volume | undefined;
  /** undefined: there was no previous reading. */
  readonly perSecond: { readonly connections: number; readonly volume: Volume | undefined } | undefined;
}

/** A share of a Service port's new connections. */
export interface Share {
  /** The measured share of all connections, 0 to 1; undefined: there was no connection. */
  readonly measured: number | undefined;
  /** The requested shares, one for each pool in use; empty: they are unknown. */
  readonly asked: readonly Rational[];
  /** By pool, if more than one is in use and counters distinguish them; else empty. */
  readonly byPool: readonly PoolShare[];
  /** More or fewer connections came than chance explains: in all, or in one pool. */
  readonly deviates: boolean;
}

export interface PoolShare {
  readonly pool: Pool;
  /** 0 to 1; undefined: there was no connection. */
  readonly measured: number | undefined;
  readonly asked: Rational;
  readonly deviates: boolean;
}

export interface ServiceRow extends Measures {
  readonly id: string;
  /** `shop/cart:http` */
  readonly name: string;
  /** A counter went back, as when its rule is written again: the comparison begins at this reading. */
  readonly countedAnew: boolean;
  readonly clusters: readonly ClusterRow[];
}

export interface ClusterRow extends Measures {
  /** `local` is the local cluster; undefined: unknown. */
  readonly cluster: string | undefined;
  readonly share: Share;
  readonly endpoints: readonly EndpointRow[];
}

export interface EndpointRow extends Measures {
  /** `10.1.0.5:8080` */
  readonly endpoint: string;
  readonly share: Share;
}

export interface TrafficBook {
  /** atMs   of a monotonic clock */
  add(ports: ReadonlyMap<string, PortCounts>, atMs: number): readonly ServiceRow[];
}

/**
 * Computes rates and shares from successive readings.
 *
 * Shares are judged over all connections since a Service port got its present endpoints and shares: a kernel's totals
 * are older than its newest endpoint.
 */
export function createTrafficBook(): TrafficBook {
  let before: { readonly ports: ReadonlyMap<string, PortCounts>; readonly atMs: number } | undefined;
  const starts = new Map<string, PortCounts>();
  return {
    add(ports, atMs) {
      const seconds = before && (atMs - before.atMs) / 1000;
      const rows = [...ports.values()]
        .sort((a, b) => compareText(a.id, b.id))
        .map((port) => {
          const last = before?.ports.get(port.id);
          const wentBack = last !== undefined && hasGoneBack(last, port);
          const goesOn =
            last !== undefined && !wentBack && !havePoolsGoneBack(last, port) && shapeOf(last) === shapeOf(port);
          const start = goesOn ? (starts.get(port.id) ?? port) : port;
          starts.set(port.id, start);
          return serviceRow(port, before === undefined ? undefined : { last, seconds: seconds ?? 0, start }, wentBack);
        });
      for (const id of starts.keys()) if (!ports.has(id)) starts.delete(id);
      before = { ports, atMs };
      return rows;
    },
  };
}

function hasGoneBack(last: PortCounts, now: PortCounts): boolean {
  return [...now.endpoints].some(
    ([endpoint, { connections }]) => connections < (last.endpoints.get(endpoint)?.connections ?? 0),
  );
}

/** Counters of choices start again when the rules that choose are written again. */
function havePoolsGoneBack(last: PortCounts, now: PortCounts): boolean {
  return [...now.endpoints].some(([endpoint, { byPool }]) => {
    const before = last.endpoints.get(endpoint)?.byPool;
    if (before === undefined || byPool === undefined) return before !== byPool;
    return byPool.cluster < before.cluster || byPool.local < before.local;
  });
}

function shapeOf({ endpoints, asked }: PortCounts): string {
  const shares = asked?.endpoints.map((one) => [
    one.endpoint,
    one.shares.map(({ numerator, denominator }) => `${numerator}/${denominator}`),
  ]);
  return JSON.stringify([[...endpoints.keys()].sort(), shares]);
}

interface Before {
  /** undefined: the Service port did not exist. */
  readonly last: PortCounts | undefined;
  readonly seconds: number;
  readonly start: PortCounts;
}

function serviceRow(port: PortCounts, before: Before | undefined, countedAnew: boolean): ServiceRow {
  const counted = [...port.endpoints]
    .sort(([a], [b]) => compareText(a, b))
    .map(([endpoint, counts]) => ({
      endpoint,
      cluster: port.asked?.endpoints.find((one) => one.endpoint === endpoint)?.cluster,
      asked: askedShares(port, endpoint),
      measures: measuresOf(counts, before && (before.last?.endpoints.get(endpoint) ?? nothingCounted), before?.seconds),
      observed: counts.connections - (before?.start.endpoints.get(endpoint)?.connections ?? 0),
      inPool: (pool: Pool) =>
        counts.byPool && counts.byPool[pool] - (before?.start.endpoints.get(endpoint)?.byPool?.[pool] ?? 0),
    }));
  const all = counted.reduce((sum, { observed }) => sum + observed, 0);
  const isJudged = before !== undefined && followsChance(port);
  const shareOf = (parts: typeof counted): Share => {
    const observed = parts.reduce((sum, one) => sum + one.observed, 0);
    const pools = parts[0]?.asked.length ?? 0;
    const asked = Array.from({ length: pools }, (_, pool) =>
      sumRationals(parts.flatMap((one) => one.asked[pool] ?? [])),
    );
    const [only] = asked;
    const isOff = isJudged && only !== undefined && asked.length === 1 && isBeyondChance(observed, all, only);
    const byPool = poolShares(parts, asked);
    return {
      measured: all === 0 ? undefined : observed / all,
      asked,
      byPool,
      deviates: isOff || byPool.some(({ deviates }) => deviates),
    };
  };
  const poolShares = (parts: typeof counted, asked: readonly Rational[]): PoolShare[] => {
    const pools = port.asked?.pools ?? [];
    if (pools.length < 2 || counted.some(({ inPool }) => inPool('cluster') === undefined)) return [];
    return pools.map((pool, at) => {
      const among = (these: typeof counted) => these.reduce((sum, { inPool }) => sum + (inPool(pool) ?? 0), 0);
      const [own, whole] = [among(parts), among(counted)];
      const share = asked[at] ?? sumRationals([]);
      return {
        pool,
        measured: whole === 0 ? undefined : own / whole,
        asked: share,
        deviates: isJudged && isBeyondChance(own, whole, share),
      };
    });
  };
  const clusters = [...Map.groupBy(counted, ({ cluster }) => cluster)]
    .sort(ownFirst)
    .map(([cluster, parts]): ClusterRow => {
      const endpoints = parts.map((one): EndpointRow => {
        return { endpoint: one.endpoint, share: shareOf([one]), ...one.measures };
      });
      return { cluster, share: shareOf(parts), endpoints, ...sumMeasures(endpoints) };
    });
  return { id: port.id, name: port.name, countedAnew, clusters, ...sumMeasures(clusters) };
}

/** The local cluster first, then by name; an unknown cluster comes last. */
function ownFirst([a]: readonly [string | undefined, unknown], [b]: readonly [string | undefined, unknown]): number {
  const rank = (cluster: string | undefined): number => (cluster === 'local' ? 0 : cluster === undefined ? 2 : 1);
  return rank(a) - rank(b) || compareText(a ?? '', b ?? '');
}

/** An endpoint that the objects do not ask for has no share in any pool. */
function askedShares({ asked }: PortCounts, endpoint: string): readonly Rational[] {
  if (asked === undefined) return [];
  const found = asked.endpoints.find((one) => one.endpoint === endpoint)?.shares;
  return found ?? (asked.endpoints[0]?.shares ?? []).map(() => sumRationals([]));
}

function followsChance({ asked, endpoints }: PortCounts): boolean {
  return asked?.affinity === false && [...endpoints.values()].every(({ followsShares }) => followsShares);
}

/** before   undefined: there was no previous reading */
function measuresOf(now: EndpointCounts, before: EndpointCounts | undefined, seconds: number | undefined): Measures {
  const { connections, volume } = now;
  if (before === undefined || seconds === undefined || seconds <= 0)
    return { connections, volume, perSecond: undefined };
  const rate = (count: number, last: number | undefined): number => grown(count, last ?? 0) / seconds;
  return {
    connections,
    volume,
    perSecond: {
      connections: rate(connections, before.connections),
      volume: volume && {
        packets: rate(volume.packets, before.volume?.packets),
        bytes: rate(volume.bytes, before.volume?.bytes),
      },
    },
  };
}

/** A counter that went back has started again, so only its present value is known to be new. */
function grown(count: number, last: number): number {
  return count >= last ? count - last : count;
}

function sumMeasures(parts: readonly Measures[]): Measures {
  const rates = parts.flatMap(({ perSecond }) => perSecond ?? []);
  const volumeOf = (volumes: readonly (Volume | undefined)[]) =>
    volumes.reduce<Volume | undefined>((sum, one) => addVolumes(sum, one), undefined);
  return {
    connections: parts.reduce((sum, { connections }) => sum + connections, 0),
    volume: volumeOf(parts.map(({ volume }) => volume)),
    perSecond:
      rates.length === 0
        ? undefined
        : {
            connections: rates.reduce((sum, { connections }) => sum + connections, 0),
            volume: volumeOf(rates.map(({ volume }) => volume)),
          },
  };
}
