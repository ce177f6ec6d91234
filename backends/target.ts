import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { ChainPrefix } from '../compiler/settings.ts';
import type { Cidr, Family } from '../compiler/values/address.ts';
import type { ServicePortId } from '../compiler/values/names.ts';

/** What a node should have in force in one family. */
export interface Target {
  /** In id order. */
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
  /** Where `services` comes from, if known: code that has handled the earlier list need only look at the differences. */
  readonly since?: Since | undefined;
}

/** How one list of Service ports comes out of another. */
export interface Since {
  /** The other list, the very value. */
  readonly services: readonly ServicePortIR[];
  readonly changes: ServiceChanges;
}

/** The changes to Service ports: their new meaning, or that they are gone. */
export type ServiceChanges = ReadonlyMap<ServicePortId, ServicePortIR | 'gone'>;

/**
 * Joins changes: from the list before the first to the list after the second.
 *
 * returns   undefined where the second does not go on from `between`
 */
export function joinSince(
  first: Since | undefined,
  between: readonly ServicePortIR[],
  second: Since | undefined,
): Since | undefined {
  if (first === undefined || second?.services !== between) return undefined;
  return { services: first.services, changes: new Map([...first.changes, ...second.changes]) };
}

/**
 * Which parts of a kernel slicewright may change, in one family. Decided once, on the command line: no code below it has a
 * default for any of this, because a default once emptied the family of another slicewright.
 */
export interface Scope {
  readonly family: Family;
  /** Starts the names of everything that slicewright makes. */
  readonly prefix: ChainPrefix;
  /** Treat what another program made under these names as slicewright's: a kube-proxy's that was stopped. */
  readonly takeOver: boolean;
  /** Where a take-over leaves other programs' virtual servers alone (`ipvs.excludeCIDRs`). */
  readonly excludeCidrs: readonly Cidr[];
}

/** Whether the node has addresses of the family, or some Service a port. */
export function isUsed({ services, node }: Target): boolean {
  return services.length > 0 || node.addresses.length > 0;
}
