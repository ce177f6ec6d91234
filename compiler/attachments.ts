import {
  type AttachedSlice,
  attachOwn,
  attachProvided,
  attachStandIn,
  type Grant,
  isProvided,
} from './merge/attach.ts';
import { consentTo, isProtected, type Offer } from './merge/consent.ts';
import type { MergeFacts } from './merge/facts.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import type { MultiClusterService } from './model/multi-cluster-service.ts';
import type { Service } from './model/service.ts';
import type { ServiceImport } from './model/service-import.ts';
import { type ClusterName, compareText, importKey, type Namespace, type ServiceKey } from './values/names.ts';
import type { ObjectRef } from './values/object-ref.ts';

/** The objects of one cluster, local or other, indexed by what is looked up. */
export interface Member {
  readonly services: Map<ServiceKey, Service>;
  /** By name. */
  readonly slices: Map<ServiceKey, readonly EndpointSlice[]>;
  readonly exports: Set<ServiceKey>;
  readonly multiClusterServices: Map<ServiceKey, MultiClusterService>;
}

/** Everything that decides which slices feed which Service. */
export interface Holdings {
  readonly ours: Member;
  /** The other clusters, by name. */
  readonly others: readonly ClusterName[];
  memberOf(cluster: ClusterName): Member;
  /** The local cluster's, by their keys. */
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

/** A Service's slices: the local cluster's by name, then other clusters', by cluster and name. */
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

function slicesOf(member: Member, key: ServiceKey): readonly EndpointSlice[] {
  return member.slices.get(key) ?? [];
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
 * Whether the local Service's own slices stand in for it in the import (MR-16): where the local cluster exports it,
 * since the import then includes these endpoints; and where a slice brings back the local Service's own address, since
 * no second translation leads from there to its endpoints.
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
  if (granted?.grant === undefined) return [];
  const { grant } = granted;
  const member = holdings.memberOf(cluster);
  const servicePorts = member.services.get(granted.of)?.ports;
  return slicesOf(member, granted.of)
    .map((slice) => attachProvided(slice, cluster, grant, servicePorts, facts))
    .filter((attached) => attached !== undefined);
}

/** Another cluster's Service that could feed a local one. grant undefined: nothing in the local cluster accepts it. */
interface Offered {
  readonly of: ServiceKey;
  readonly grant: Grant | undefined;
}

function grantOf(
  holdings: Holdings,
  cluster: ClusterName,
  key: ServiceKey,
  imported: ServiceImport | undefined,
  facts: MergeFacts,
): Offered | undefined {
  const { ours } = holdings;
  const mcs = ours.multiClusterServices.get(key);
  const isProvidedByUs = mcs !== undefined && isProvided(mcs, cluster, facts);
  const offered = isProvidedByUs ? provided(key) : offerOf(holdings, cluster, key, imported, facts);
  if (offered === undefined) return undefined;
  const { of, offer } = offered;
  const annotations = (ours.services.get(key) ?? imported)?.annotations ?? new Map<string, string>();
  const isImport = imported !== undefined && of === imported.exported && key !== of;
  const consent = consentTo({ cluster, key, of, annotations, isImport, isProvidedByUs }, facts.registry);
  return { of, grant: consent && { offer, consent } };
}

/** A MultiClusterService has the same name on both sides. */
function provided(key: ServiceKey): { readonly of: ServiceKey; readonly offer: Offer } {
  return { of: key, offer: 'provided' };
}

/** What another cluster's own objects offer. They count only for endpoints of that cluster. */
function offerOf(
  { imports, memberOf }: Holdings,
  cluster: ClusterName,
  key: ServiceKey,
  imported: ServiceImport | undefined,
  facts: MergeFacts,
): { readonly of: ServiceKey; readonly offer: Offer } | undefined {
  const { exports, multiClusterServices } = memberOf(cluster);
  const theirs = multiClusterServices.get(key);
  if (theirs !== undefined && isProvided(theirs, cluster, facts)) return provided(key);
  // An export feeds the import; where there is no import, the Service of the same name.
  const of = imported?.exported ?? (imports.has(importKey(key)) ? undefined : key);
  return of !== undefined && exports.has(of) ? { of, offer: 'exported' } : undefined;
}

/** Endpoints that another cluster offers for a local Service, and that nothing in the local cluster accepts. */
export interface Unaccepted {
  readonly service: ObjectRef;
  readonly cluster: ClusterName;
  readonly isProtected: boolean;
}

export function* unaccepted(holdings: Holdings, factsIn: (namespace: Namespace) => MergeFacts): Generator<Unaccepted> {
  for (const cluster of holdings.others) {
    const { exports, multiClusterServices, slices } = holdings.memberOf(cluster);
    for (const offered of new Set([...exports, ...multiClusterServices.keys()])) {
      if (!slices.has(offered)) continue;
      for (const key of feedableBy(holdings, offered)) {
        const service = serviceAt(holdings, key);
        if (service === undefined || service.skipped !== undefined) continue;
        const granted = grantOf(holdings, cluster, key, importBehind(holdings, key), factsIn(service.namespace));
        if (granted === undefined || granted.grant !== undefined || granted.of !== offered) continue;
        yield { service: service.ref, cluster, isProtected: isProtected(key) || isProtected(offered) };
      }
    }
  }
}

/** Local Services that another cluster's Service of this key might feed. */
function feedableBy({ ours, imports }: Holdings, key: ServiceKey): ServiceKey[] {
  const imported = imports.get(importKey(key));
  const derived = imported && derivedOf(ours, imported);
  return [key, ...(imported === undefined ? [] : [derived ?? importKey(key)])];
}
