import type { NodeContext } from './ir/node-context.ts';
import type { ServicePortIR } from './ir/ir.ts';
import type { EndpointRecord } from './merge/record.ts';
import type { Registry } from './registry/registry.ts';
import type { Settings } from './settings.ts';
import type { Family, IpAddress } from './values/address.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import type { ClusterName } from './values/names.ts';

/** One cluster's objects, as far as they are known: plain JSON of any kind, as an API server or a file gives them. */
export interface ClusterObjects {
  /** undefined: the cluster that the node belongs to. */
  readonly cluster: ClusterName | undefined;
  readonly objects: readonly unknown[];
}

export interface CompileInput {
  readonly clusters: readonly ClusterObjects[];
  readonly settings: Settings;
  /** What is known of the clusters besides their objects; absent: nothing. */
  readonly registry?: Registry;
  /** The node that is compiled for; undefined: the only Node among the local cluster's objects. */
  readonly nodeName: string | undefined;
  /** Addresses of the node's interfaces, when compiling on it; undefined: those of the Node object. */
  readonly localAddresses: readonly IpAddress[] | undefined;
}

export interface Compilation {
  /** In id order, per family. */
  readonly services: Readonly<Record<Family, readonly ServicePortIR[]>>;
  readonly node: Readonly<Record<Family, NodeContext>>;
  /** Sorted, worst first. */
  readonly diagnostics: readonly Diagnostic[];
  /** Every endpoint that was seen, used or not, with the decisions about it. */
  readonly endpoints: readonly EndpointRecord[];
}
