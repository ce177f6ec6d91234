import { findCluster, ownCluster, type RegisteredCluster, type Registry } from '../registry/registry.ts';
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
import { isEven, type MinHealthy, type Policy, type Tier, type TierSelector } from './policy.ts';

/** An endpoint that may get new connections: ready, or chosen because none is ready. */
export interface Candidate {
  /** undefined: the local cluster. */
  readonly cluster: ClusterName | undefined;
  /** From the slice's weight annotation; 1 unless set, 0 drains (MR-60). */
  readonly weight: number;
  /** The factor from topology: 1 unchanged, 0 hinted elsewhere, more for taking over from such endpoints (MR-43). */
  readonly topology: Rational;
}

export interface Weighed {
  /** Part of the new connections; all shares add up to 1, or all are 0. */
  readonly share: Rational;
  /**
   * The rule that excluded it, or gave it its share; undefined: an ordinary share, or none for a reason outside the
   * policy.
   */
  readonly reason: { readonly rule: string; readonly text: string } | undefined;
}

/** How many endpoints a cluster has in any state: what `min-healthy: 50%` is a percentage of. */
export type UsualSizes = ReadonlyMap<ClusterName | undefined, number>;

/**
 * Splits new connections over candidates, exactly (MR-60, docs/policies.md).
 *
 * 1. Raw weights: an endpoint's own × its cluster's share divided by the cluster's candidates (or the
 *    cluster's registered weight, where the policy names no shares) × topology. Drained clusters get 0.
 * 2. Tiers: every tier takes its part of the rest, by min-healthy; inside a tier by raw weight.
 *    What is left after the last tier goes to all in proportion to their shares so far: no cliff.
 *
 * policy   names each cluster by its id and the local one `local`
 * returns  one entry a candidate, in the same order; without policy and topology all are 1/n
 */
export function weigh(
  candidates: readonly Candidate[],
  policy: Policy,
  registry: Registry,
  usual: UsualSizes,
): Weighed[] {
  const viewOf = viewer(policy, registry);
  if (isEven(policy) && candidates.every((candidate) => isPlain(candidate, viewOf(candidate.cluster)))) {
    const share = evenShare(candidates.length);
    return candidates.map(() => ({ share, reason: undefined }));
  }
  const raw = rawWeights(candidates, viewOf);
  const shares: Rational[] = candidates.map(() => zero);
  let left = one;

  for (let tier = 0; tier < tiersOf(policy).length; tier++) {
    const members = candidates.flatMap(({ cluster }, i) => (viewOf(cluster).tier === tier ? [i] : []));
    const total = sumRationals(members.map((i) => raw[i]?.weight ?? zero));
    if (isZero(total) || isZero(left)) continue;
    // An endpoint that is well but hinted elsewhere counts as healthy for its tier.
    const healthy = members.filter((i) => raw[i]?.isWell).length;
    const part = multiply(left, healthOf(healthy, policy.minHealthy, tierSize(tier, usual, viewOf)));
    for (const i of members) shares[i] = multiply(part, divide(raw[i]?.weight ?? zero, total));
    left = subtract(left, part);
  }

  const taken = subtract(one, left);
  return candidates.map(({ cluster }, i) => {
    const share = shares[i] ?? zero;
    return {
      share: isZero(taken) ? zero : divide(share, taken),
      reason: raw[i]?.reason ?? (isZero(share) ? unusedReason(viewOf(cluster)) : usedReason(viewOf(cluster), policy)),
    };
  });
}

/** Most Services share their connections evenly, among a few endpoints: their shares are the same values. */
const evenShares: Rational[] = [zero, one];
const rememberedShares = 1_000;

function evenShare(count: number): Rational {
  const share = evenShares[count] ?? rational(1, count);
  if (count < rememberedShares) evenShares[count] = share;
  return share;
}

/** The settings of policy and registry for one cluster. */
interface ClusterView {
  /** `local`, or its id: the name that people use. */
  readonly name: string;
  readonly isDrained: boolean;
  /** The first tier that selects it; -1: none does. */
  readonly tier: number;
  /** In percent of an ordinary cluster's weight. */
  readonly weight: number;
  /** Its share from cluster-weights; undefined where the policy names no shares. */
  readonly share: number | undefined;
}

type ViewOf = (cluster: ClusterName | undefined) => ClusterView;

function viewer(policy: Policy, registry: Registry): ViewOf {
  const views = new Map<ClusterName | undefined, ClusterView>();
  return (cluster) => {
    const remembered = views.get(cluster);
    if (remembered !== undefined) return remembered;
    const known = cluster === undefined ? ownCluster(registry) : findCluster(registry, cluster);
    const name = cluster ?? 'local';
    const weight = known?.weight ?? 100;
    const view: ClusterView = {
      name,
      isDrained:
        policy.drainClusters.some((drained) => isNamed(drained, cluster, known)) ||
        known?.drain === true ||
        weight === 0,
      tier: tiersOf(policy).findIndex((tier) => tier.some((selector) => selects(selector, cluster, known))),
      weight,
      share: policy.clusterWeights && (policy.clusterWeights.get(name) ?? policy.clusterWeights.get('*') ?? 0),
    };
    views.set(cluster, view);
    return view;
  };
}

const everyone: readonly Tier[] = [[{ kind: 'any' }]];

