import { buildServicePort, poolsInUse } from './ir/build.ts';
import { type Categories, categorize, isInPool } from './ir/categorize.ts';
import { type Claims, wonFrontends, wonHealthCheckPort } from './ir/claims.ts';
import type { ServicePortIR } from './ir/ir.ts';
import type { AttachedSlice } from './merge/attach.ts';
import type { MergeFacts } from './merge/facts.ts';
import type { Candidate } from './merge/match.ts';
import { type MergedPort, mergeService } from './merge/merge.ts';
import type { EndpointRecord, Reason } from './merge/record.ts';
import type { Service } from './model/service.ts';
import { parsePolicy } from './policy/parse.ts';
import { defaultPolicy, type Policy } from './policy/policy.ts';
import { resolveNames } from './policy/resolve.ts';
import { isWithin } from './registry/registry.ts';
import type { Settings } from './settings.ts';
import { familyOf } from './values/address.ts';
import { exact } from './values/exact.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import { type ClusterName, compareText } from './values/names.ts';
import { formatObjectRef, type ObjectRef } from './values/object-ref.ts';
import { zero } from './values/rational.ts';

/** The result for one Service. It depends on the arguments alone, so it can be remembered by them. */
export interface CompiledService {
  readonly ports: readonly ServicePortIR[];
  readonly endpoints: readonly EndpointRecord[];
  readonly diagnostics: readonly Diagnostic[];
  readonly sameZoneText: readonly ClusterName[];
}

const nothing: CompiledService = { ports: [], endpoints: [], diagnostics: [], sameZoneText: [] };

/**
 * attached  the Service's slices: the local cluster's by name, then other clusters', by cluster and name
 * claims    who answers where, over all Services
 */
export function compileService(
  service: Service,
  attached: readonly AttachedSlice[],
  facts: MergeFacts,
  claims: Claims,
  settings: Settings,
): CompiledService {
  if (service.skipped !== undefined) return nothing;
  const diagnostics: Diagnostic[] = [];
  const policy = policyOf(service, attached, facts, diagnostics);
  const merged = mergeService(service, attached, policy, facts, diagnostics);
  if (!facts.compat) reportUnservedFamilies(service, diagnostics);
  const ports: ServicePortIR[] = [];
  const endpoints: EndpointRecord[] = [];
  for (const mergedPort of merged.ports) {
    const { port, family } = mergedPort;
    const frontends = wonFrontends(service, port, family, claims, settings, diagnostics);
    if (frontends.length === 0) continue; // no client can dial it
    const uses = poolsInUse(service, frontends);
    const categories = categorize(mergedPort.kept, uses, service, policy, facts);
    const origin = originOf(service, attached, mergedPort);
    const masquerade = policy.masqueradeRemote === 'always';
    const probed = wonHealthCheckPort(service, family, claims, settings, diagnostics);
    const ir = buildServicePort(
      service,
      port,
      family,
      frontends,
      mergedPort.kept,
      categories,
      masquerade,
      probed,
      origin,
    );
    ports.push(ir);
    for (const record of recordsOf(service, mergedPort, categories)) endpoints.push(record);
    reportOpenLoadBalancer(service, mergedPort, frontends, diagnostics);
    if (categories.isPanicking) reportPanic(service, mergedPort, diagnostics);
  }
  if (service.vip === 'clusterSetIP') reportVipsElsewhere(service, facts, diagnostics);
  return { ports, endpoints, diagnostics, sameZoneText: merged.sameZoneText };
}

/** The policy of the consumer's own object, by whatever names it uses for clusters; kube-proxy knows no policy. */
function policyOf(
  service: Service,
  attached: readonly AttachedSlice[],
  facts: MergeFacts,
  diagnostics: Diagnostic[],
): Policy {
  if (facts.compat) return defaultPolicy;
  const defaults = facts.registry.policy ?? defaultPolicy;
  const known = () => nameableClusters(attached, facts);
  const policy = parsePolicy(service.annotations, service.ref, defaults, diagnostics, known);
  return resolveNames(policy, facts.registry, facts.own);
}

