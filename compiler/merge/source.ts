import { type EndpointSlice, managedBy } from '../model/endpoint-slice.ts';
import { idOf, isWithin } from '../registry/registry.ts';
import { type ClusterName, parseClusterName, unresolvedCluster } from '../values/names.ts';
import { printable } from '../values/object-ref.ts';
import { type NameFacts, rangesOf } from './facts.ts';
import type { Reason } from './record.ts';

/** Where a slice's endpoints run. */
export type Source =
  | {
      readonly kind: 'own';
      /** returned: it went through other clusters and came back (MR-11). */
      readonly how: 'native' | 'user-managed' | 'returned';
      readonly reason: Reason;
    }
  | {
      readonly kind: 'remote';
      readonly cluster: ClusterName;
      readonly reason: Reason;
      /** Why the name is not certain, for a person. */
      readonly doubt: 'unresolved' | 'ambiguous' | undefined;
    };

/**
 * The source of a slice found among the local cluster's objects: rules L1 to L8, the first that applies.
 *
 * The work.karmada.io marks are no help: on a member they name the member itself.
 */
export function sourceOf(slice: EndpointSlice, facts: NameFacts): Source {
  const { marks } = slice;
  if (marks.native) return nativeSource(marks.managedBy);
  if (marks.managedBy === managedBy.karmadaDispatch) {
    return marks.provisionCluster === undefined
      ? byName('L2', slice, '', facts)
      : named('L2', marks.provisionCluster, `annotation says ${printable(marks.provisionCluster)}`, facts);
  }
  if (marks.managedBy === managedBy.karmadaImport) return byName('L3', slice, 'imported-', facts);
  // Slices of slicewright's controller (L7) carry this label too, so they need no rule of their own.
  if (marks.sourceCluster !== undefined) {
    return named('L4', marks.sourceCluster, `label says ${printable(marks.sourceCluster)}`, facts);
  }
  if (marks.provisionCluster !== undefined) {
    return named('L5', marks.provisionCluster, `annotation says ${printable(marks.provisionCluster)}`, facts);
  }
  if (marks.appliedByKarmada && slice.name.startsWith('imported-')) return byName('L6', slice, 'imported-', facts);
  const manager =
    marks.managedBy === undefined ? 'no managed-by label' : `managed by ${printable(marks.managedBy, 63)}`;
  return { kind: 'own', how: 'user-managed', reason: { rule: 'L8', text: `user-managed: ${manager}` } };
}

/** By the manager, of which native slices have two: nearly all slices share one value. */
const nativeSources = new Map<string | undefined, Source>();

function nativeSource(managedBy: string | undefined): Source {
  const made = nativeSources.get(managedBy);
  if (made !== undefined) return made;
  const reason = { rule: 'L1', text: `native: managed by ${managedBy}` };
  const source: Source = { kind: 'own', how: 'native', reason };
  nativeSources.set(managedBy, source);
  return source;
}

function named(rule: string, text: string, evidence: string, facts: NameFacts): Source {
  const cluster = parseClusterName(text);
  if (cluster !== undefined) return remoteOrReturned(rule, idOf(facts.registry, cluster), evidence, facts, undefined);
  return remoteOrReturned(rule, unresolvedCluster(text), evidence, facts, 'unresolved');
}

/** MR-12: cluster and slice names may both contain `-`, so only a known id tells where one ends. */
function byName(rule: string, slice: EndpointSlice, prefix: string, facts: NameFacts): Source {
  const rest = slice.name.startsWith(prefix) ? slice.name.slice(prefix.length) : slice.name;
  const candidates = facts.knownClusters.filter((id) => rest.startsWith(`${id}-`));
  const [longest] = candidates;
  if (longest === undefined) {
    const cluster = unresolvedCluster(rest.slice(0, rest.includes('-') ? rest.indexOf('-') : undefined));
    return remoteOrReturned(rule, cluster, 'its name does not begin with a known cluster', facts, 'unresolved');
  }
  const inner = passedOnFrom(slice, rest.slice(longest.length + 1), longest, facts);
  if (inner !== undefined) {
    const evidence = `its name and addresses are ${inner}'s, forwarded by ${longest}`;
    return remoteOrReturned(rule, inner, evidence, facts, undefined);
  }
  const doubt = candidates.length > 1 ? 'ambiguous' : undefined;
  return remoteOrReturned(rule, idOf(facts.registry, longest), `its name says ${longest}`, facts, doubt);
}

/**
 * The cluster whose slice a second cluster passed on: Karmada 1.9 collects a slice that it dispatched to an exporter as
 * if it were the exporter's, as `imported-member1-member2-web-x7k2p`. A name alone may deceive, so all addresses must
 * lie in the registered ranges of the first cluster and none in those of the second.
 */
function passedOnFrom(
  { endpoints }: EndpointSlice,
  rest: string,
  via: ClusterName,
  facts: NameFacts,
): ClusterName | undefined {
  const inner = facts.knownClusters.find((id) => rest.startsWith(`${id}-`));
  const innerRanges = inner && rangesOf(inner, facts);
  const viaRanges = rangesOf(via, facts);
  if (inner === undefined || innerRanges === undefined || viaRanges === undefined || endpoints.length === 0) {
    return undefined;
  }
  const isInner = endpoints.every(({ address }) => isWithin(innerRanges, address) && !isWithin(viaRanges, address));
  return isInner ? idOf(facts.registry, inner) : undefined;
}

function remoteOrReturned(
  rule: string,
  cluster: ClusterName,
  evidence: string,
  facts: NameFacts,
  doubt: 'unresolved' | 'ambiguous' | undefined,
): Source {
  if (cluster !== facts.own) return { kind: 'remote', cluster, reason: { rule, text: evidence }, doubt };
  return {
    kind: 'own',
    how: 'returned',
    reason: { rule: 'MR-11', text: `${evidence}, the local cluster: it came back` },
  };
}
