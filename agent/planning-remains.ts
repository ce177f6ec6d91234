import type { Run } from '../backends/command.ts';
import { isOfIpvsMode } from '../backends/iptables/own-chains.ts';
import { observeRemains, remainsText } from './ipvs-remains.ts';
import { ipvsSide } from './plan-report/ipvs.ts';
import type { PlannedFamily } from './planning.ts';
import type { Wanted } from './wanted.ts';

/**
 * A plan of rules on a node where IPVS mode was, with what is there of it: virtual servers decide
 * about traffic as long as their rules are there, and they go when ours are in force.
 *
 * throws   IpvsError, KernelError
 */
export async function withRemains(run: Run, planned: PlannedFamily, wanted: Wanted): Promise<PlannedFamily> {
  const { found, node } = planned;
  const { family } = node;
  const remains = await observeRemains(run, family, { prefix: node.chainPrefix });
  if (remains === undefined) return planned;
  const before = isOfIpvsMode(found.ruleset, node.chainPrefix)
    ? { before: ipvsSide(remains, wanted.compilation.services[family], node) }
    : {};
  return { ...planned, ...before, notes: [`then IPVS mode goes: ${remainsText(remains)}`] };
}
