import type { SliceEndpoint } from '../model/endpoint-slice.ts';
import { isDoubtful } from '../model/special-address.ts';
import { findCluster, isStrict, isWithin, ownCluster } from '../registry/registry.ts';
import { type Cidr, cidrFamily, embeddedIpv4, type Family, familyOf, type IpAddress } from '../values/address.ts';
import type { Severity } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import type { AttachedSlice } from './attach.ts';
import { type MergeFacts, placeIn, rangesOf } from './facts.ts';
import type { Locality, Reason } from './record.ts';

/** Something that is wrong with an endpoint. */
export interface Concern {
  readonly reason: Reason;
  /** The endpoint must not be used. */
  readonly refuses: boolean;
  /**
   * How it is reported, for all endpoints of a cluster together; undefined: it was reported already, or is in order.
   */
  readonly report: { readonly severity: Severity; readonly code: string } | undefined;
}

/** An endpoint of a slice, reduced to the facts that its source may state. */
export interface SourcedEndpoint {
  readonly from: AttachedSlice;
  readonly endpoint: SliceEndpoint;
  /** undefined: the local cluster. */
  readonly cluster: ClusterName | undefined;
  readonly locality: Locality;
  /** The place that its zone means. */
  readonly place: string | undefined;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
  readonly concern: Concern | undefined;
}

const noHints: readonly string[] = [];

/**
 * The facts about a slice's endpoints that are believed (MR-13 to MR-15). Clusters reuse node names, so a name in
 * another cluster's slice never means this node; hints were computed for that cluster's nodes, so they mean nothing for
 * this one.
 *
 * trustHints  believe hints of all clusters nevertheless, as kube-proxy does (MR-46)
 */
export function sanitise(from: AttachedSlice, trustHints: boolean, facts: MergeFacts): SourcedEndpoint[] {
  const remote = from.source.kind === 'remote';
  const cluster = from.source.kind === 'remote' ? from.source.cluster : undefined;
  const concernOf = concernsOf(from, facts);
  return from.slice.endpoints.map((endpoint) => {
    const onNode = (!remote || facts.compat) && endpoint.nodeName !== undefined && endpoint.nodeName === facts.nodeName;
    return {
      from,
      endpoint,
      cluster,
      locality: onNode ? 'node' : remote ? 'remote' : 'cluster',
      place: placeIn(cluster, endpoint.zone, facts),
      zoneHints: !remote || trustHints ? endpoint.zoneHints : noHints,
      nodeHints: !remote || trustHints ? endpoint.nodeHints : noHints,
      concern: concernOf(endpoint),
    };
  });
}

/**
 * Special addresses are refused from any source; local addresses only from other clusters (pods can share their node's
 * address).
 */
function concernsOf({ source }: AttachedSlice, facts: MergeFacts): (endpoint: SliceEndpoint) => Concern | undefined {
  const bySource =
    facts.compat || (source.kind === 'own' && source.how !== 'returned')
      ? undefined
      : source.kind === 'own'
        ? (address: IpAddress) => returnedVip(address, facts)
        : knownRemoteConcerns(source.cluster, facts);
  return ({ special, address }) =>
    special === undefined ? bySource?.(address) : refuse('MR-15', `rejected: ${special} address`, undefined);
}

/** The local Service's own address came back: no second translation leads from there to its endpoints (MR-16). */
function returnedVip(address: IpAddress, facts: MergeFacts): Concern | undefined {
  if (facts.reserved(address) !== 'cluster IP') return undefined;
  return refuse('MR-16', "the address of a local Service came back; the Service's own endpoints replace it", undefined);
}

type ConcernOf = (address: IpAddress) => Concern | undefined;

/** Of facts in use: thousands of slices of one cluster are judged alike. */
const knownConcerns = new WeakMap<MergeFacts, Map<ClusterName, ConcernOf>>();

