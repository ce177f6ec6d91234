import type { TextMap } from '../../compiler/model/fields.ts';
import type { Cidr } from '../../compiler/values/address.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Kind, ObjectId } from './kinds.ts';
import type { Held } from './object.ts';

/** Where an object is: in a member, or in the hub. The hub's name is no cluster's. */
export type Target = ClusterName | typeof hub;
export const hub = '(hub)';

/**
 * How far a cluster's objects are known. unread: never completely; live: completely, and a watch tells of changes;
 * away: what is known is what it was.
 */
export type Access = 'unread' | 'live' | 'away';

/** What a cluster has, indexed as the controller asks for it. */
export interface ClusterView {
  readonly target: Target;
  /** Of its registration: what policies select clusters by. */
  readonly labels: TextMap;
  /** A folder of files only offers: nothing is written there. */
  readonly takesWrites: boolean;
  /** Of Services, slices and namespaces, without which nothing can be done here. */
  readonly access: Access;
  /** Every kind was read, or is not served: what is not held is not there. */
  readonly isComplete: boolean;
  /** Every kind is read now: what is held is what is there. */
  readonly isCurrent: boolean;
  get(id: ObjectId): Held | undefined;
  /** Slices labelled with the Service `namespace/name`, whoever wrote them. */
  slicesOf(service: string): readonly Held[];
  /** What the controller made here for a topic. */
  madeFor(topic: string): readonly Held[];
  hasNamespace(name: string): boolean;
  /** The apiVersion in which a kind is served here; undefined: it is not, or is not watched. */
  apiVersionOf(kind: Kind): string | undefined;
  /** Whether all objects of a kind are known: what is not held is not there. */
  holdsAll(kind: Kind): boolean;
  /** The API server does not serve the kind. */
  lacks(kind: Kind): boolean;
  /** All that is held of a kind. */
  all(kind: Kind): readonly Held[];
  /** Slices that other clusters may get. */
  collectableCount(): number;
  /** Slices here that are copies of a cluster's. */
  copiesFrom(source: ClusterName): number;
}

export type ImportStyle = 'karmada' | 'mcs';

export interface ControllerSettings {
  /**
   * karmada: users write ServiceImports, policies say where they go. mcs: a ServiceImport is made wherever the
   * namespace is, as long as a cluster exports the Service.
   */
  readonly importStyle: ImportStyle;
  /** Ranges of clusterset IPs, at most one a family; empty: each import has a derived Service. */
  readonly clusterSetIpRanges: readonly Cidr[];
  readonly createNamespaces: boolean;
  readonly keepNodeNames: boolean;
  readonly keepExternalIps: boolean;
}

/** All that a decision depends on. */
export interface World {
  /** undefined: the members themselves hold what users write. */
  readonly hub: ClusterView | undefined;
  /** There is a hub, and what users want now cannot be read there. */
  readonly isHubAway: boolean;
  /** In order of their names. */
  readonly members: ReadonlyMap<ClusterName, ClusterView>;
  readonly settings: ControllerSettings;
  /** Writes that the last attempt could not make, by `cluster id`; why. */
  readonly problems: ReadonlyMap<string, string>;
  /** Clusters in which nobody may write now; why. */
  readonly vacancies: ReadonlyMap<Target, string>;
  /** Clusterset IPs in use, and the topic that each is for. */
  readonly clusterSetIps: ReadonlyMap<string, string>;
  /** Whether new clusterset IPs may be given away: one replica alone does. */
  readonly givesIps: boolean;
  /** Now, as conditions have it: `2026-01-01T00:00:00Z`. */
  readonly time: string;
}

export function problemKey(target: Target, id: string): string {
  return `${target} ${id}`;
}
