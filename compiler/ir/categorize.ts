import type { MergeFacts } from '../merge/facts.ts';
import type { Candidate } from '../merge/match.ts';
import type { Reason } from '../merge/record.ts';
import type { Service } from '../model/service.ts';
import { defaultPolicy, type Policy } from '../policy/policy.ts';
import { type Standing, standingOf } from '../policy/standing.ts';
import { integerWeights } from '../policy/weigh.ts';
import type { ClusterName } from '../values/names.ts';
import { isZero, type Rational, zero } from '../values/rational.ts';
import { reasonsOf } from './reasons.ts';
import { chooseStage, isLeaving, splitAmong, stagesOf } from './stages.ts';

/** The part of each endpoint of a Service port in new connections: one entry a candidate, in their order. */
export interface Categories {
  /** Weights of the cluster pool, integers without a common divisor; 0: not in it. */
  readonly cluster: readonly number[];
  /** Exact parts of the cluster pool's connections. */
  readonly shares: readonly Rational[];
  /** Weights of the local pool; 0: not in it. */
  readonly local: readonly number[];
  readonly reasons: readonly (readonly Reason[])[];
  /** Some endpoint anywhere may answer. If there is none, clients are rejected; else packets are at most dropped. */
  readonly hasEndpoints: boolean;
  /** Some endpoint is in the local pool. */
  readonly hasLocalEndpoints: boolean;
  /** Only lost clusters' endpoints are ready, so they are used (MR-72). */
  readonly isPanicking: boolean;
}

/** Which pools the Service port's policies and frontends call for. */
export interface PoolsInUse {
  readonly cluster: boolean;
  readonly local: boolean;
}

/**
 * Chooses endpoints for new connections (IPT-5.1, MR-40 to MR-44, MR-60, MR-71).
 *
 * Ready endpoints come first, split by policy and topology. If that gives no endpoint a share, lost clusters' endpoints
 * follow; then local endpoints that still serve while they terminate; then other clusters' terminating endpoints, whose
 * state is known with more delay. Cluster pool and local pool fall back separately. In compat mode all clusters are
 * one, and policies do not count.
 *
 * candidates  without duplicates
 * policy      names each cluster by its id and the local one `local`
 */
export function categorize(
  candidates: readonly Candidate[],
  uses: PoolsInUse,
  service: Service,
  policy: Policy,
  facts: MergeFacts,
): Categories {
  const standings = standingsOf(candidates, policy, facts);
  const chosen = chooseStage(stagesOf(candidates, standings, service, policy, facts), candidates, policy, facts);
  const weighed = inPlaceOf(candidates, chosen?.candidates ?? [], chosen?.weighed ?? []);
  const shares = weighed.map((one) => one?.share ?? zero);
  const hasShares = shares.some((share) => !isZero(share));
  const local = uses.local ? localPool(candidates, policy, facts) : none(candidates);
  // If a policy gives no endpoint a share, clients are rejected, even where the policy does not concern some endpoints.
  const hasEndpoints = hasShares || (!uses.cluster && local.some(isInPool));
  return {
    cluster: uses.cluster ? integerWeights(shares) : none(candidates),
    shares: uses.cluster ? shares : candidates.map(() => zero),
    local: hasEndpoints ? local : none(candidates),
    reasons: candidates.map((candidate, i) => reasonsOf(candidate, chosen, weighed[i], uses.cluster, standings)),
    hasEndpoints,
    hasLocalEndpoints: hasEndpoints && local.some(isInPool),
    isPanicking: chosen?.name === 'lost',
  };
}

export function isInPool(weight: number): boolean {
  return weight > 0;
}

function none(candidates: readonly Candidate[]): number[] {
  return candidates.map(() => 0);
}

function standingsOf(
  candidates: readonly Candidate[],
  policy: Policy,
  { registry }: MergeFacts,
): Map<ClusterName | undefined, Standing> {
  const standings = new Map<ClusterName | undefined, Standing>();
  for (const { cluster } of candidates) {
    if (!standings.has(cluster)) standings.set(cluster, standingOf(cluster, policy, registry));
  }
  return standings;
}

/**
 * The values of some of the candidates at the places that these have among all; undefined elsewhere.
 *
 * some    in the order of `candidates`
 * values  one for each of `some`
 */
function inPlaceOf<T>(
  candidates: readonly Candidate[],
  some: readonly Candidate[],
  values: readonly T[],
): (T | undefined)[] {
  let next = 0;
  return candidates.map((candidate) => (candidate === some[next] ? values[next++] : undefined));
}

/** Preferences among clusters mean nothing on one node; a drained cluster is drained on every node. */
function localPool(candidates: readonly Candidate[], policy: Policy, facts: MergeFacts): number[] {
  const onNode = candidates.filter(({ locality }) => locality === 'node');
  const drains: Policy = { ...defaultPolicy, drainClusters: policy.drainClusters };
  for (const list of [onNode.filter(({ endpoint }) => endpoint.ready), onNode.filter(isLeaving)]) {
    const weighed = splitAmong({ name: 'ready', candidates: list, nearness: undefined }, drains, new Map(), facts);
    const weights = integerWeights(weighed.map(({ share }) => share));
    if (weights.some(isInPool)) return inPlaceOf(candidates, list, weights).map((weight) => weight ?? 0);
  }
  return none(candidates);
}
