import { findDrift } from '../../backends/netfilter/diff/drift.ts';
import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { ownChainsUnder } from '../helpers/scope.ts';
import { observe } from '../../backends/netfilter/live/observation.ts';
import { besideOthers } from '../../backends/netfilter/ownership.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { families } from '../../compiler/values/address.ts';

/** The differences between slicewright's rules in a kernel and the compiled ones, in words; empty: no difference. */
export async function differences(run: Run, compilation: Compilation): Promise<string[]> {
  const found: string[] = [];
  for (const family of families) {
    const { [family]: node } = compilation.node;
    const { ruleset, foreign } = await observe(run, family, ownChainsUnder(node.chainPrefix));
    const { program } = assemble(iptables, compilation.services[family], node);
    const isUsed = compilation.services[family].length > 0 || node.addresses.length > 0;
    for (const { where, lost, added } of findDrift(
      besideOthers(isUsed ? program : undefined, ruleset, foreign, node.chainPrefix),
      ruleset,
    )) {
      found.push(
        [`${family} ${where}`, ...lost.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].join(' '),
      );
    }
  }
  return found;
}
