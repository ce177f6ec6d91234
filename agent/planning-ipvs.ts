import type { Run } from '../backends/command.ts';
import { fingerprintOf } from '../backends/ipvs/fingerprint.ts';
import { observeProgram } from '../backends/ipvs/observe.ts';
import { planProgram } from '../backends/ipvs/plan.ts';
import { emptyProgram, type IpvsProgram } from '../backends/ipvs/program.ts';
import type { IpvsStep } from '../backends/ipvs/steps.ts';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { ChainPrefix } from '../compiler/settings.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import { type Family, families } from '../compiler/values/address.ts';
import type { IpvsReportInput } from './plan-report/ipvs.ts';
import { observeRemains } from './ipvs-remains.ts';
import { dangersOf, observePossible } from './planning.ts';
import { isUsed, type WantedIpvs } from './wanted.ts';

/** The plan of one family for IPVS, with what a report of it needs. */
export interface PlannedIpvs extends IpvsReportInput {
  readonly family: Family;
  /** Of what was observed: a saved plan is for this state and no other. */
  readonly fingerprint: string;
  readonly observed: IpvsProgram;
  readonly desired: IpvsProgram;
  readonly steps: readonly IpvsStep[];
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
}

/**
 * What the kernel holds now: of every family that the node or a Service has, and of one that it has
 * no longer while something of ours is left there.
 *
 * throws   IpvsError, KernelError
 */
export async function observeIpvsFamilies(run: Run, wanted: WantedIpvs): Promise<IpvsProgram[]> {
  const prefix = wanted.settings.chainPrefix;
  const observations: IpvsProgram[] = [];
  for (const family of families) {
    if (isUsed(wanted, family) || (await hasOurs(run, family, prefix))) {
      observations.push(await observeProgram(run, family, prefix));
    }
  }
  return observations;
}

async function hasOurs(run: Run, family: Family, prefix: ChainPrefix): Promise<boolean> {
  const tables = await observePossible(run, family, false, prefix);
  return tables?.owner === 'us' || (await observeRemains(run, family, { prefix })) !== undefined;
}

/** source   where what was observed is from, for people; undefined: the kernel */
export function planIpvs(observed: IpvsProgram, wanted: WantedIpvs, source?: string): PlannedIpvs {
  const { family, found } = observed;
  const desired = isUsed(wanted, family) ? wanted.programs[family] : emptyProgram(family, observed.prefix);
  const tables = found?.tables;
  return {
    family,
    fingerprint: fingerprintOf(observed),
    source: source ?? (tables === undefined ? 'the kernel' : `the kernel (IPVS, ${tables.tools.mode})`),
    observed,
    desired,
    steps: planProgram(observed, desired),
    services: wanted.compilation.services[family],
    node: wanted.compilation.node[family],
    dangers: tables === undefined || source !== undefined ? [] : dangersOf(tables),
  };
}
