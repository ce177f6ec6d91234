import { ownChains } from '../helpers/scope.ts';
import { applyTarget, type ApplyOptions, type ApplyReport } from '../../backends/iptables/live/apply.ts';
import { observe, type Observation } from '../../backends/netfilter/live/observation.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Network } from '../netns/network.ts';
import type { Program } from './program.ts';
import type { Mode } from './world.ts';

/**
 * The rules of member2's node in one family, kept as an agent does: read once, then each apply starts from the previous
 * result.
 */
export interface LiveRules {
  /** Throws unless a reading afterwards shows the wanted state of every Service. */
  apply(program: Program, options?: ApplyOptions): Promise<ApplyReport>;
}

export async function openLiveRules(network: Network, mode: Mode, family: Family): Promise<LiveRules> {
  const run = network.run('member2-node');
  // On an untouched node the machine's own choice decides the kind of tables; existing rules decide otherwise.
  const foreign = ['-A', 'INPUT', '-m', 'comment', '--comment', 'not ours', '-j', 'ACCEPT'];
  await run(`${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${mode}`, foreign);
  let observed: Observation = await observe(run, family, ownChains);
  if (observed.tools.mode !== mode) throw new Error(`the rules of this node are in mode ${observed.tools.mode}`);
  return {
    async apply({ compilation, rulesets }, options) {
      const target = { program: rulesets[family], services: compilation.services[family] };
      const report = await applyTarget(run, observed, target, ownChains, options);
      observed = report.observed;
      if (report.quarantined.length > 0) throw new Error(`left out: ${JSON.stringify(report.quarantined)}`);
      return report;
    },
  };
}
