import type { Candidate } from '../merge/match.ts';
import type { Reason } from '../merge/record.ts';
import type { Standing } from '../policy/standing.ts';
import type { Weighed } from '../policy/weigh.ts';
import type { ClusterName } from '../values/names.ts';
import { isZero, one } from '../values/rational.ts';
import { type Chosen, isLeaving } from './stages.ts';

/** Shared by all endpoints about which there is nothing to say. */
const none: readonly Reason[] = [];
const notReady: Reason = { rule: 'IPT-5.2', text: 'not ready' };
const leaving: Reason = { rule: 'MR-41', text: 'terminating: gets no new connections while others are ready' };
const laterChoice: Reason = {
  rule: 'MR-40',
  text: "terminating: the local cluster's terminating endpoints come first",
};
const lastResort: Reason = { rule: 'MR-40', text: 'terminating: used because no endpoint is ready' };
const localOnly: Reason = { rule: 'MR-50', text: 'internalTrafficPolicy Local: only for clients of its own node' };
const nobody: Reason = { rule: 'MR-60', text: 'the policy gives no endpoint a share' };

/**
 * Why an endpoint gets its share of new connections; empty where it gets the same as every ready endpoint.
 *
 * chosen            undefined: no endpoint gets anything
 * weighed           its share in the chosen stage; undefined: it is not in that stage
 * usesClusterPool   false: only clients of this node reach the Service port
 */
export function reasonsOf(
  candidate: Candidate,
  chosen: Chosen | undefined,
  weighed: Weighed | undefined,
  usesClusterPool: boolean,
  standings: ReadonlyMap<ClusterName | undefined, Standing>,
): readonly Reason[] {
  const lost = lostReason(candidate, standings.get(candidate.cluster) ?? 'full', chosen);
  if (!candidate.endpoint.ready && !isLeaving(candidate)) return [...lost, notReady];
  if (!candidate.endpoint.ready) {
    if (chosen !== undefined && chosen.name !== 'leaving') return [...lost, leaving];
    return [...lost, weighed === undefined ? laterChoice : lastResort, ...sharesReason(candidate, chosen, weighed)];
  }
  if (!usesClusterPool) return candidate.locality === 'node' ? lost : [...lost, localOnly];
  if (weighed === undefined && lost.length > 0) return lost;
  const ofShare = sharesReason(candidate, chosen, weighed);
  return lost.length === 0 ? ofShare : [...lost, ...ofShare];
}

function lostReason({ cluster }: Candidate, standing: Standing, chosen: Chosen | undefined): readonly Reason[] {
  if (standing === 'full') return none;
  if (standing === 'none') return [{ rule: 'MR-71', text: `cluster ${cluster} is lost: dropped` }];
  if (chosen?.name !== 'lost') {
    return [{ rule: 'MR-71', text: `cluster ${cluster} is lost: used only if nothing else is ready` }];
  }
  const rule = standing === 'panic' ? 'MR-72' : 'MR-71';
  return [{ rule, text: `cluster ${cluster} is lost, but nothing else is ready` }];
}

function sharesReason(
  candidate: Candidate,
  chosen: Chosen | undefined,
  weighed: Weighed | undefined,
): readonly Reason[] {
  if (chosen === undefined) return [nobody];
  if (weighed === undefined) return none;
  const { nearness } = chosen;
  if (nearness === undefined) return weighed.reason === undefined ? none : [weighed.reason];
  const part = nearness.partOf(candidate);
  if (isZero(part)) return [nearness.farReason(candidate)];
  if (weighed.reason !== undefined) return [weighed.reason];
  return nearness.isNear(candidate) || part !== one ? [nearness.nearReason(candidate)] : none;
}
