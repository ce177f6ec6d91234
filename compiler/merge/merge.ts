import type { Service } from '../model/service.ts';
import type { ServicePort } from '../model/service-ports.ts';
import { type Family, families } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import type { AttachedSlice } from './attach.ts';
import { type Deduped, dedupe } from './dedupe.ts';
import type { MergeFacts } from './facts.ts';
import { findPortMismatches, matchPort, type SourcedSlice } from './match.ts';
import { sanitise } from './sanitise.ts';
import { createReport, type Report } from '../model/fields.ts';

/** The endpoints of one Service port in one family, of all clusters. */
export interface MergedPort extends Deduped {
  readonly port: ServicePort;
  readonly family: Family;
}

export interface MergedService {
  /** By family, then in the Service's order of ports; only families in which it has a cluster IP. */
  readonly ports: readonly MergedPort[];
  /** Clusters whose endpoints name a zone just as our node's is named; not the same place for all we know (MR-45). */
  readonly sameZoneText: readonly ClusterName[];
}

/** Many clusters' slices of one Service become one set of endpoints per port and family: sanitise, match, dedupe. */
export function mergeService(
  service: Service,
  attached: readonly AttachedSlice[],
  facts: MergeFacts,
  diagnostics: Diagnostic[],
): MergedService {
  const report = createReport(service.ref, diagnostics);
  const slices: SourcedSlice[] = attached.map((from) => ({ from, endpoints: sanitise(from, facts) }));
  const served = families.filter((family) => service.clusterIPs[family] !== undefined);
  const ports = served.flatMap((family) => {
    // A family's program is made from its own slices alone (MR-31).
    const ofFamily = slices.filter(({ from }) => from.slice.family === family);
    return service.ports.map((port) => ({ port, family, ...dedupe(matchPort(ofFamily, port), facts.compat) }));
  });
  if (!facts.compat) {
    for (const merged of ports) reportContested(merged, report);
    for (const port of service.ports) reportMismatches(slices, port, report);
    if (served.length > 1) reportMissingFamilies(slices, report);
  }
  return { ports, sameZoneText: findSameZoneText(slices, facts) };
}

function reportContested({ port, contested }: MergedPort, report: Report): void {
  for (const { winner, loser } of contested) {
    const [a, b] = [winner, loser].map(({ cluster }) => cluster ?? 'our own cluster');
    const message = `port "${port.name}": ${winner.text} is claimed by ${a} and by ${b} (do their pod ranges overlap?); that of ${a} is used`;
    report('warning', 'duplicate-endpoint-across-clusters', undefined, message);
  }
}

function reportMismatches(slices: readonly SourcedSlice[], wanted: ServicePort, report: Report): void {
  for (const { cluster, otherProtocol, offered } of findPortMismatches(slices, wanted)) {
    const offers = [...new Set(offered.map(({ name, protocol }) => `"${name}" ${protocol}`))].sort(compareText);
    const message = `cluster ${cluster} has endpoints, but none for port "${wanted.name}" ${wanted.protocol}; it offers ${offers.join(', ') || 'no port'}`;
    report('warning', otherProtocol ? 'remote-protocol-mismatch' : 'remote-port-mismatch', undefined, message);
  }
}

/** For a Service of both families: clusters that can be reached in one only (MR-31). */
function reportMissingFamilies(slices: readonly SourcedSlice[], report: Report): void {
  const reachable = new Map<ClusterName, Set<Family>>();
  for (const { from, endpoints } of slices) {
    if (from.source.kind !== 'remote' || endpoints.length === 0) continue;
    const { cluster } = from.source;
    reachable.set(cluster, (reachable.get(cluster) ?? new Set()).add(from.slice.family));
  }
  for (const [cluster, offered] of [...reachable].sort(([a], [b]) => compareText(a, b))) {
    const missing = families.find((family) => !offered.has(family));
    if (missing === undefined) continue;
    report(
      'warning',
      'ip-family-partial',
      undefined,
      `cluster ${cluster} has no ${missing} endpoints; it gets no ${missing} traffic`,
    );
  }
}

function findSameZoneText(slices: readonly SourcedSlice[], { compat, zone }: MergeFacts): ClusterName[] {
  if (compat || zone === undefined) return [];
  const clusters = new Set<ClusterName>();
  for (const { endpoints } of slices) {
    for (const { cluster, endpoint } of endpoints) {
      if (cluster !== undefined && endpoint.zone === zone) clusters.add(cluster);
    }
  }
  return [...clusters];
}
