import { endpointText } from '../ir/ir.ts';
import type { SlicePort } from '../model/endpoint-slice.ts';
import type { ServicePort } from '../model/service-ports.ts';
import type { PublishedPort } from '../model/slice-annotations.ts';
import type { Policy } from '../policy/policy.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import type { Port } from '../values/port.ts';
import type { AttachedSlice } from './attach.ts';
import type { Concern, SourcedEndpoint } from './sanitise.ts';

/** A slice with those facts about its endpoints that are believed. */
export interface SourcedSlice {
  readonly from: AttachedSlice;
  readonly endpoints: readonly SourcedEndpoint[];
}

/** An endpoint that offers a Service port. */
export interface Candidate extends SourcedEndpoint {
  readonly port: Port;
  /** `ip:port`: two endpoints with the same text are the same endpoint. */
  readonly text: string;
  /** Its slice does not offer the port. */
  readonly isUnmatched?: boolean;
}

/** A Service port, and how other clusters' ports may match it. */
export interface WantedPort extends ServicePort {
  /** It is the Service's only port. */
  readonly isOnly: boolean;
  readonly portMatch: Policy['portMatch'];
}

/**
 * The endpoints that offer a Service port: name and protocol must both be the same; the number is the slice's, so
 * clusters may differ in it (MR-20, MR-23). In order of slices, then of endpoints.
 */
export function matchPort(slices: readonly SourcedSlice[], wanted: WantedPort): Candidate[] {
  const candidates: Candidate[] = [];
  for (const { from, endpoints } of slices) {
    const offer = findOffer(from, wanted);
    if (offer === undefined) continue;
    const { port } = offer;
    const conflict = isConflicting(from.servicePorts, offer, wanted) ? portConflict : undefined;
    for (const sourced of endpoints) {
      const { endpoint, cluster, locality, place, zoneHints, nodeHints } = sourced;
      const text = endpointText({ address: endpoint.address, port });
      const concern = sourced.concern?.refuses ? sourced.concern : (conflict ?? sourced.concern);
      // Named one by one: V8 makes an object of a spread and further fields in several pieces, and there are as many as endpoints.
      candidates.push({ from, endpoint, cluster, locality, place, zoneHints, nodeHints, concern, port, text });
    }
  }
  return candidates;
}

/**
 * Endpoints of slices that do not offer a Service port. They get no connections for it, and `explain` tells why.
 *
 * returns   as if they had a port of that slice, or, where the slice has no port, the Service's
 */
export function unmatchedIn(slices: readonly SourcedSlice[], wanted: WantedPort): Candidate[] {
  return slices.flatMap(({ from, endpoints }) => {
    if (findOffer(from, wanted) !== undefined) return [];
    const port = from.slice.ports[0]?.port ?? wanted.port;
    const concern: Concern = {
      reason: { rule: 'MR-20', text: otherPorts(from, wanted) },
      refuses: true,
      report: undefined,
    };
    return endpoints.map((sourced) => ({
      ...sourced,
      port,
      text: endpointText({ address: sourced.endpoint.address, port }),
      concern,
      isUnmatched: true,
    }));
  });
}

function otherPorts({ slice }: AttachedSlice, { name, protocol }: ServicePort): string {
  return `its slice has no port "${name}" ${protocol}; it has ${offersText(slice.ports)}`;
}

/** `"http" TCP, an unnamed UDP one`. */
export function offersText(ports: readonly SlicePort[]): string {
  const offers = [
    ...new Set(
      ports.map(({ name, protocol }) => (name === '' ? `an unnamed ${protocol} one` : `"${name}" ${protocol}`)),
    ),
  ].sort(compareText);
  return offers.join(', ') || 'no port';
}

/** By name, or where the policy allows it, another cluster's only port for the only port here (MR-21). */
function findOffer({ slice, source }: AttachedSlice, wanted: WantedPort): SlicePort | undefined {
  const named = slice.ports.find(({ name, protocol }) => name === wanted.name && protocol === wanted.protocol);
  if (named !== undefined || source.kind !== 'remote') return named;
  const [only, ...others] = slice.ports;
  const mayGuess = wanted.portMatch === 'nameThenNumber' && wanted.isOnly && others.length === 0;
  return mayGuess && only?.protocol === wanted.protocol ? only : undefined;
}

const portConflict: Concern = {
  reason: { rule: 'MR-30', text: "its cluster's Service has a different port of this name" },
  refuses: true,
  report: { severity: 'warning', code: 'port-conflict' },
};

/**
 * Slices hold only the pods' port numbers; where the source Service's ports are known, they must equal those that
 * clients dial here.
 */
function isConflicting(known: readonly PublishedPort[] | undefined, offer: SlicePort, wanted: ServicePort): boolean {
  const namesakes = known?.filter(({ name }) => name === offer.name) ?? [];
  return (
    namesakes.length > 0 &&
    !namesakes.some(({ protocol, port }) => protocol === wanted.protocol && port === wanted.port)
  );
}

/** A cluster that has endpoints for a Service, none of which offers a certain port. */
export interface PortMismatch {
  readonly cluster: ClusterName;
  /** Offered under the wanted name, but for another protocol (MR-22). */
  readonly otherProtocol: boolean;
  readonly offered: readonly SlicePort[];
}

/**
 * The local cluster's own slices that have endpoints but not this port, where no other own slice has it (MR-20): a port
 * was renamed, a hand-written slice lacks its name, or the protocol differs. Slices of pods with different named ports
 * are in order.
 */
export function unmatchedOwn(slices: readonly SourcedSlice[], wanted: WantedPort): readonly AttachedSlice[] {
  const isOwn = ({ from, endpoints }: SourcedSlice): boolean => from.source.kind === 'own' && endpoints.length > 0;
  const isMatched = slices.some((slice) => isOwn(slice) && findOffer(slice.from, wanted) !== undefined);
  return isMatched ? noSlices : slices.filter(isOwn).map(({ from }) => from);
}

const noSlices: readonly AttachedSlice[] = [];

const noMismatches: readonly PortMismatch[] = [];

/** Whether it brings endpoints of another cluster. */
export function isFromOther({ from, endpoints }: SourcedSlice): boolean {
  return from.source.kind === 'remote' && endpoints.length > 0;
}

/** Remote clusters that have endpoints but not this port (MR-21): otherwise nothing would show a misspelt port name. */
export function findPortMismatches(slices: readonly SourcedSlice[], wanted: WantedPort): readonly PortMismatch[] {
  if (slices.every((slice) => !isFromOther(slice) || findOffer(slice.from, wanted) !== undefined)) return noMismatches;
  const offers = new Map<ClusterName, { readonly ports: SlicePort[]; fits: boolean }>();
  for (const { from, endpoints } of slices) {
    if (from.source.kind !== 'remote' || endpoints.length === 0) continue;
    const ofCluster = offers.get(from.source.cluster) ?? { ports: [], fits: false };
    ofCluster.ports.push(...from.slice.ports);
    ofCluster.fits ||= findOffer(from, wanted) !== undefined;
    offers.set(from.source.cluster, ofCluster);
  }
  const mismatches: PortMismatch[] = [];
  for (const [cluster, { ports, fits }] of offers) {
    if (fits) continue;
    mismatches.push({ cluster, otherProtocol: ports.some(({ name }) => name === wanted.name), offered: ports });
  }
  return mismatches.sort((a, b) => compareText(a.cluster, b.cluster));
}
