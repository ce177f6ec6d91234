import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { realServers, schedulerFor } from './servers.ts';

export interface Exception {
  readonly code: string;
  readonly message: string;
}

/**
 * Where IPVS cannot do what this Service port asks for, and what it does instead, in words for
 * whoever owns the Service. README.md gives the reasons.
 */
export function exceptionsOf(ir: ServicePortIR, node: NodeContext): readonly Exception[] {
  const exceptions: Exception[] = [];
  if (ir.affinity.kind === 'clientIP' && ir.frontends.length > 1) {
    exceptions.push({
      code: 'ipvs-affinity-per-frontend',
      message: `${ir.id}: IPVS remembers a client per address and port; one that uses another of them may reach another endpoint`,
    });
  }
  const isShortcutLost =
    ir.external.kind === 'forward' &&
    ir.external.pool === 'local' &&
    ir.pools.cluster.some((endpoint) => !endpoint.local);
  if (isShortcutLost && ir.frontends.some(({ kind }) => kind !== 'clusterIP' && kind !== 'clusterSetIP')) {
    exceptions.push({
      code: 'ipvs-external-stays-local',
      message: `${ir.id}: IPVS cannot tell this node's own traffic to its external addresses from others'; it goes to the endpoints on this node`,
    });
  }
  const replaced = replacedScheduler(ir, node);
  if (replaced !== undefined) {
    exceptions.push({
      code: 'ipvs-scheduler-weights',
      message: `${ir.id}: its endpoints have different weights, which scheduler ${node.ipvs.scheduler} ignores; ${replaced} is used`,
    });
  }
  return exceptions;
}

function replacedScheduler(ir: ServicePortIR, node: NodeContext): string | undefined {
  for (const pool of [ir.pools.cluster, ir.pools.local]) {
    const scheduler: string = schedulerFor(
      node.ipvs.scheduler,
      realServers(pool).map(({ weight }) => weight),
    );
    if (scheduler !== node.ipvs.scheduler) return scheduler;
  }
  return undefined;
}
