import { attachedTo, type Holdings, type Member, serviceAt, type Unaccepted, unaccepted } from './attachments.ts';
import { setNested, setOrDelete } from './counts.ts';
import { type AttachedSlice, serviceOf } from './merge/attach.ts';
import type { MergeFacts } from './merge/facts.ts';
import { addressesToJudge } from './ir/address-rights.ts';
import type { ClusterProperty } from './model/cluster-property.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import type { Node } from './model/node.ts';
import type { ModelObject } from './model/kinds.ts';
import { createOwnSlices, type OwnSlices } from './own-slices.ts';
import type { Service } from './model/service.ts';
import type { ServiceImport } from './model/service-import.ts';
import { namesIn, type Registry } from './registry/registry.ts';
import { createTallies, type Places, type Tallies } from './tallies.ts';
import { embeddedIpv4, type IpAddress } from './values/address.ts';
import { type ClusterName, compareText, importKey, type Namespace, type ServiceKey } from './values/names.ts';
import type { ObjectRef } from './values/object-ref.ts';
import { unreachable } from './values/unreachable.ts';

/** What is related to objects that came or went since the last look. */
export interface Touched {
  /** Services that these objects are, or feed. */
  readonly keys: Set<ServiceKey>;
  /** Places that became local or ceased to be. */
  readonly places: Places;
  /** Namespaces whose objects changed their claims about clusters and addresses. */
  readonly namespaces: Set<Namespace>;
}

/** What the tallies alone tell. */
type Told = 'given' | 'claimsOf' | 'claimingNamespaces' | 'nodePods' | 'isApiServer' | 'reserved' | 'contested';

/**
 * The objects of all clusters, indexed by what compiling one Service looks up. Knows which Services a change touches;
 * attachments.ts decides which object counts where.
 */
export interface World extends Pick<Tallies, Told> {
  /** A Service, or a ServiceImport that answers at its own addresses because no Service is derived from it. */
  service(key: ServiceKey): Service | undefined;
  /** The keys of everything that `service` may know. */
  serviceKeys(): Iterable<ServiceKey>;
  keysIn(namespaces: ReadonlySet<Namespace>): Iterable<ServiceKey>;
  readonly nodes: readonly Node[];
  /** The local cluster's own ClusterProperty objects. */
  readonly properties: Iterable<ClusterProperty>;
  put(cluster: ClusterName | undefined, object: ModelObject): void;
  drop(cluster: ClusterName | undefined, object: ModelObject): void;
  takeTouched(): Touched;
  /** Services that an object is, feeds or may affect, given all objects present now. */
  concerns(cluster: ClusterName | undefined, object: ModelObject): ReadonlySet<ServiceKey>;
  /** A Service's slices: the local cluster's by name, then other clusters', by cluster and name. */
  attachedTo(key: ServiceKey, facts: MergeFacts): AttachedSlice[];
  /** All slices of the local cluster that feed some Service, existing or not. */
  ownSlices(): Iterable<EndpointSlice>;
  /** What they say about their origin. */
  readonly origins: Omit<OwnSlices, 'change'>;
  /** Slices of the local cluster that name no Service. */
  readonly unattached: Iterable<ObjectRef>;
  /** MultiClusterServices of other clusters that name providers or consumers which that cluster may not speak for. */
  overreaching(): Iterable<ObjectRef>;
  /** Offers of other clusters that no object of the local cluster accepts. */
  unaccepted(factsIn: (namespace: Namespace) => MergeFacts): Iterable<Unaccepted>;
  /**
   * Services with one of these addresses in their own fields, or with a slice of possibly another cluster that names
   * one.
   */
  keysNaming(places: Places): ServiceKey[];
  /**
   * Ids that a slice's name may begin with, longest first (MR-12): ids of clusters that are registered or whose objects
   * are here, and those that the objects of one namespace name.
   *
   * namespace  undefined: only the ids that count in every namespace
   */
  knownClusters(own: ClusterName | undefined, registry: Registry, namespace: Namespace | undefined): ClusterName[];
}

