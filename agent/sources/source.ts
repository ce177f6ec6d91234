import type { Told } from '../../compiler/change.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { PlaceOf } from '../input/place.ts';
import type { ReflectorState } from './reflector-options.ts';

/** The origin of one cluster's objects. */
export interface Source {
  /** undefined: the cluster that the node belongs to. */
  readonly cluster: ClusterName | undefined;
  /** For people: the API server's address, or the folder. */
  readonly from: string;
  /** The kind whose changes carry Leases; absent: the source has no Leases. */
  readonly leasesIn?: string;
  /** Kinds that the agent can work without: if one cannot be read, that is only reported. */
  readonly forgoes?: ReadonlySet<string>;
  /** Finds objects in files, as the source reported them last; absent: the source reads no files. Names of clusters are its own. */
  readonly placeOf?: PlaceOf;
  /** Gives the sink objects and this source's state, until the signal is aborted; never fails. */
  run(sink: SourceSink, signal: AbortSignal): Promise<void>;
}

/** Receives what a source reports. */
export interface SourceSink {
  /** In the order in which the changes happened. A complete list of a kind ends with the objects that are gone. */
  change(changes: readonly Told[]): void;
  /** kind: `EndpointSlice`; a folder has the one kind `manifests`. */
  state(kind: string, state: ReflectorState): void;
  /** Everything known of the kind up to now was reported, even if that is nothing. */
  heard(kind: string): void;
  /** Changes of this many bytes were reported. Returns what to wait for before reporting more; undefined: there is room. */
  pace(bytes: number): Promise<void> | undefined;
}