function tiersOf({ failover }: Policy): readonly Tier[] {
  return failover.length === 0 ? everyone : failover;
}

function isNamed(
  name: ClusterName | 'local',
  cluster: ClusterName | undefined,
  known: RegisteredCluster | undefined,
): boolean {
  if (cluster === undefined) return name === 'local';
  return name === cluster || name === known?.id || known?.aliases.some((alias) => alias === name) === true;
}

function selects(
  selector: TierSelector,
  cluster: ClusterName | undefined,
  known: RegisteredCluster | undefined,
): boolean {
  switch (selector.kind) {
    case 'any':
      return true;
    case 'local':
      return cluster === undefined;
    case 'remote':
      return cluster !== undefined;
    case 'cluster':
      return cluster !== undefined && isNamed(selector.cluster, cluster, known);
    case 'region':
      return known?.region === selector.region;
    case 'tier':
      return known?.tier === selector.tier;
    default:
      return unreachable(selector);
  }
}

function isPlain({ weight, topology }: Candidate, view: ClusterView): boolean {
  return weight === 1 && topology === one && view.weight === 100 && !view.isDrained;
}

interface RawWeight {
  readonly weight: Rational;
  /** It would take connections if topology did not exclude it. */
  readonly isWell: boolean;
  readonly reason: Weighed['reason'];
}

function rawWeights(candidates: readonly Candidate[], viewOf: ViewOf): RawWeight[] {
  const counts = new Map<ClusterName | undefined, number>();
  for (const { cluster, weight } of candidates) {
    if (weight > 0) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  }
  return candidates.map(({ cluster, weight, topology }) => {
    const { name, isDrained, share, weight: registered } = viewOf(cluster);
    if (isDrained) return out('MR-60', `cluster ${name} is drained: no new connections`);
    if (weight === 0) return out('MR-60', 'its slice has weight 0: no new connections');
    if (share === 0) return out('MR-60', `cluster-weights give cluster ${name} no share`);
    if (isZero(topology)) return { ...out('MR-43', 'topology selects other endpoints for this node'), isWell: true };
    const own = multiply(rational(weight), topology);
    const part = share === undefined ? rational(registered, 100) : rational(share, counts.get(cluster) ?? 1);
    return { weight: multiply(own, part), isWell: true, reason: undefined };
  });
}

function out(rule: string, text: string): RawWeight {
  return { weight: zero, isWell: false, reason: { rule, text } };
}

/** Endpoints, in any state, of the tier's clusters that may take traffic. */
function tierSize(tier: number, usual: UsualSizes, viewOf: ViewOf): number {
  let size = 0;
  for (const [cluster, count] of usual) {
    const view = viewOf(cluster);
    if (view.tier === tier && !view.isDrained && view.share !== 0) size += count;
  }
  return size;
}

/** The part of the connections arriving at a tier that the tier can take. */
function healthOf(ready: number, minHealthy: MinHealthy | undefined, usualSize: number): Rational {
  if (minHealthy === undefined) return one;
  const wanted =
    minHealthy.kind === 'count' ? rational(minHealthy.count) : rational(usualSize * minHealthy.percent, 100);
  const part = isZero(wanted) ? one : divide(rational(ready), wanted);
  return compareRationals(part, one) > 0 ? one : part;
}

function usedReason({ name, tier, share }: ClusterView, { failover }: Policy): Weighed['reason'] {
  const inTier = failover.length === 0 ? [] : [`tier ${tier + 1}`];
  const ofWeights = share === undefined ? [] : [`cluster-weights give cluster ${name} ${share}`];
  const text = [...inTier, ...ofWeights].join(', ');
  return text === '' ? undefined : { rule: failover.length === 0 ? 'MR-60' : 'failover', text };
}

function unusedReason({ tier }: ClusterView): Weighed['reason'] {
  return tier < 0
    ? { rule: 'failover', text: 'the failover policy has no tier for its cluster' }
    : { rule: 'failover', text: `tier ${tier + 1} gets nothing: earlier tiers are healthy` };
}

/** Integers in the ratio of the shares, without a common divisor; 0 stays 0. */
export function integerWeights(shares: readonly Rational[]): number[] {
  const [first = zero] = shares;
  if (shares.every((share) => share === first)) return shares.map(() => (isZero(first) ? 0 : 1));
  const share = shares.find((one) => !isZero(one));
  if (shares.every((one) => one === share || isZero(one))) return shares.map((one) => (one === share ? 1 : 0));
  const common = shares.reduce((lcm, { denominator }) => (lcm * denominator) / gcd(lcm, denominator), 1n);
  let scaled = shares.map(({ numerator, denominator }) => (numerator * common) / denominator);
  const divisor = scaled.reduce(gcd, 0n);
  if (divisor > 1n) scaled = scaled.map((weight) => weight / divisor);
  const largest = scaled.reduce((max, weight) => (weight > max ? weight : max), 0n);
  // A larger weight adds nothing that a kernel could keep: probabilities have 31 bits.
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

/** The part of all connections that goes to a cluster. */
export function clusterShare(
  weighed: readonly Weighed[],
  candidates: readonly Candidate[],
  cluster: ClusterName | undefined,
): Rational {
  return candidates.reduce((sum, candidate, i) => {
    return candidate.cluster === cluster ? add(sum, weighed[i]?.share ?? zero) : sum;
  }, zero);
}