export function createWorld(): World {
  const members = new Map<ClusterName | undefined, Member>();
  /** The other clusters, by name. */
  let others: readonly ClusterName[] = [];
  const imports = new Map<ServiceKey, ServiceImport>();
  /** ServiceImports by the Service that would stand for them. */
  const importsOfDerived = new Map<ServiceKey, Map<ServiceKey, ServiceImport>>();
  const nodes = new Map<string, Node>();
  const properties = new Map<string, ClusterProperty>();
  const unattached = new Map<EndpointSlice, ObjectRef>();
  const origins = createOwnSlices();
  const tallies = createTallies();
  let touched = new Set<ServiceKey>();
  const ours = memberOf(undefined);
  const holdings: Holdings = {
    ours,
    imports,
    importsOfDerived,
    get others() {
      return others;
    },
    memberOf,
  };

  function memberOf(cluster: ClusterName | undefined): Member {
    let member = members.get(cluster);
    if (member === undefined) {
      member = { services: new Map(), slices: new Map(), exports: new Set(), multiClusterServices: new Map() };
      members.set(cluster, member);
      others = [...members.keys()].filter((name) => name !== undefined).sort(compareText);
    }
    return member;
  }

  function index(cluster: ClusterName | undefined, object: ModelObject, present: boolean): void {
    const member = memberOf(cluster);
    switch (object.kind) {
      case 'Service':
        return setOrDelete(member.services, object.value.key, object.value, present);
      case 'ServiceExport':
        if (present) member.exports.add(object.value.key);
        else member.exports.delete(object.value.key);
        return;
      case 'MultiClusterService':
        return setOrDelete(member.multiClusterServices, object.value.key, object.value, present);
      case 'EndpointSlice':
        return indexSlice(cluster, object.value, present);
      case 'ServiceImport':
        if (cluster === undefined) indexImport(object.value, present);
        return;
      case 'Node':
        if (cluster === undefined) setOrDelete(nodes, object.value.name, object.value, present);
        return;
      case 'ClusterProperty':
        if (cluster === undefined) setOrDelete(properties, object.value.name, object.value, present);
        return;
      default:
        unreachable(object);
    }
  }

  function touch(cluster: ClusterName | undefined, object: ModelObject): void {
    for (const key of concerns(cluster, object)) touched.add(key);
  }

  function concerns(cluster: ClusterName | undefined, object: ModelObject): Set<ServiceKey> {
    const keys = new Set<ServiceKey>();
    // Another cluster's imports do not count here.
    if (object.kind === 'ServiceImport' && cluster !== undefined) return keys;
    for (const key of servicesOf(object)) {
      keys.add(key);
      for (const related of relatedTo(key)) keys.add(related);
    }
    return keys;
  }

  function relatedTo(key: ServiceKey): ServiceKey[] {
    const imported = imports.get(importKey(key)) ?? imports.get(key);
    const related = imported === undefined ? [] : [imported.service.key, imported.derived ?? key];
    // The key may itself be derived: then it stands for an import of another name.
    for (const other of importsOfDerived.get(key)?.values() ?? []) related.push(other.service.key, other.exported);
    return related;
  }

  function indexImport(imported: ServiceImport, present: boolean): void {
    const { service, derived } = imported;
    setOrDelete(imports, service.key, imported, present);
    if (derived !== undefined) setNested(importsOfDerived, derived, service.key, imported, present);
  }

  function indexSlice(cluster: ClusterName | undefined, slice: EndpointSlice, present: boolean): void {
    const key = serviceOf(slice);
    if (key === undefined) {
      if (cluster === undefined && !slice.hidden) setOrDelete(unattached, slice, slice.ref, present);
      return;
    }
    const { slices } = memberOf(cluster);
    const others = slices.get(key)?.filter(({ name }) => name !== slice.name) ?? [];
    const now = present ? [...others, slice].sort((a, b) => compareText(a.name, b.name)) : others;
    setOrDelete(slices, key, now, now.length > 0);
    if (cluster === undefined) origins.change(slice, present);
  }

  function keysOfSlicesNaming({ addresses, pods }: Places): ServiceKey[] {
    const keys: ServiceKey[] = [];
    // A gateway may extract a local address from an address that embeds it (merge/sanitise.ts).
    const isThere = (address: IpAddress): boolean =>
      [address, ...embeddedIpv4(address)].some((meant) => addresses.has(meant) || pods.hold(meant));
    for (const [cluster, { slices }] of members) {
      // Another cluster's native slices are remote to this cluster.
      const names = ({ marks, endpoints }: EndpointSlice): boolean =>
        (cluster !== undefined || !marks.native) && endpoints.some(({ address }) => isThere(address));
      for (const [key, ofService] of slices) {
        if (ofService.some(names)) keys.push(key, ...relatedTo(key));
      }
    }
    return keys;
  }

  return {
    service: (key) => serviceAt(holdings, key),
    *serviceKeys() {
      yield* ours.services.keys();
      yield* imports.keys();
    },
    *keysIn(namespaces) {
      if (namespaces.size === 0) return;
      for (const { key, namespace } of ours.services.values()) if (namespaces.has(namespace)) yield key;
      for (const [key, { namespace }] of imports) if (namespaces.has(namespace)) yield key;
    },
    get nodes() {
      return [...nodes.values()];
    },
    get properties() {
      return properties.values();
    },
    put(cluster, object) {
      tallies.change(cluster, object, 1);
      index(cluster, object, true);
      touch(cluster, object);
    },
    drop(cluster, object) {
      tallies.change(cluster, object, -1);
      // Related Services are found while the object is still there.
      touch(cluster, object);
      index(cluster, object, false);
    },
    concerns,
    takeTouched() {
      const keys = touched;
      touched = new Set();
      return { keys, ...tallies.takeTouched() };
    },
    attachedTo: (key, facts) => attachedTo(holdings, key, facts),
    *ownSlices() {
      for (const slices of ours.slices.values()) yield* slices;
    },
    origins,
    get unattached() {
      return unattached.values();
    },
    *overreaching() {
      for (const cluster of others) {
        for (const { ref, providers } of memberOf(cluster).multiClusterServices.values()) {
          if (providers.length !== 1 || providers[0] !== cluster) yield ref;
        }
      }
    },
    unaccepted: (factsIn) => unaccepted(holdings, factsIn),
    keysNaming({ addresses, pods }) {
      const keys: ServiceKey[] = [];
      // Looks at all slices and Services only for an address that one of them may name.
      if (pods.areKnown() || [...addresses].some(tallies.mayName))
        keys.push(...keysOfSlicesNaming({ addresses, pods }));
      if (![...addresses].some(tallies.isJudged)) return keys;
      for (const key of [...ours.services.keys(), ...imports.keys()]) {
        const service = serviceAt(holdings, key);
        if (service !== undefined && addressesToJudge(service).some((address) => addresses.has(address)))
          keys.push(key);
      }
      return keys;
    },
    given: tallies.given,
    claimsOf: tallies.claimsOf,
    claimingNamespaces: tallies.claimingNamespaces,
    knownClusters(own, registry, namespace) {
      const claimed = namespace === undefined ? [] : tallies.claimsOf(namespace).named.keys();
      const known = new Set([...tallies.given(), ...claimed, ...namesIn(registry)]);
      if (own !== undefined) known.add(own);
      known.delete('' as ClusterName);
      return [...known].sort((a, b) => b.length - a.length || compareText(a, b));
    },
    nodePods: tallies.nodePods,
    contested: tallies.contested,
    isApiServer: tallies.isApiServer,
    reserved: tallies.reserved,
  };
}

/** Services that an object is, feeds or names, judged by the object alone. */
function servicesOf(object: ModelObject): readonly ServiceKey[] {
  switch (object.kind) {
    case 'Service':
    case 'ServiceExport':
    case 'MultiClusterService':
      return [object.value.key];
    case 'EndpointSlice': {
      const key = serviceOf(object.value);
      return key === undefined ? [] : [key];
    }
    case 'ServiceImport': {
      const { service, exported, derived } = object.value;
      return derived === undefined ? [service.key, exported] : [service.key, exported, derived];
    }
    case 'Node':
    case 'ClusterProperty':
      return [];
    default:
      return unreachable(object);
  }
}
