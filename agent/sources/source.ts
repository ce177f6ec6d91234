import type { Told } from '../../compiler/change.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { PlaceOf } from '../input/place.ts';
import type { ReflectorState } from './reflector-options.ts';

/** Where one cluster's objects come from. */
export interface Source {
  /** undefined: the cluster that the node belongs to. */
  readonly cluster: ClusterName | undefined;
  /** For people: the API server's address, or the folder. */
  readonly from: string;
  /** The kind whose changes carry Leases; absent: the source has no Leases. */
  readonly leasesIn?: string;
  /** Kinds that nothing waits for: what cannot be read of them is told, and that is all. */
  readonly forgoes?: ReadonlySet<string>;
  /** Where what it told of last stands in files; absent: it has it from no file. The cluster is its own. */
  readonly placeOf?: PlaceOf;
  /** Gives the sink objects and the state of this source, until the signal is aborted; never fails. */
  run(sink: SourceSink, signal: AbortSignal): Promise<void>;
}

/** What a source tells. */
export interface SourceSink {
  /** In the order in which they happened. A complete look at a kind ends with what is gone. */
  change(changes: readonly Told[]): void;
  /** kind: `EndpointSlice`; a folder has the one kind `manifests`. */
  state(kind: string, state: ReflectorState): void;
  /** All that was to be told of the kind up to now is told, even if that is nothing. */
  heard(kind: string): void;
  /** Changes of so many bytes were told. Returns what to wait for before more is; undefined: there is room. */
  pace(bytes: number): Promise<void> | undefined;
}
