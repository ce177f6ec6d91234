import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { afterPlan } from '../../backends/ipvs/applied.ts';
import { IpvsError } from '../../backends/ipvs/errors.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import { observeProgram } from '../../backends/ipvs/observe.ts';
import { planProgram } from '../../backends/ipvs/plan.ts';
import { emptyProgram, type IpvsProgram } from '../../backends/ipvs/program.ts';
import type { IpvsStep } from '../../backends/ipvs/steps.ts';
import { KernelError } from '../../backends/netfilter/errors.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import type { Family } from '../../compiler/values/address.ts';
import { emptySync, type FamilyPlane, isUsed, type Wanted } from './dataplane.ts';
import { rememberUnits } from './units.ts';

/** Something that a first plan can start from, and its name for people. */
export interface IpvsStart {
  readonly source: string;
  readonly observed: IpvsProgram;
}

/** A plan that would be performed. */
export interface DryIpvsPlan extends IpvsStart {
  readonly desired: IpvsProgram;
  readonly steps: readonly IpvsStep[];
  readonly wanted: Wanted;
}

/**
 * A kernel with IPVS that is planned for and never written to. As in iptables mode the first plan starts
 * from a dump, or from the kernel where we may read it, or from nothing, and each next one from where
 * the last one led; what would drain there counts as drained.
 */
export function createDryIpvsPlane(options: {
  readonly family: Family;
  readonly run: Run;
  readonly prefix: ChainPrefix;
  /** What is there to begin with; undefined: nothing. */
  readonly start: IpvsStart | 'the kernel' | undefined;
  readonly onPlan: (plan: DryIpvsPlan) => void;
}): FamilyPlane {
  const { family, prefix } = options;
  const maker = rememberUnits(ipvs);
  let believed: IpvsStart | undefined;

  async function firstLook(): Promise<IpvsStart> {
    const nothing = emptyProgram(family, prefix);
    if (options.start !== 'the kernel') return options.start ?? { source: 'nothing', observed: nothing };
    try {
      return { source: 'the kernel (IPVS)', observed: await observeProgram(options.run, family, prefix) };
    } catch (error) {
      if (!(error instanceof KernelError || error instanceof IpvsError)) throw error;
      return { source: `nothing, since the kernel cannot be read: ${error.reason}`, observed: nothing };
    }
  }

  return {
    family,
    async sync(wanted, depth) {
      const from = believed ?? (await firstLook());
      const { program, diagnostics } = assemble(maker, wanted.services, wanted.node);
      const desired = isUsed(wanted) ? program : emptyProgram(family, prefix);
      const steps = planProgram(from.observed, desired);
      believed = { source: 'the last plan', observed: afterPlan(from.observed, desired) };
      if (steps.length > 0) options.onPlan({ ...from, desired, steps, wanted });
      return { ...emptySync(depth), documents: steps.length, diagnostics };
    },
    glance: () => Promise.resolve(undefined),
  };
}