/**
 * Where the registry lists clusters, a name that belongs to none of them, and to no cluster with slices here, is a
 * typing error.
 */
function nameableClusters(attached: readonly AttachedSlice[], { registry, clusters, own }: MergeFacts): ClusterName[] {
  if (registry.clusters.length === 0) return [];
  const sources = attached.flatMap(({ source }) => (source.kind === 'remote' ? [source.cluster] : []));
  return [...new Set([...clusters, ...(own === undefined ? [] : [own]), ...sources])];
}

function originOf(service: Service, attached: readonly AttachedSlice[], { family }: MergedPort): ObjectRef[] {
  const slices = attached.filter(({ slice }) => slice.family === family).map(({ slice }) => slice.ref);
  return exact([service.ref, ...slices]);
}

/** All endpoints seen for a port, including those that are not used, by `ip:port` and slice. */
function recordsOf(service: Service, merged: MergedPort, categories: Categories): EndpointRecord[] {
  const lists: (readonly Reason[])[] = [];
  const kept = merged.kept.map((candidate, i) => recordOf(service, merged, candidate, partOf(categories, i), lists));
  if (merged.dropped.size === 0) return kept;
  const records = kept.map((record, i) => ({ text: merged.kept[i]?.text ?? '', record }));
  for (const candidate of merged.dropped.keys()) {
    records.push({ text: candidate.text, record: recordOf(service, merged, candidate, noPart, lists) });
  }
  records.sort(
    (a, b) =>
      compareText(a.text, b.text) || compareText(formatObjectRef(a.record.slice), formatObjectRef(b.record.slice)),
  );
  return records.map(({ record }) => record);
}

const both = Object.freeze({ cluster: true, local: true });
const clusterAlone = Object.freeze({ cluster: true, local: false });
const localAlone = Object.freeze({ cluster: false, local: true });
const neither = Object.freeze({ cluster: false, local: false });

/** What the choice of endpoints gave one of them. */
type Part = Pick<EndpointRecord, 'weight' | 'share' | 'inPools' | 'reasons'>;

const noPart: Part = { weight: 0, share: zero, inPools: inPoolsOf(false, false), reasons: [] };

function partOf({ cluster, shares, local, reasons }: Categories, i: number): Part {
  const weight = cluster[i] ?? 0;
  return {
    weight,
    share: shares[i] ?? zero,
    inPools: inPoolsOf(isInPool(weight), isInPool(local[i] ?? 0)),
    reasons: reasons[i] ?? [],
  };
}

/** One of four values, which all records share. */
function inPoolsOf(cluster: boolean, local: boolean): EndpointRecord['inPools'] {
  if (cluster) return local ? both : clusterAlone;
  return local ? localAlone : neither;
}

/** lists: the reasons of earlier endpoints */
function recordOf(
  service: Service,
  merged: MergedPort,
  candidate: Candidate,
  { weight, share, inPools, reasons }: Part,
  lists: (readonly Reason[])[],
): EndpointRecord {
  const { endpoint, from } = candidate;
  const dropped = merged.dropped.get(candidate);
  return {
    service: service.key,
    portName: merged.port.name,
    protocol: merged.port.protocol,
    family: merged.family,
    address: endpoint.address,
    port: candidate.port,
    cluster: candidate.cluster,
    locality: candidate.locality,
    zone: candidate.place,
    slice: from.slice.ref,
    ready: endpoint.ready,
    serving: endpoint.serving,
    terminating: endpoint.terminating,
    weight,
    share,
    leftOut: dropped === undefined ? undefined : leftOutAs(candidate),
    inPools,
    reasons: reasonsOf(candidate, dropped, reasons, lists),
  };
}

