import {
  type AttachedSlice,
  attachOwn,
  attachProvided,
  attachStandIn,
  type Grant,
  isProvided,
} from './merge/attach.ts';
import type { MergeFacts } from './merge/facts.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import type { MultiClusterService } from './model/multi-cluster-service.ts';
import type { Service } from './model/service.ts';
import type { ServiceImport } from './model/service-import.ts';
import { type ClusterName, compareText, importKey, type ServiceKey } from './values/names.ts';

/** Another cluster's objects, or our own, by what they are asked for. */
export interface Member {
  readonly services: Map<ServiceKey, Service>;
  readonly slices: Map<ServiceKey, Map<string, EndpointSlice>>;
  readonly exports: Set<ServiceKey>;
  readonly multiClusterServices: Map<ServiceKey, MultiClusterService>;
}

/** All that decides which slices feed which Service. */
export interface Holdings {
  readonly ours: Member;
  /** The other clusters, by name. */
  readonly others: readonly ClusterName[];
  memberOf(cluster: ClusterName): Member;
  /** Our own cluster's, by their keys. */
  readonly imports: ReadonlyMap<ServiceKey, ServiceImport>;
  /** The same by the Service that would stand for them. */
  readonly importsOfDerived: ReadonlyMap<ServiceKey, ReadonlyMap<ServiceKey, ServiceImport>>;
}

/** A Service, or a ServiceImport that answers at its own addresses because no Service is derived from it. */
export function serviceAt({ ours, imports }: Holdings, key: ServiceKey): Service | undefined {
  const imported = imports.get(key);
  if (imported === undefined) return ours.services.get(key);
  return derivedOf(ours, imported) === undefined ? imported.service : undefined;
}

/** A Service's slices: our own cluster's by name, then other clusters', by cluster and name. */
export function attachedTo(holdings: Holdings, key: ServiceKey, facts: MergeFacts): AttachedSlice[] {
  const imported = importBehind(holdings, key);
  return [
    ...attachedOwn(holdings.ours, key, imported, facts),
    ...holdings.others.flatMap((cluster) => attachedOther(holdings, cluster, key, imported, facts)),
  ];
}

/** The Service that stands for an import; undefined: it answers itself. */
function derivedOf(ours: Member, { derived, isDerived }: ServiceImport): ServiceKey | undefined {
  return derived !== undefined && (isDerived || ours.services.has(derived)) ? derived : undefined;
}

/** The import that a key is of, or is derived from; of several the first by name. */
function importBehind({ ours, imports, importsOfDerived }: Holdings, key: ServiceKey): ServiceImport | undefined {
  const itself = imports.get(key);
  if (itself !== undefined) return itself;
  const [first] = [...(importsOfDerived.get(key)?.values() ?? [])]
    .filter((imported) => derivedOf(ours, imported) === key)
    .sort((a, b) => compareText(a.name, b.name));
  return first;
}

function slicesOf(member: Member, key: ServiceKey): EndpointSlice[] {
  return [...(member.slices.get(key)?.values() ?? [])].sort((a, b) => compareText(a.name, b.name));
}

function attachedOwn(
  ours: Member,
  key: ServiceKey,
  imported: ServiceImport | undefined,
  facts: MergeFacts,
): AttachedSlice[] {
  // A slice that names the import alone feeds the Service that stands for it.
  const ofImport = imported === undefined || imported.service.key === key ? [] : slicesOf(ours, imported.service.key);
  const own = [...slicesOf(ours, key), ...(facts.compat ? [] : ofImport)].map((slice) => attachOwn(slice, facts));
  if (imported === undefined || facts.compat || !needsStandIns(ours, own, key, imported)) return own;
  const servicePorts = ours.services.get(imported.exported)?.ports;
  const standIns = slicesOf(ours, imported.exported).map((slice) => attachStandIn(slice, servicePorts, facts));
  return [...own, ...standIns.filter((attached) => attached !== undefined)];
}

/**
 * What we export is part of the import, and only we know it of ourselves. Where it came back as an address of our own
 * Service, no second translation would lead from there to its endpoints (MR-16).
 */
function needsStandIns(
  ours: Member,
  own: readonly AttachedSlice[],
  key: ServiceKey,
  { exported, service }: ServiceImport,
): boolean {
  if (key === service.key && ours.exports.has(exported)) return true;
  const addresses = Object.values(ours.services.get(exported)?.clusterIPs ?? {});
  return own.some(
    ({ slice, source }) =>
      source.kind === 'own' &&
      source.how === 'returned' &&
      slice.endpoints.some(({ address }) => addresses.includes(address)),
  );
}

function attachedOther(
  holdings: Holdings,
  cluster: ClusterName,
  key: ServiceKey,
  imported: ServiceImport | undefined,
  facts: MergeFacts,
): AttachedSlice[] {
  const granted = grantOf(holdings, cluster, key, imported, facts);
  if (granted === undefined) return [];
  const member = holdings.memberOf(cluster);
  const servicePorts = member.services.get(granted.of)?.ports;
  return slicesOf(member, granted.of)
    .map((slice) => attachProvided(slice, cluster, granted.grant, servicePorts, facts))
    .filter((attached) => attached !== undefined);
}

/** Another cluster's Service that feeds one of ours, and why it does. */
function grantOf(
  { ours, imports, memberOf }: Holdings,
  cluster: ClusterName,
  key: ServiceKey,
  imported: ServiceImport | undefined,
  facts: MergeFacts,
): { readonly of: ServiceKey; readonly grant: Grant } | undefined {
  const { exports, multiClusterServices } = memberOf(cluster);
  // Of another cluster's word only that counts which is about itself.
  const sayings = [ours.multiClusterServices.get(key), multiClusterServices.get(key)];
  if (sayings.some((mcs) => mcs !== undefined && isProvided(mcs, cluster, facts))) {
    return { of: key, grant: 'multi-cluster-service' };
  }
  // What is exported is for the import; without one, for the Service of the same name.
  const of = imported?.exported ?? (imports.has(importKey(key)) ? undefined : key);
  return of !== undefined && exports.has(of) ? { of, grant: 'exported' } : undefined;
}
