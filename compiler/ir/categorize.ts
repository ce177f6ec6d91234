import type { MergeFacts } from '../merge/facts.ts';
import type { Candidate } from '../merge/match.ts';
import type { Reason } from '../merge/record.ts';
import type { Service } from '../model/service.ts';
import { chooseTopology, type Topology } from './topology.ts';

/** Endpoints of a Service port by what new connections make of them. */
export interface Categories {
  /** Weights of the cluster pool, integers without a common divisor; empty where it is not used. */
  readonly cluster: ReadonlyMap<Candidate, number>;
  readonly local: ReadonlySet<Candidate>;
  /** Some endpoint anywhere could answer: without any, clients are refused; else they are at most dropped. */
  readonly hasEndpoints: boolean;
  readonly reasons: ReadonlyMap<Candidate, readonly Reason[]>;
}

/** Which pools the Service port's policies and frontends call for. */
export interface PoolsInUse {
  readonly cluster: boolean;
  readonly local: boolean;
}

/**
 * Chooses endpoints for new connections (spec/iptables.md 5.1, MR-40, MR-43, MR-44).
 *
 * Ready endpoints, narrowed by topology; only if there are none, those that still serve while they terminate. Cluster
 * and local pool fall back separately. Not for compat: of the terminating ones ours come before other clusters'.
 *
 * candidates  without duplicates
 */
export function categorize(
  candidates: readonly Candidate[],
  uses: PoolsInUse,
  service: Service,
  facts: MergeFacts,
): Categories {
  const ready = candidates.filter(({ endpoint }) => endpoint.ready);
  const fallback = candidates.filter(isFallback);
  const judged = facts.compat ? ready : ready.filter(({ cluster }) => cluster === undefined);
  const topology = uses.cluster ? chooseTopology(judged, service, facts) : undefined;
  const cluster = uses.cluster ? clusterPool(ready, fallback, topology, service, facts) : new Map<Candidate, number>();
  const local = uses.local ? localPool(candidates) : [];
  return {
    cluster,
    local: new Set(local),
    hasEndpoints: ready.length > 0 || fallback.length > 0,
    reasons: new Map(
      candidates.map((candidate) => [candidate, reasonsOf(candidate, cluster, uses, ready.length > 0, topology)]),
    ),
  };
}

/** Not ready, but good enough when nothing is. */
function isFallback({ endpoint }: Candidate): boolean {
  return !endpoint.ready && endpoint.serving && endpoint.terminating;
}

function localPool(candidates: readonly Candidate[]): readonly Candidate[] {
  const onNode = candidates.filter(({ locality }) => locality === 'node');
  const ready = onNode.filter(({ endpoint }) => endpoint.ready);
  return ready.length > 0 ? ready : onNode.filter(isFallback);
}

function clusterPool(
  ready: readonly Candidate[],
  fallback: readonly Candidate[],
  topology: Topology | undefined,
  service: Service,
  facts: MergeFacts,
): Map<Candidate, number> {
  if (ready.length > 0) return weighByTopology(ready, topology, service, facts);
  const ours = fallback.filter(({ cluster }) => cluster === undefined);
  const chosen = facts.compat || ours.length === 0 ? fallback : ours;
  return new Map(chosen.map((candidate) => [candidate, 1]));
}

/**
 * Our hinted endpoints take over the share of our other ones; other clusters' endpoints keep theirs (MR-43), unless the
 * Service asks for near ones only (MR-44) or everyone's hints were judged alike (kube-proxy).
 *
 * With n endpoints of ours, h of them hinted, and r remote: n/h to each hinted one for 1 to each remote one, which is
 * n to h in integers.
 */
function weighByTopology(
  ready: readonly Candidate[],
  topology: Topology | undefined,
  service: Service,
  facts: MergeFacts,
): Map<Candidate, number> {
  if (topology === undefined) return new Map(ready.map((candidate) => [candidate, 1]));
  const hinted = ready.filter(topology.names);
  const remote = ready.filter(({ cluster }) => cluster !== undefined);
  if (facts.compat || service.trafficDistribution !== undefined || remote.length === 0) {
    return new Map(hinted.map((candidate) => [candidate, 1]));
  }
  const ours = ready.length - remote.length;
  const divisor = gcd(ours, hinted.length);
  const weights = new Map<Candidate, number>();
  for (const candidate of ready) {
    if (candidate.cluster !== undefined) weights.set(candidate, hinted.length / divisor);
    else if (topology.names(candidate)) weights.set(candidate, ours / divisor);
  }
  return weights;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

const notReady: Reason = { rule: 'IPT-5.2', text: 'not ready' };
const leaving: Reason = { rule: 'MR-41', text: 'terminating: not for new connections while others are ready' };
const laterChoice: Reason = {
  rule: 'MR-40',
  text: 'terminating: our own cluster has such endpoints, which come first',
};
const lastResort: Reason = { rule: 'MR-40', text: 'terminating, but nothing is ready: used while it serves' };
const localOnly: Reason = { rule: 'MR-50', text: 'internalTrafficPolicy Local: only for clients of its own node' };
const otherHints: Reason = { rule: 'MR-43', text: 'topology hints give this node other endpoints' };
const farAway: Reason = { rule: 'MR-44', text: 'trafficDistribution prefers endpoints near this node' };

function reasonsOf(
  candidate: Candidate,
  cluster: ReadonlyMap<Candidate, number>,
  uses: PoolsInUse,
  anyReady: boolean,
  topology: Topology | undefined,
): readonly Reason[] {
  if (!candidate.endpoint.ready) {
    if (!isFallback(candidate)) return [notReady];
    if (anyReady) return [leaving];
    return cluster.has(candidate) || !uses.cluster ? [lastResort] : [laterChoice];
  }
  if (!uses.cluster) return candidate.locality === 'node' ? [] : [localOnly];
  if (cluster.has(candidate)) {
    return topology?.names(candidate) ? [{ rule: 'MR-43', text: `hinted for this ${topology.kind}` }] : [];
  }
  return [candidate.cluster === undefined || topology?.names(candidate) === false ? otherHints : farAway];
}
