import { findCluster, type Registry } from '../registry/registry.ts';
import type { ClusterName } from '../values/names.ts';
import {
  add,
  compareRationals,
  divide,
  isZero,
  multiply,
  one,
  type Rational,
  rational,
  subtract,
  sumRationals,
  zero,
} from '../values/rational.ts';
import { unreachable } from '../values/unreachable.ts';
import type { MinHealthy, Policy, Tier, TierSelector } from './policy.ts';

/** An endpoint that may get new connections: ready, or chosen for want of ready ones. */
export interface Candidate {
  /** undefined: the own cluster. */
  readonly cluster: ClusterName | undefined;
  /** From the slice's weight annotation; 1 unless set, 0 drains (MR-60). */
  readonly weight: number;
  /** What topology makes of it: 1 untouched, 0 hinted elsewhere, more for taking over from those (MR-43). */
  readonly topology: Rational;
}

export interface Weighed {
  /** Part of the new connections; all shares add up to 1, or all are 0. */
  readonly share: Rational;
  /** Rule that took it out, or made its share differ from the others'; undefined: an even share. */
  readonly reason: { readonly rule: string; readonly text: string } | undefined;
}

/** How many endpoints a cluster has in any state: what `min-healthy: 50%` is a percentage of. */
export type UsualSizes = ReadonlyMap<ClusterName | undefined, number>;

/**
 * Splits new connections over candidates, exactly (MR-60, multicluster.md 5.9).
 *
 * 1. Raw weights: an endpoint's own × its cluster's share divided by the cluster's candidates (or the
 *    cluster's registered weight, where the policy names no shares) × topology. Drained clusters get 0.
 * 2. Tiers: every tier takes its part of what is left, by min-healthy; inside a tier by raw weight.
 *    What is left after the last tier goes to all in proportion to their shares so far: no cliff.
 *
 * returns  one entry a candidate, in the same order; without policy and topology all are 1/n
 */
export function weigh(
  candidates: readonly Candidate[],
  policy: Policy,
  registry: Registry,
  usual: UsualSizes,
): Weighed[] {
  const raw = rawWeights(candidates, policy, registry);
  const tiers: readonly Tier[] = policy.failover.length === 0 ? [[{ kind: 'any' } as const]] : policy.failover;
  const tierOf = candidates.map(({ cluster }) => tiers.findIndex((tier) => inTier(tier, cluster, registry)));
  const shares: Rational[] = candidates.map(() => zero);
  let left = one;

  tiers.forEach((_, t) => {
    const members = candidates.flatMap((_candidate, i) =>
      tierOf[i] === t && !isZero(raw[i]?.weight ?? zero) ? [i] : [],
    );
    if (members.length === 0 || isZero(left)) return;
    const part = multiply(
      left,
      healthOf(members.length, policy.minHealthy, tierSize(t, tiers, usual, policy, registry)),
    );
    const total = sumRationals(members.map((i) => raw[i]?.weight ?? zero));
    for (const i of members) shares[i] = multiply(part, divide(raw[i]?.weight ?? zero, total));
    left = subtract(left, part);
  });

  const taken = subtract(one, left);
  return candidates.map((_, i) => {
    const share = shares[i] ?? zero;
    return {
      share: isZero(taken) ? zero : divide(share, taken),
      reason: raw[i]?.reason ?? tierReason(tierOf[i] ?? -1, share),
    };
  });
}

function rawWeights(candidates: readonly Candidate[], policy: Policy, registry: Registry) {
  const counts = new Map<ClusterName | undefined, number>();
  for (const { cluster, weight } of candidates) {
    if (weight > 0) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  }
  return candidates.map((candidate): { readonly weight: Rational; readonly reason: Weighed['reason'] } => {
    const { cluster } = candidate;
    const name = cluster ?? 'local';
    if (isDrained(cluster, policy, registry)) return out('MR-60', `cluster ${name} is drained: no new connections`);
    if (candidate.weight === 0) return out('MR-60', 'its slice has weight 0: no new connections');
    if (isZero(candidate.topology)) return out('MR-43', 'hints give this node other local endpoints');
    const own = multiply(rational(candidate.weight), candidate.topology);
    if (policy.clusterWeights === undefined) {
      return { weight: multiply(own, rational(registered(cluster, registry), 100)), reason: undefined };
    }
    const weight = clusterWeight(cluster, policy) ?? 0;
    if (weight === 0) return out('MR-60', `cluster-weights give cluster ${name} nothing`);
    return { weight: divide(multiply(own, rational(weight)), rational(counts.get(cluster) ?? 1)), reason: undefined };
  });
}