function leftOutAs({ concern, isUnmatched }: Candidate): NonNullable<EndpointRecord['leftOut']> {
  if (isUnmatched === true) return 'no such port';
  return concern?.refuses === true ? 'refused' : 'duplicate';
}

/**
 * All reasons of an endpoint, in the order of the decisions. Most endpoints of a slice have equal lists: they share the
 * first.
 */
function reasonsOf(
  { from, concern }: Candidate,
  dropped: Reason | undefined,
  chosen: readonly Reason[],
  lists: (readonly Reason[])[],
): readonly Reason[] {
  const doubt = concern === undefined || concern.refuses ? undefined : concern.reason;
  const { reason } = from.source;
  const isAlone = doubt === undefined && dropped === undefined && chosen.length === 0;
  return shared(lists, isAlone ? [reason] : exact([reason, ...present(doubt), ...present(dropped), ...chosen]));
}

function present<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

function shared(lists: (readonly Reason[])[], reasons: readonly Reason[]): readonly Reason[] {
  const known = lists.find((list) => list.length === reasons.length && list.every((one, i) => one === reasons[i]));
  if (known === undefined) lists.push(reasons);
  return known ?? reasons;
}

/** Once a port: its clients are sent to endpoints of a lost cluster, where perhaps nothing answers. */
function reportPanic(service: Service, { family, port }: MergedPort, diagnostics: Diagnostic[]): void {
  const message = `port "${port.name}" ${family}: only endpoints of lost clusters are ready; they are used`;
  diagnostics.push({ severity: 'warning', code: 'panic-mode', object: service.ref, message });
}

/** External addresses of a family in which the Service has no cluster IP: no rules are written for them. */
function reportUnservedFamilies(service: Service, diagnostics: Diagnostic[]): void {
  if (service.externalIPs.length === 0 && service.loadBalancerIPs.length === 0) return;
  const lists = [
    ['spec.externalIPs', service.externalIPs],
    ['status.loadBalancer.ingress', service.loadBalancerIPs.map(({ address }) => address)],
  ] as const;
  for (const [field, addresses] of lists) {
    const unserved = addresses.filter((address) => service.clusterIPs[familyOf(address)] === undefined);
    const [first] = unserved;
    if (first === undefined) continue;
    const more = unserved.length > 1 ? ` (and ${unserved.length - 1} more)` : '';
    const message = `${first}${more} is ${familyOf(first)}, but the Service has no ${familyOf(first)} cluster IP; the Service is not served there`;
    diagnostics.push({ severity: 'warning', code: 'service-family-unserved', object: service.ref, field, message });
  }
}

/** An address of the cluster set that another cluster's pods may have too (O7). */
function reportVipsElsewhere(service: Service, { registry }: MergeFacts, diagnostics: Diagnostic[]): void {
  for (const address of Object.values(service.clusterIPs)) {
    for (const { id, self, podCidrs } of registry.clusters) {
      if (self || isWithin(podCidrs, address) !== true) continue;
      const message = `${address} lies in the pod range of cluster ${id}; a pod of that address cannot be reached from here`;
      diagnostics.push({
        severity: 'warning',
        code: 'import-vip-overlap',
        object: service.ref,
        field: 'spec.ips',
        message,
      });
    }
  }
}

/** Source ranges count per family: ranges of one family leave the load balancer addresses of the other open. */
function reportOpenLoadBalancer(
  service: Service,
  { family, port }: MergedPort,
  frontends: ServicePortIR['frontends'],
  diagnostics: Diagnostic[],
): void {
  const open = frontends.some((frontend) => frontend.kind === 'loadBalancerIP' && frontend.sourceRanges.length === 0);
  if (!open || !service.hasSourceRanges) return;
  const field = 'spec.loadBalancerSourceRanges';
  const message = `has no valid ${family} range, or one that contains every address; port "${port.name}" is open to everyone on its ${family} load balancer addresses`;
  diagnostics.push({ severity: 'warning', code: 'load-balancer-open', object: service.ref, field, message });
}
