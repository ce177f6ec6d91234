import { type MergeFacts, ownPlace } from '../merge/facts.ts';
import type { Candidate } from '../merge/match.ts';
import type { Reason } from '../merge/record.ts';
import type { Service } from '../model/service.ts';
import type { Policy } from '../policy/policy.ts';
import { one, type Rational, rational, zero } from '../values/rational.ts';

/** How topology changes the shares of ready endpoints, where it applies. */
export interface Nearness {
  /** 0: not for this node; 1: unchanged; more: takes over from endpoints that are not for this node. */
  readonly partOf: (candidate: Candidate) => Rational;
  readonly isNear: (candidate: Candidate) => boolean;
  readonly nearReason: (candidate: Candidate) => Reason;
  readonly farReason: (candidate: Candidate) => Reason;
}

/** Whether anything of a Service speaks of topology: of most Services nothing does. */
export function mayKnowNearness(ready: readonly Candidate[], { trafficDistribution }: Service): boolean {
  return (
    trafficDistribution !== undefined ||
    ready.some(({ nodeHints, zoneHints }) => nodeHints.length > 0 || zoneHints.length > 0)
  );
}

/**
 * How topology changes the shares of ready endpoints; undefined: it changes nothing.
 *
 * Hints describe only the local cluster's endpoints: hinted ones take over the share of other local endpoints, and
 * other clusters' endpoints keep theirs (MR-43). A Service that asks for near endpoints gets those of this node's zone,
 * of any cluster (MR-44). For kube-proxy hints of all clusters count alike.
 *
 * ready  of clusters in full standing
 */
export function nearness(
  ready: readonly Candidate[],
  service: Service,
  policy: Policy,
  facts: MergeFacts,
): Nearness | undefined {
  if (facts.compat || policy.topology === 'kube-proxy') return only(chooseTopology(ready, service, facts));
  const ours = ready.filter(({ cluster }) => cluster === undefined);
  const topology = chooseTopology(ours, service, facts);
  if (ours.length === ready.length) return only(topology);
  if (service.trafficDistribution !== undefined) return nearest(ready, topology, service, facts);
  if (topology === undefined) return undefined;
  const hinted = ours.filter(topology.names).length;
  const part = rational(ours.length, hinted);
  return {
    ...reasonsFor(topology),
    partOf: (candidate) => (candidate.cluster !== undefined ? one : topology.names(candidate) ? part : zero),
  };
}

/** Hints in force: the endpoints that they give this node. */
interface Topology {
  readonly kind: 'node' | 'zone';
  readonly names: (candidate: Candidate) => boolean;
}

function only(topology: Topology | undefined): Nearness | undefined {
  if (topology === undefined) return undefined;
  return { ...reasonsFor(topology), partOf: (candidate) => (topology.names(candidate) ? one : zero) };
}

function reasonsFor({ kind, names }: Topology): Omit<Nearness, 'partOf'> {
  return {
    isNear: names,
    nearReason: () => ({ rule: 'MR-43', text: `hinted for this ${kind}` }),
    farReason: () => ({ rule: 'MR-43', text: 'topology hints select other endpoints for this node' }),
  };
}

/** Endpoints of this node, if they are preferred; else of its zone, where local hints count before zones; else all. */
function nearest(
  ready: readonly Candidate[],
  topology: Topology | undefined,
  service: Service,
  facts: MergeFacts,
): Nearness | undefined {
  const here = ownPlace(facts);
  const inZone = (candidate: Candidate): boolean =>
    candidate.cluster === undefined && topology !== undefined
      ? topology.names(candidate)
      : here !== undefined && candidate.place === here;
  const onNode = ({ locality }: Candidate): boolean => locality === 'node';
  const wanted = service.trafficDistribution === 'PreferSameNode' ? [onNode, inZone] : [inZone];
  const isNear = wanted.find((near) => ready.some(near));
  if (isNear === undefined) return undefined;
  return {
    isNear,
    partOf: (candidate) => (isNear(candidate) ? one : zero),
    nearReason: () => ({ rule: 'MR-44', text: 'near this node, as trafficDistribution prefers' }),
    farReason: () => ({ rule: 'MR-44', text: 'trafficDistribution prefers endpoints near this node' }),
  };
}

/**
 * The topology hints that hold for a Service on this node (IPT-5.4): those of a kind that every judged
 * endpoint carries and at least one of them directs here. undefined: hints play no part.
 */
function chooseTopology(judged: readonly Candidate[], service: Service, facts: MergeFacts): Topology | undefined {
  for (const kind of hintKinds(service, facts)) {
    const here = kind === 'node' ? facts.nodeName : facts.zone;
    if (here === undefined) continue;
    const hintsOf = kind === 'node' ? nodeHintsOf : zoneHintsOf;
    const names = (candidate: Candidate): boolean => hintsOf(candidate).includes(here);
    if (judged.every((candidate) => hintsOf(candidate).length > 0) && judged.some(names)) return { kind, names };
  }
  return undefined;
}

/** v1.30 wants the annotation and knows zones only; since 1.31 hints hold without it, since 1.34 there are node hints. */
function hintKinds(service: Service, { compat, featureGates }: MergeFacts): readonly ('node' | 'zone')[] {
  if (featureGates.TopologyAwareHints === false) return [];
  if (!compat) return featureGates.PreferSameTrafficDistribution === false ? ['zone'] : ['node', 'zone'];
  const annotated = !['', 'disabled', 'Disabled'].includes(service.hintsAnnotation);
  return annotated || featureGates.ServiceTrafficDistribution === true ? ['zone'] : [];
}

function nodeHintsOf(candidate: Candidate): readonly string[] {
  return candidate.nodeHints;
}

function zoneHintsOf(candidate: Candidate): readonly string[] {
  return candidate.zoneHints;
}