/** The share that cluster-weights give a cluster; undefined where the policy names no shares. */
function clusterWeight(cluster: ClusterName | undefined, policy: Policy): number | undefined {
  if (policy.clusterWeights === undefined) return undefined;
  return policy.clusterWeights.get(cluster ?? 'local') ?? policy.clusterWeights.get('*') ?? 0;
}

function out(rule: string, text: string) {
  return { weight: zero, reason: { rule, text } };
}

function registered(cluster: ClusterName | undefined, registry: Registry): number {
  const known = cluster === undefined ? registry.clusters.find(({ self }) => self) : findCluster(registry, cluster);
  return known?.weight ?? 100;
}

function isDrained(cluster: ClusterName | undefined, policy: Policy, registry: Registry): boolean {
  const known = cluster === undefined ? registry.clusters.find(({ self }) => self) : findCluster(registry, cluster);
  const names: readonly string[] = cluster === undefined ? ['local'] : [cluster, ...(known?.aliases ?? [])];
  const listed = policy.drainClusters.some((drained) => names.includes(drained) || drained === known?.id);
  return listed || known?.drain === true || known?.weight === 0;
}

function inTier(tier: Tier, cluster: ClusterName | undefined, registry: Registry): boolean {
  return tier.some((selector) => selects(selector, cluster, registry));
}

function selects(selector: TierSelector, cluster: ClusterName | undefined, registry: Registry): boolean {
  const known = cluster === undefined ? registry.clusters.find(({ self }) => self) : findCluster(registry, cluster);
  switch (selector.kind) {
    case 'any':
      return true;
    case 'local':
      return cluster === undefined;
    case 'remote':
      return cluster !== undefined;
    case 'cluster':
      return (
        selector.cluster === cluster ||
        selector.cluster === known?.id ||
        known?.aliases.includes(selector.cluster) === true
      );
    case 'region':
      return known?.region === selector.region;
    case 'tier':
      return known?.tier === selector.tier;
    default:
      return unreachable(selector);
  }
}

/** Endpoints, in any state, of the tier's clusters that may take traffic. */
function tierSize(t: number, tiers: readonly Tier[], usual: UsualSizes, policy: Policy, registry: Registry): number {
  let size = 0;
  for (const [cluster, count] of usual) {
    const mayTake = !isDrained(cluster, policy, registry) && clusterWeight(cluster, policy) !== 0;
    if (mayTake && tiers.findIndex((tier) => inTier(tier, cluster, registry)) === t) size += count;
  }
  return size;
}

/** Part of what reaches a tier that the tier can take. */
function healthOf(ready: number, minHealthy: MinHealthy | undefined, usualSize: number): Rational {
  if (minHealthy === undefined) return one;
  const wanted =
    minHealthy.kind === 'count' ? rational(minHealthy.count) : rational(usualSize * minHealthy.percent, 100);
  const part = isZero(wanted) ? one : divide(rational(ready), wanted);
  return compareRationals(part, one) > 0 ? one : part;
}

function tierReason(tier: number, share: Rational): Weighed['reason'] {
  if (!isZero(share)) return undefined;
  return tier < 0
    ? { rule: 'failover', text: 'no tier of the failover policy names its cluster' }
    : { rule: 'failover', text: `tier ${tier + 1} gets nothing: earlier tiers are healthy` };
}

/** Integers in the ratio of the shares, without a common divisor; 0 stays 0. */
export function integerWeights(shares: readonly Rational[]): number[] {
  const common = shares.reduce((lcm, { denominator }) => (lcm * denominator) / gcd(lcm, denominator), 1n);
  let scaled = shares.map(({ numerator, denominator }) => (numerator * common) / denominator);
  const divisor = scaled.reduce(gcd, 0n);
  if (divisor > 1n) scaled = scaled.map((weight) => weight / divisor);
  const largest = scaled.reduce((max, weight) => (weight > max ? weight : max), 0n);
  // Beyond this a weight adds nothing that a kernel could keep: probabilities have 31 bits.
  if (largest > maxWeight) {
    scaled = scaled.map((weight) => (weight === 0n ? 0n : maxOf(1n, (weight * maxWeight + largest / 2n) / largest)));
  }
  return scaled.map(Number);
}

const maxWeight = 1n << 40n;

function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

/** Part of all traffic that goes to a cluster. */
export function clusterShare(
  weighed: readonly Weighed[],
  candidates: readonly Candidate[],
  cluster: ClusterName | undefined,
): Rational {
  return candidates.reduce((sum, candidate, i) => {
    return candidate.cluster === cluster ? add(sum, weighed[i]?.share ?? zero) : sum;
  }, zero);
}