function knownRemoteConcerns(cluster: ClusterName, facts: MergeFacts): ConcernOf {
  const known = knownConcerns.get(facts) ?? new Map<ClusterName, ConcernOf>();
  knownConcerns.set(facts, known);
  const concernOf = known.get(cluster) ?? remoteConcerns(cluster, facts);
  known.set(cluster, concernOf);
  return concernOf;
}

/**
 * What can be wrong with another cluster's endpoint: its address is local, or not in that cluster's ranges (MR-15, O1
 * to O3, O6).
 */
function remoteConcerns(cluster: ClusterName, facts: MergeFacts): ConcernOf {
  const { registry } = facts;
  if (findCluster(registry, cluster)?.removed === true) {
    const removed = refuse('MR-77', `cluster ${cluster} is removed from the registry`, undefined);
    return () => removed;
  }
  const { serviceCidrs = [], nodeCidrs = [] } = ownCluster(registry) ?? {};
  const ours: readonly OwnRange[] = [
    { hold: within(serviceCidrs), rule: 'O2', of: 'Service', code: 'overlap-local-service-cidr' },
    { hold: within(nodeCidrs), rule: 'O3', of: 'node', code: 'endpoint-refused' },
    { hold: within(facts.podCidrs), rule: 'O1', of: 'pod', code: 'overlap-local-pod-cidr' },
    { hold: facts.nodePods.hold, rule: 'O1', of: 'pod', code: 'overlap-local-pod-cidr' },
  ];
  const ranges = rangesOf(cluster, facts) ?? [];
  const byFamily = { IPv4: ofFamily(ranges, 'IPv4'), IPv6: ofFamily(ranges, 'IPv6') };
  const strict = isStrict(registry);
  return (address) => {
    // A gateway may turn an address that is not local into a local IPv4 address.
    for (const meant of [address, ...embeddedIpv4(address)]) {
      const reserved = facts.reserved(meant);
      if (reserved !== undefined) {
        const code = reserved === 'node' ? 'endpoint-refused' : 'overlap-local-service-cidr';
        return refuse('MR-15', `rejected: another cluster claims a local ${reserved}`, code);
      }
      const range = ours.find(({ hold }) => hold(meant));
      if (range !== undefined)
        return refuse(range.rule, `rejected: it lies in the local ${range.of} range`, range.code);
    }
    const family = familyOf(address);
    const isInside = isWithin(byFamily[family], address);
    if (isDoubtful(address) && isInside !== true) {
      const text = `rejected: a special-purpose address, and no registered range of ${cluster} contains it`;
      return refuse('MR-15', text, 'endpoint-refused');
    }
    return outsideRanges(isInside, cluster, family, strict);
  };
}

/** Ranges of the local cluster, in which other clusters cannot have endpoints. */
interface OwnRange {
  readonly hold: (address: IpAddress) => boolean;
  readonly rule: string;
  readonly of: string;
  readonly code: string;
}

function within(cidrs: readonly Cidr[]): (address: IpAddress) => boolean {
  return (address) => isWithin(cidrs, address) === true;
}

function ofFamily(cidrs: readonly Cidr[], family: Family): Cidr[] {
  return cidrs.filter((cidr) => cidrFamily(cidr) === family);
}

function outsideRanges(
  isInside: boolean | undefined,
  cluster: ClusterName,
  family: Family,
  strict: boolean,
): Concern | undefined {
  if (isInside === true || (isInside === undefined && !strict)) return undefined;
  const text =
    isInside === undefined
      ? `no ${family} ranges are registered for ${cluster}`
      : `it lies outside the ranges of ${cluster}`;
  const reason = { rule: 'O6', text: strict ? `rejected: ${text}` : text };
  return { reason, refuses: strict, report: { severity: 'warning', code: 'unexpected-address' } };
}

function refuse(rule: string, text: string, code: string | undefined): Concern {
  const report = code === undefined ? undefined : ({ severity: 'error', code } as const);
  return { reason: { rule, text }, refuses: true, report };
}
