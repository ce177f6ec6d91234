import type { MergeFacts } from '../merge/facts.ts';
import type { Candidate } from '../merge/match.ts';
import type { Service } from '../model/service.ts';
import type { Policy } from '../policy/policy.ts';
import type { Standing } from '../policy/standing.ts';
import { type UsualSizes, type Weighed, weigh } from '../policy/weigh.ts';
import type { ClusterName } from '../values/names.ts';
import { isZero, one, zero } from '../values/rational.ts';
import { mayKnowNearness, nearness, type Nearness } from './topology.ts';

/**
 * One set of conditions for the endpoints of new connections: the first stage, in order, that gives any endpoint a
 * share is used (MR-40).
 */
export interface Stage {
  readonly name: 'ready' | 'lost' | 'leaving';
  readonly candidates: readonly Candidate[];
  readonly nearness: Nearness | undefined;
}

/** A stage with the shares that it gives. */
export interface Chosen extends Stage {
  /** One entry for each of the stage's candidates, in their order. */
  readonly weighed: readonly Weighed[];
}

/** In order of preference; {@link Stage} explains their meaning. Most Services need only the first. */
export function* stagesOf(
  candidates: readonly Candidate[],
  standings: ReadonlyMap<ClusterName | undefined, Standing>,
  service: Service,
  policy: Policy,
  facts: MergeFacts,
): Generator<Stage, void> {
  const standingIn = ({ cluster }: Candidate): Standing => standings.get(cluster) ?? 'full';
  const ready = candidates.filter((candidate) => candidate.endpoint.ready && standingIn(candidate) === 'full');
  if (mayKnowNearness(ready, service)) {
    const near = nearness(withShare(plain('ready', ready), policy, facts), service, policy, facts);
    if (near !== undefined) yield { name: 'ready', candidates: ready, nearness: near };
  }
  yield plain('ready', ready);
  const isLost = (candidate: Candidate): boolean => ['second-best', 'panic'].includes(standingIn(candidate));
  yield plain(
    'lost',
    candidates.filter((candidate) => candidate.endpoint.ready && isLost(candidate)),
  );
  const leaving = candidates.filter((candidate) => isLeaving(candidate) && standingIn(candidate) !== 'none');
  if (!facts.compat) yield plain('leaving', leaving.filter(isOurs));
  yield plain('leaving', leaving);
}

function plain(name: Stage['name'], candidates: readonly Candidate[]): Stage {
  return { name, candidates, nearness: undefined };
}

function isOurs({ cluster }: Candidate): boolean {
  return cluster === undefined;
}

/** Endpoints without a share must not decide what is near: a drained cluster changes nothing for others. */
function withShare(stage: Stage, policy: Policy, facts: MergeFacts): Candidate[] {
  const weighed = splitAmong(stage, policy, new Map(), facts);
  return stage.candidates.filter((_, i) => !isZero(weighed[i]?.share ?? zero));
}

/** Not ready, but used when no endpoint is ready. */
export function isLeaving({ endpoint }: Candidate): boolean {
  return !endpoint.ready && endpoint.serving && endpoint.terminating;
}

/** The first stage that gives any endpoint a share; undefined if none does. */
export function chooseStage(
  stages: Iterable<Stage>,
  candidates: readonly Candidate[],
  policy: Policy,
  facts: MergeFacts,
): Chosen | undefined {
  const usual = policy.minHealthy === undefined ? noSizes : usualSizes(candidates);
  for (const stage of stages) {
    const weighed = splitAmong(stage, policy, usual, facts);
    if (weighed.some(({ share }) => !isZero(share))) return { ...stage, weighed };
  }
  return undefined;
}

/** Only a tier's health is measured against its usual size. */
const noSizes: UsualSizes = new Map();

function usualSizes(candidates: readonly Candidate[]): UsualSizes {
  const usual = new Map<ClusterName | undefined, number>();
  for (const { cluster, from } of candidates) {
    if (from.weight > 0) usual.set(cluster, (usual.get(cluster) ?? 0) + 1);
  }
  return usual;
}

/** The share of each of a stage's endpoints, in their order. */
export function splitAmong(
  { candidates, nearness: near }: Stage,
  policy: Policy,
  usual: UsualSizes,
  facts: MergeFacts,
): Weighed[] {
  const parts = candidates.map((candidate) => ({
    cluster: candidate.cluster,
    weight: facts.compat ? 1 : candidate.from.weight,
    topology: near === undefined ? one : near.partOf(candidate),
  }));
  return weigh(parts, policy, facts.registry, usual);
}
