import type { TextMap } from '../../compiler/model/fields.ts';
import type { Cidr } from '../../compiler/values/address.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Kind, ObjectId } from './kinds.ts';
import type { Held } from './object.ts';

/** Where an object is: in a member, or in the hub. No cluster can have the hub's name. */
export type Target = ClusterName | typeof hub;
export const hub = '(hub)';

/**
 * How well a cluster's objects are known. unread: never read completely; live: read completely, and a watch reports changes;
 * away: read before, and possibly out of date.
 */
export type Access = 'unread' | 'live' | 'away';

/** A cluster's objects, indexed as the controller needs them. */
export interface ClusterView {
  readonly target: Target;
  /** The labels of its registration, by which policies select clusters. */
  readonly labels: TextMap;
  /** false: a folder of files, which only offers Services: nothing is written there. */
  readonly takesWrites: boolean;
  /** How well Services, slices and namespaces are known: without them the controller can do nothing here. */
  readonly access: Access;
  /** Every kind was read, or is not served: an object that is not held does not exist. */
  readonly isComplete: boolean;
  /** Every kind can be read now: the objects held are the present ones. */
  readonly isCurrent: boolean;
  get(id: ObjectId): Held | undefined;
  /** Slices labelled with the Service `namespace/name`, whatever program wrote them. */
  slicesOf(service: string): readonly Held[];
  /** Objects that the controller made here for a topic. */
  madeFor(topic: string): readonly Held[];
  hasNamespace(name: string): boolean;
  /** The apiVersion in which a kind is served here; undefined: it is not served, or not watched. */
  apiVersionOf(kind: Kind): string | undefined;
  /** Whether all objects of a kind are known: one that is not held does not exist. */
  holdsAll(kind: Kind): boolean;
  /** Whether the API server does not serve the kind. */
  lacks(kind: Kind): boolean;
  /** All objects held of a kind. */
  all(kind: Kind): readonly Held[];
  /** The number of slices that other clusters may get. */
  collectableCount(): number;
  /** The number of slices here that are copies of a cluster's. */
  copiesFrom(source: ClusterName): number;
}

export type ImportStyle = 'karmada' | 'mcs';

export interface ControllerSettings {
  /**
   * karmada: users write ServiceImports, and policies say where they go. mcs: a ServiceImport is made in every cluster with the
   * namespace, as long as a cluster exports the Service.
   */
  readonly importStyle: ImportStyle;
  /** Ranges of clusterset IPs, at most one per family; empty: each import has a derived Service. */
  readonly clusterSetIpRanges: readonly Cidr[];
  readonly createNamespaces: boolean;
  readonly keepNodeNames: boolean;
  readonly keepExternalIps: boolean;
}

/** Everything that a decision depends on. */
export interface World {
  /** undefined: there is no hub, and users write into the members. */
  readonly hub: ClusterView | undefined;
  /** There is a hub, and the users' present wishes cannot be read there. */
  readonly isHubAway: boolean;
  /** In order of their names. */
  readonly members: ReadonlyMap<ClusterName, ClusterView>;
  readonly settings: ControllerSettings;
  /** Writes that the last attempt could not make, by `cluster id`, with the reason. */
  readonly problems: ReadonlyMap<string, string>;
  /** Clusters to which no replica may write now, with the reason. */
  readonly vacancies: ReadonlyMap<Target, string>;
  /** Clusterset IPs in use, with their topics. */
  readonly clusterSetIps: ReadonlyMap<string, string>;
  /** Whether this replica may give away new clusterset IPs: only one replica may. */
  readonly givesIps: boolean;
  /** The present time, as conditions have it: `2026-01-01T00:00:00Z`. */
  readonly time: string;
}

export function problemKey(target: Target, id: string): string {
  return `${target} ${id}`;
}
