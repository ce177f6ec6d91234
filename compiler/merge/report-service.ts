import type { Report } from '../model/fields.ts';
import type { ServicePort } from '../model/service-ports.ts';
import { type Family, families } from '../values/address.ts';
import type { Severity } from '../values/diagnostic.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import type { Deduped } from './dedupe.ts';
import {
  type Candidate,
  findPortMismatches,
  isFromOther,
  offersText,
  type SourcedSlice,
  unmatchedOwn,
  type WantedPort,
} from './match.ts';

/** What is worth reporting about one Service's merge: once a cluster, not once an endpoint. */

interface Merged extends Deduped {
  readonly port: ServicePort;
  readonly family: Family;
}

export function reportContested({ port, contested }: Merged, report: Report): void {
  for (const { winner, loser } of contested) {
    const [a, b] = [winner, loser].map(({ cluster }) => cluster ?? 'the local cluster');
    const message = `port "${port.name}": ${winner.text} is in slices of both ${a} and ${b} (do their pod ranges overlap?); that of ${a} is used`;
    report('warning', 'duplicate-endpoint-across-clusters', undefined, message);
  }
}

/** Endpoints that are refused or doubtful because of their address. */
export function reportConcerns(ports: readonly Merged[], report: Report): void {
  if (!ports.some(({ kept, dropped }) => dropped.size > 0 || kept.some(isReported))) return;
  const groups = new Map<
    string,
    { severity: Severity; code: string; text: string; cluster: string; first: Candidate; addresses: Set<string> }
  >();
  for (const { kept, dropped } of ports) {
    for (const candidate of [...kept, ...dropped.keys()]) {
      const { concern, cluster, endpoint } = candidate;
      if (concern?.report === undefined) continue;
      const key = `${concern.report.code} ${concern.reason.text} ${cluster ?? ''}`;
      const group = groups.get(key) ?? {
        ...concern.report,
        text: concern.reason.text,
        cluster: cluster === undefined ? 'the local cluster' : `cluster ${cluster}`,
        first: candidate,
        addresses: new Set(),
      };
      groups.set(key, group);
      group.addresses.add(endpoint.address);
      if (compareText(endpoint.address, group.first.endpoint.address) < 0) group.first = candidate;
    }
  }
  for (const [, { severity, code, text, cluster, first, addresses }] of [...groups].sort(([a], [b]) =>
    compareText(a, b),
  )) {
    const more = addresses.size > 1 ? ` (and ${addresses.size - 1} more)` : '';
    report(severity, code, undefined, `endpoint ${first.endpoint.address}${more} of ${cluster}: ${text}`);
  }
}

function isReported({ concern }: Candidate): boolean {
  return concern?.report !== undefined;
}

export function reportMismatches(slices: readonly SourcedSlice[], wanted: WantedPort, report: Report): void {
  for (const { cluster, otherProtocol, offered } of findPortMismatches(slices, wanted)) {
    const message = `cluster ${cluster} has endpoints, but none for port "${wanted.name}" ${wanted.protocol}; it offers ${offersText(offered)}`;
    report('warning', otherProtocol ? 'remote-protocol-mismatch' : 'remote-port-mismatch', undefined, message);
  }
}

/** A port of the Service that none of the local cluster's own slices has: once a port, with the first of the slices. */
export function reportOwnMismatches(slices: readonly SourcedSlice[], wanted: WantedPort, report: Report): void {
  const unmatched = unmatchedOwn(slices, wanted);
  if (unmatched.length === 0) return;
  const [first] = [...unmatched].sort((a, b) => compareText(a.slice.name, b.slice.name));
  if (first === undefined) return;
  const more = unmatched.length > 1 ? ` (and ${unmatched.length - 1} more)` : '';
  const ports = unmatched.flatMap(({ slice }) => slice.ports);
  const isOtherProtocol = ports.some(({ name }) => name === wanted.name);
  const message = `port "${wanted.name}" ${wanted.protocol}: EndpointSlice ${first.slice.name}${more} has endpoints but no such port; it has ${offersText(ports)}; its endpoints get no connections through this port`;
  report('warning', isOtherProtocol ? 'protocol-mismatch' : 'port-mismatch', undefined, message);
}

/** Clusters that have endpoints, but none of a family in which the Service is served (MR-31). */
export function reportMissingFamilies(
  slices: readonly SourcedSlice[],
  served: readonly Family[],
  report: Report,
): void {
  // Most clusters and Services have one family, the same one.
  if (slices.every((slice) => !isFromOther(slice) || served.every((family) => family === slice.from.slice.family)))
    return;
  const reachable = new Map<ClusterName, Set<Family>>();
  for (const { from, endpoints } of slices) {
    if (from.source.kind !== 'remote' || endpoints.length === 0) continue;
    const { cluster } = from.source;
    reachable.set(cluster, (reachable.get(cluster) ?? new Set()).add(from.slice.family));
  }
  for (const [cluster, offered] of [...reachable].sort(([a], [b]) => compareText(a, b))) {
    for (const missing of families) {
      if (!served.includes(missing) || offered.has(missing)) continue;
      const message = `cluster ${cluster} has no ${missing} endpoints; it gets no ${missing} traffic`;
      report('warning', 'ip-family-partial', undefined, message);
    }
  }
}

/**
 * An import's port is that of the oldest export; another cluster may use the same name for a different port, and slices
 * alone do not show that (MR-30).
 */
export function reportUnknownPorts(slices: readonly SourcedSlice[], report: Report): void {
  const clusters = new Map<ClusterName, boolean>();
  for (const { from, endpoints } of slices) {
    if (from.source.kind !== 'remote' || endpoints.length === 0) continue;
    const { cluster } = from.source;
    clusters.set(cluster, clusters.get(cluster) === true || from.servicePorts !== undefined);
  }
  const unknown = [...clusters].filter(([, isKnown]) => !isKnown).map(([cluster]) => cluster);
  if (clusters.size < 2 || unknown.length === 0) return;
  const message = `the ports of the Service in ${unknown.sort(compareText).join(', ')} are unknown (no annotation slicewright.dev/service-ports on slices); ports with equal names are treated as the same port`;
  report('info', 'service-ports-unknown', undefined, message);
}
