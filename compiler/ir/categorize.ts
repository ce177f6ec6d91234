import type { MergeFacts } from '../merge/facts.ts';
import type { Candidate } from '../merge/match.ts';
import type { Reason } from '../merge/record.ts';
import type { Service } from '../model/service.ts';
import { defaultPolicy, type Policy } from '../policy/policy.ts';
import { standingOf } from '../policy/standing.ts';
import { integerWeights } from '../policy/weigh.ts';
import { isZero, type Rational } from '../values/rational.ts';
import { reasonsOf } from './reasons.ts';
import { chooseStage, isLeaving, splitAmong, stagesOf } from './stages.ts';

/** Endpoints of a Service port, sorted by their part in new connections. */
export interface Categories {
  /** Weights of the cluster pool, integers without a common divisor; empty where it is not used. */
  readonly cluster: ReadonlyMap<Candidate, number>;
  /** Exact parts of the cluster pool's connections. */
  readonly shares: ReadonlyMap<Candidate, Rational>;
  /** Weights of the local pool. */
  readonly local: ReadonlyMap<Candidate, number>;
  /** Some endpoint anywhere may answer. If there is none, clients are rejected; else packets are at most dropped. */
  readonly hasEndpoints: boolean;
  /** Only lost clusters' endpoints are ready, so they are used (MR-72). */
  readonly isPanicking: boolean;
  readonly reasons: ReadonlyMap<Candidate, readonly Reason[]>;
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
  const standings = new Map(candidates.map(({ cluster }) => [cluster, standingOf(cluster, policy, facts.registry)]));
  const stages = stagesOf(candidates, standings, service, policy, facts);
  const chosen = chooseStage(stages, candidates, policy, facts);
  const given = chosen === undefined ? [] : [...chosen.weighed].filter(([, { share }]) => !isZero(share));
  const local = uses.local ? localPool(candidates, policy, facts) : new Map<Candidate, number>();
  // If a policy gives no endpoint a share, clients are rejected, even where the policy does not concern some endpoints.
  const hasEndpoints = given.length > 0 || (!uses.cluster && local.size > 0);
  const shares = new Map(uses.cluster ? given.map(([candidate, { share }]) => [candidate, share]) : []);
  return {
    cluster: weightsOf(shares),
    shares,
    local: hasEndpoints ? local : new Map<Candidate, number>(),
    hasEndpoints,
    isPanicking: chosen?.name === 'lost',
    reasons: new Map(candidates.map((candidate) => [candidate, reasonsOf(candidate, chosen, uses.cluster, standings)])),
  };
}

/** Preferences among clusters mean nothing on one node; a drained cluster is drained on every node. */
function localPool(candidates: readonly Candidate[], policy: Policy, facts: MergeFacts): Map<Candidate, number> {
  const onNode = candidates.filter(({ locality }) => locality === 'node');
  const drains: Policy = { ...defaultPolicy, drainClusters: policy.drainClusters };
  for (const list of [onNode.filter(({ endpoint }) => endpoint.ready), onNode.filter(isLeaving)]) {
    const weighed = splitAmong({ name: 'ready', candidates: list, nearness: undefined }, drains, new Map(), facts);
    const given = list.flatMap((candidate, i): [Candidate, Rational][] => {
      const share = weighed[i]?.share;
      return share === undefined || isZero(share) ? [] : [[candidate, share]];
    });
    if (given.length > 0) return weightsOf(new Map(given));
  }
  return new Map();
}

function weightsOf(shares: ReadonlyMap<Candidate, Rational>): Map<Candidate, number> {
  const weights = integerWeights([...shares.values()]);
  return new Map([...shares.keys()].map((candidate, i) => [candidate, weights[i] ?? 1]));
}
