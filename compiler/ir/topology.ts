import type { Candidate } from '../merge/match.ts';
import type { MergeFacts } from '../merge/facts.ts';
import type { Service } from '../model/service.ts';

/** Hints in force: which endpoints they give this node. */
export interface Topology {
  readonly kind: 'node' | 'zone';
  readonly names: (candidate: Candidate) => boolean;
}

/**
 * The topology hints that hold for a Service on this node (spec/iptables.md 5.4): those of a kind that every judged
 * endpoint carries and at least one of them directs here. undefined: hints play no part.
 *
 * judged  ready endpoints whose hints are to be believed: of all clusters for kube-proxy, of ours else (MR-43)
 */
export function chooseTopology(
  judged: readonly Candidate[],
  service: Service,
  facts: MergeFacts,
): Topology | undefined {
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
