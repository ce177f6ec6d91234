import { createReport } from '../model/fields.ts';
import type { Service } from '../model/service.ts';
import type { ServicePort } from '../model/service-ports.ts';
import type { Policy } from '../policy/policy.ts';
import { type Family, families } from '../values/address.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import type { AttachedSlice } from './attach.ts';
import { type Deduped, dedupe } from './dedupe.ts';
import { type MergeFacts, ownPlace } from './facts.ts';
import { type Candidate, matchPort, type SourcedSlice, unmatchedIn, type WantedPort } from './match.ts';
import {
  reportConcerns,
  reportContested,
  reportMismatches,
  reportMissingFamilies,
  reportOwnMismatches,
  reportUnknownPorts,
} from './report-service.ts';
import type { Reason } from './record.ts';
import { sanitise } from './sanitise.ts';

/** The endpoints of one Service port in one family, of all clusters. */
export interface MergedPort extends Deduped {
  readonly port: ServicePort;
  readonly family: Family;
}

export interface MergedService {
  /** By family, then in the Service's order of ports; only families in which it has a cluster IP. */
  readonly ports: readonly MergedPort[];
  /** Clusters whose endpoints name a zone by the same text as this node's zone; it may be another place (MR-45). */
  readonly sameZoneText: readonly ClusterName[];
}

/** Many clusters' slices of one Service become one set of endpoints per port and family: sanitise, match, dedupe. */
export function mergeService(
  service: Service,
  attached: readonly AttachedSlice[],
  policy: Policy,
  facts: MergeFacts,
  diagnostics: Diagnostic[],
): MergedService {
  const trustHints = facts.compat || policy.topology === 'kube-proxy';
  const slices: SourcedSlice[] = attached.map((from) => ({ from, endpoints: sanitise(from, trustHints, facts) }));
  const served = families.filter((family) => service.clusterIPs[family] !== undefined);
  const wanted = service.ports.map((port): WantedPort => {
    return { ...port, isOnly: service.ports.length === 1, portMatch: policy.portMatch };
  });
  const ports = served.flatMap((family) => {
    // A family's program is made from its own slices alone (MR-31).
    const ofFamily = slices.filter(({ from }) => from.slice.family === family);
    return wanted.map((port) => {
      const merged = dedupe(matchPort(ofFamily, port), facts);
      const unmatched = unmatchedOf(ofFamily, port);
      const dropped = unmatched.length === 0 ? merged.dropped : new Map([...merged.dropped, ...unmatched]);
      return { ...merged, port, family, dropped };
    });
  });
  if (!facts.compat) {
    const report = createReport(service.ref, diagnostics);
    for (const merged of ports) reportContested(merged, report);
    reportConcerns(ports, report);
    for (const port of wanted) reportOwnMismatches(slices, port, report);
    if (slices.some(({ from }) => from.source.kind === 'remote')) {
      for (const port of wanted) reportMismatches(slices, port, report);
      reportMissingFamilies(slices, served, report);
      if (service.vip === 'clusterSetIP') reportUnknownPorts(slices, report);
    }
  }
  return { ports, sameZoneText: findSameZoneText(slices, facts) };
}

function unmatchedOf(slices: readonly SourcedSlice[], port: WantedPort): [Candidate, Reason][] {
  return unmatchedIn(slices, port).flatMap((candidate): [Candidate, Reason][] =>
    candidate.concern === undefined ? [] : [[candidate, candidate.concern.reason]],
  );
}

function findSameZoneText(slices: readonly SourcedSlice[], facts: MergeFacts): ClusterName[] {
  if (facts.compat || facts.zone === undefined) return [];
  const ours = ownPlace(facts);
  const clusters = new Set<ClusterName>();
  for (const { endpoints } of slices) {
    for (const { cluster, endpoint, place } of endpoints) {
      if (cluster !== undefined && endpoint.zone === facts.zone && place !== ours) clusters.add(cluster);
    }
  }
  return [...clusters];
}
