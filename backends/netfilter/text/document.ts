import { isPlainText } from '../../../compiler/values/plain-text.ts';
import { isKernelChain, kernelChains } from '../kernel-chains.ts';
import { type Chain, type Hook, parseChainName, type Ruleset, type Table, tables } from '../rule.ts';
import { render } from '../templates/restore.hbs.ts';

/**
 * One table's section of an iptables-restore input.
 *
 * declared   chains to create, or to empty where they exist; never a chain of the kernel
 * lines      finished lines in order: `-A …`, `-I …`, `-D …`, `-X …`
 */
export interface TableText {
  readonly name: Table;
  readonly declared: readonly string[];
  readonly lines: readonly string[];
}

/**
 * An iptables-restore input. The template only arranges; every line was finished before.
 *
 * throws   when the text is not exactly the lines that went in: otherwise a control character or a line
 *          break within a line could become a rule of its own
 */
export function documentText(sections: readonly TableText[]): string {
  const text = render({ tables: sections });
  let expected = 0;
  for (const { name, declared, lines } of sections) {
    expected += 2 + declared.length + lines.length;
    const bad =
      lines.find((line) => !/^-[AIDX] [A-Za-z0-9_]/.test(line) || !isPlainText(line)) ??
      declared.find((chain) => isKernelChain(chain) || parseChainName(chain) === undefined);
    if (bad !== undefined) throw new Error(`table ${name} must not say ${JSON.stringify(bad)}`);
  }
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  if (lines !== expected) throw new Error(`a document of ${expected} lines was printed as ${lines}`);
  const strange = /[^\n -~]/.exec(text);
  if (strange !== null) throw new Error(`a document holds ${JSON.stringify(strange[0])}`);
  return text;
}

/**
 * A whole program as text, tables and chains in the order in which iptables-save shows them.
 * With `iptables-restore --noflush` it loads beside whatever else is there.
 */
export function rulesetText(ruleset: Ruleset): string {
  return documentText(tableTexts(ruleset));
}

/** Tables that hold nothing of slicewright's are left out. */
export function tableTexts(ruleset: Ruleset): TableText[] {
  const chains = [...ruleset.chains.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return tables
    .map((name) =>
      tableText(
        name,
        chains.filter((chain) => chain.table === name),
        ruleset.hooks.filter((hook) => hook.table === name),
      ),
    )
    .filter(({ declared, lines }) => declared.length + lines.length > 0);
}

function tableText(name: Table, chains: readonly Chain[], hooks: readonly Hook[]): TableText {
  return {
    name,
    declared: chains.map((chain) => chain.name),
    lines: [
      ...kernelChains.flatMap((kernel) => hooks.filter((hook) => hook.chain === kernel).map((hook) => hook.line)),
      ...chains.flatMap((chain) => chain.lines),
    ],
  };
}
