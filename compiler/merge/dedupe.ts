import { findCluster, isWithin } from '../registry/registry.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import { formatObjectRef } from '../values/object-ref.ts';
import { type MergeFacts, rangesOf } from './facts.ts';
import type { Candidate } from './match.ts';
import type { Reason } from './record.ts';

export interface Deduped {
  /** One per `ip:port`, in byte-wise order of that text, which is kube-proxy's. */
  readonly kept: readonly Candidate[];
  /** The dropped candidates, each with its reason. */
  readonly dropped: ReadonlyMap<Candidate, Reason>;
  /** Pairs in which two clusters claim the same endpoint: their pod ranges probably overlap. */
  readonly contested: readonly { readonly winner: Candidate; readonly loser: Candidate }[];
}

/**
 * One endpoint for each `ip:port` (MR-33, MR-34). Refused candidates are dropped for their own reason and do not
 * displace others.
 *
 * candidates  in order of slice names; of equals the first is kept
 */
export function dedupe(candidates: readonly Candidate[], facts: MergeFacts): Deduped {
  const sorted = sortByText(candidates);
  return isPlain(sorted) ? { kept: sorted, dropped: noneDropped, contested: noneContested } : choose(candidates, facts);
}

const noneDropped: Deduped['dropped'] = new Map();
const noneContested: Deduped['contested'] = [];

/** Most slices have their endpoints in order, and most Services one slice. */
function sortByText(candidates: readonly Candidate[]): readonly Candidate[] {
  const isSorted = candidates.every(({ text }, i) => i === 0 || compareText(candidates[i - 1]?.text ?? '', text) <= 0);
  return isSorted ? candidates : [...candidates].sort((a, b) => compareText(a.text, b.text));
}

/** Whether nothing is refused and nothing is there twice, as with nearly all Services. */
function isPlain(sorted: readonly Candidate[]): boolean {
  return sorted.every(({ concern, text }, i) => concern?.refuses !== true && (i === 0 || sorted[i - 1]?.text !== text));
}

/** The same where candidates are refused or stand for one endpoint. */
function choose(candidates: readonly Candidate[], facts: MergeFacts): Deduped {
  const winners = new Map<string, Candidate>();
  const dropped = new Map<Candidate, Reason>();
  const contested: { winner: Candidate; loser: Candidate }[] = [];
  const losers: Candidate[] = [];
  const refused: Candidate[] = [];
  for (const candidate of candidates) {
    if (candidate.concern?.refuses === true) {
      dropped.set(candidate, candidate.concern.reason);
      refused.push(candidate);
      continue;
    }
    const rival = winners.get(candidate.text);
    if (rival === undefined) {
      winners.set(candidate.text, candidate);
      continue;
    }
    const replaces = facts.compat ? candidate.locality === 'node' : compareCandidates(candidate, rival, facts) < 0;
    losers.push(replaces ? rival : candidate);
    if (replaces) winners.set(candidate.text, candidate);
  }
  for (const loser of losers) {
    const winner = winners.get(loser.text) ?? loser;
    dropped.set(loser, { rule: 'MR-33', text: `duplicate-of ${formatObjectRef(winner.from.slice.ref)}` });
    if (winner.cluster !== loser.cluster) contested.push({ winner, loser });
  }
  // "Equals a local endpoint" explains a refusal better than "lies among local addresses".
  for (const loser of refused) {
    const winner = winners.get(loser.text);
    if (loser.concern?.reason.rule === 'O1' && winner?.cluster === undefined && winner !== undefined) {
      contested.push({ winner, loser });
    }
  }
  const kept = [...winners.values()].sort((a, b) => compareText(a.text, b.text));
  return { kept, dropped, contested };
}

/**
 * Orders candidates, the better one first: local endpoints; then the one whose address lies in its cluster's registered
 * ranges; then by the clusters' tiers and ids; within one cluster the fresher, readier, nearer. If equal, the earlier.
 */
function compareCandidates(a: Candidate, b: Candidate, facts: MergeFacts): number {
  return (
    Number(a.cluster !== undefined) - Number(b.cluster !== undefined) ||
    Number(isAtHome(b, facts)) - Number(isAtHome(a, facts)) ||
    tierOf(a.cluster, facts) - tierOf(b.cluster, facts) ||
    compareText(a.cluster ?? '', b.cluster ?? '') ||
    Number(cameBack(a)) - Number(cameBack(b)) ||
    Number(b.endpoint.ready) - Number(a.endpoint.ready) ||
    Number(b.endpoint.serving) - Number(a.endpoint.serving) ||
    Number(a.endpoint.terminating) - Number(b.endpoint.terminating) ||
    Number(b.locality === 'node') - Number(a.locality === 'node')
  );
}

/** Whether the address lies in ranges registered for the endpoint's cluster: a cluster name alone is easily claimed. */
function isAtHome({ cluster, endpoint }: Candidate, facts: MergeFacts): boolean {
  return cluster === undefined || isWithin(rangesOf(cluster, facts) ?? [], endpoint.address) === true;
}

function tierOf(cluster: ClusterName | undefined, { registry }: MergeFacts): number {
  return cluster === undefined ? 0 : (findCluster(registry, cluster)?.tier ?? 0);
}

function cameBack({ from }: Candidate): boolean {
  return from.source.kind === 'own' && from.source.how === 'returned';
}
