import type { Family, IpAddress } from '../values/address.ts';
import type { ClusterName, PortName, ServiceKey } from '../values/names.ts';
import type { ObjectRef } from '../values/object-ref.ts';
import type { Port, Protocol } from '../values/port.ts';
import type { Rational } from '../values/rational.ts';

/** Where an endpoint runs, seen from this node. */
export type Locality = 'node' | 'cluster' | 'remote';

/** One decision about an endpoint: the rule, and its outcome in words. */
export interface Reason {
  /** Its name in docs/rules.md: `L2`, `MR-33`, `O1`, `IPT-5.4`, `failover`. */
  readonly rule: string;
  readonly text: string;
}

/** Everything known of one endpoint of one Service port, used or not: what `explain` prints. */
export interface EndpointRecord {
  readonly service: ServiceKey;
  readonly portName: PortName;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly address: IpAddress;
  readonly port: Port;
  /** undefined: the local cluster. */
  readonly cluster: ClusterName | undefined;
  readonly locality: Locality;
  /** The place that its zone means: another cluster's is qualified, `east/zone-a`, unless the registry maps it. */
  readonly zone: string | undefined;
  readonly slice: ObjectRef;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Integer weight within the cluster pool; 0: gets no new connections through it. */
  readonly weight: number;
  /** Its exact part of the cluster pool's connections; the shares of a Service port add up to 1, or all are 0. */
  readonly share: Rational;
  /**
   * Left out for every client: another slice has it too, it is not believed, or its slice has another port. undefined:
   * it takes part.
   */
  readonly leftOut: 'duplicate' | 'refused' | 'no such port' | undefined;
  /** Whether it is in the cluster pool, and in the local pool. */
  readonly inPools: { readonly cluster: boolean; readonly local: boolean };
  readonly reasons: readonly Reason[];
}
