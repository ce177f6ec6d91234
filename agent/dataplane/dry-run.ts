import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { ownChainsOf } from '../../backends/iptables/own-chains.ts';
import { fingerprintOf } from '../../backends/netfilter/fingerprint.ts';
import { KernelError } from '../../backends/netfilter/errors.ts';
import { type Found, type LivePlan, observe, planLive } from '../../backends/netfilter/live.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import type { Family } from '../../compiler/values/address.ts';
import { emptySync, type FamilyPlane, isUsed, type Wanted } from './dataplane.ts';
import { rememberUnits } from './units.ts';

/** A plan that would be performed. */
export interface DryPlan extends Start {
  readonly plan: LivePlan;
  readonly wanted: Wanted;
}

/** Something that a first plan can start from, and its name for people. */
export interface Start {
  readonly source: string;
  readonly found: Found;
}

/**
 * A kernel that is planned for and never written to: the first plan starts from a dump, or from the
 * kernel where we may read it, or from nothing; each next one from where the last one led.
 */
export function createDryPlane(options: {
  readonly family: Family;
  readonly run: Run;
  readonly prefix: ChainPrefix;
  /** What is there to begin with; undefined: nothing. */
  readonly start: Start | 'the kernel' | undefined;
  readonly onPlan: (plan: DryPlan) => void;
}): FamilyPlane {
  const { family } = options;
  const own = ownChainsOf(options.prefix);
  const maker = rememberUnits(iptables);
  let believed: Start | undefined;

  async function firstLook(): Promise<Start> {
    if (options.start !== 'the kernel') return options.start ?? { source: 'nothing', found: nothingFound(family) };
    try {
      const observed = await observe(options.run, family, own);
      return { source: `the kernel (${observed.tools.mode})`, found: observed };
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      const source = `nothing, since the kernel cannot be read: ${error.reason}`;
      return { source, found: nothingFound(family) };
    }
  }

  return {
    family,
    async sync(wanted, depth) {
      const from = believed ?? (await firstLook());
      const { program, diagnostics } = assemble(maker, wanted.services, wanted.node);
      const target = { program: isUsed(wanted) ? program : undefined, services: wanted.services };
      const plan = planLive(from.found, target, own);
      believed = {
        source: 'the last plan',
        found: { ...from.found, ruleset: plan.desired, fingerprint: plan.result, owner: 'us' },
      };
      const documents = plan.steps.filter(({ kind }) => kind === 'restore').length;
      if (documents > 0) options.onPlan({ ...from, plan, wanted });
      return { ...emptySync(depth), documents, diagnostics };
    },
    glance: () => Promise.resolve(undefined),
  };
}

function nothingFound(family: Family): Found {
  const ruleset = { family, chains: new Map(), hooks: [] };
  const foreign = { chains: [], inFront: [], references: [], remarks: [] };
  return { family, ruleset, foreign, owner: 'nobody', fingerprint: fingerprintOf(ruleset) };
}
