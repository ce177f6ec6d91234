import { documentText, tableTexts, type TableText } from '../../backends/netfilter/text/document.ts';
import type { IptablesUnit } from '../../backends/iptables/index.ts';
import type { Chain, Ruleset } from '../../backends/netfilter/rule.ts';

const servicesEach = 100;

/**
 * The documents that a person would load by hand with iptables-restore; slicewright is compared to them. Each holds the
 * chains of 100 Services; the last one holds the shared chains and hooks, as one final switch.
 */
export function rawLoads(program: Ruleset, units: readonly IptablesUnit[]): readonly string[] {
  const own = units.map((unit) => unit.chains);
  const batches = Array.from({ length: Math.ceil(own.length / servicesEach) }, (_, i) =>
    own.slice(i * servicesEach, (i + 1) * servicesEach).flat(),
  );
  const ownNames = new Set(own.flat().map((chain) => chain.name as string));
  // Every Service's chains jump to this one, so it comes before them.
  const marking = [...program.chains.values()].filter((chain) => chain.name === 'KUBE-MARK-MASQ');
  return [
    ...[marking, ...batches].map(chainsText),
    documentText(tableTexts(program).map((table) => without(table, ownNames))),
  ];
}

/** Some chains of table nat, each emptied and written anew in one transaction. */
function chainsText(chains: readonly Chain[]): string {
  const lines = chains.flatMap((chain) => chain.lines);
  return documentText([{ name: 'nat', declared: chains.map((chain) => chain.name), lines }]);
}

function without({ name, declared, lines }: TableText, names: ReadonlySet<string>): TableText {
  return {
    name,
    declared: declared.filter((chain) => !names.has(chain)),
    lines: lines.filter((line) => !names.has(line.split(' ', 2)[1] ?? '')),
  };
}
