import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { ChainPrefix } from '../compiler/settings.ts';
import type { Cidr, Family } from '../compiler/values/address.ts';

/** What a node shall do in one family. */
export interface Target {
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
}

/**
 * What of a kernel is slicewright's to change, in one family. Decided once, on the command line: nothing below it has a
 * default for any of this, because a default once emptied another slicewright's family.
 */
export interface Scope {
  readonly family: Family;
  /** Of the names of everything that slicewright makes. */
  readonly prefix: ChainPrefix;
  /** Count as slicewright's what another program made under these names: a kube-proxy's that was stopped. */
  readonly takeOver: boolean;
  /** Where a take-over leaves virtual servers of others alone (`ipvs.excludeCIDRs`). */
  readonly excludeCidrs: readonly Cidr[];
}

/** Whether the node has addresses of the family, or some Service a port. */
export function isUsed({ services, node }: Target): boolean {
  return services.length > 0 || node.addresses.length > 0;
}
