import { isPlainText } from '../../../compiler/values/plain-text.ts';
import { isKernelChain, kernelChains } from '../kernel-chains.ts';
import { parseChainName, type Ruleset, type Table, tables } from '../rule.ts';
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
  const text = render({
    tables: sections.map(({ name, declared, lines }) => ({
      name,
      declarations: declared.length === 0 ? '' : `:${declared.join(' - [0:0]\n:')} - [0:0]\n`,
      rules: lines.length === 0 ? '' : `${lines.join('\n')}\n`,
    })),
  });
  let expected = 0;
  // The whole text is looked at once. Only if something is wrong with it, each line is looked at to find out what.
  const isPlain = !strange.test(text);
  const printed = countLines(text);
  for (const { declared, lines } of sections) expected += 2 + declared.length + lines.length;
  const isExact = isPlain && printed === expected;
  for (const { name, declared, lines } of sections) {
    const bad =
      lines.find((line) => !/^-[AIDX] [A-Za-z0-9_]/.test(line) || !(isExact || isPlainText(line))) ??
      declared.find((chain) => isKernelChain(chain) || parseChainName(chain) === undefined);
    if (bad !== undefined) throw new Error(`table ${name} must not say ${JSON.stringify(bad)}`);
  }
  if (printed !== expected) throw new Error(`a document of ${expected} lines was printed as ${printed}`);
  if (!isPlain) throw new Error(`a document holds ${JSON.stringify(strange.exec(text)?.[0])}`);
  return text;
}

const strange = /[^\n -~]/;

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
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
  return tables.map((name) => tableText(name, ruleset)).filter((text) => text.declared.length + text.lines.length > 0);
}

function tableText(name: Table, { chains, hooks }: Ruleset): TableText {
  const linesOf = new Map<string, readonly string[]>();
  chains.forEach((chain) => {
    if (chain.table === name) linesOf.set(chain.name, chain.lines);
  });
  const own = hooks.filter((hook) => hook.table === name);
  const lines = kernelChains.flatMap((kernel) => own.filter(({ chain }) => chain === kernel).map(({ line }) => line));
  // Without a function to compare, sorting 60,000 names takes a third of the time. Names are ASCII, in whose order it sorts.
  const declared = [...linesOf.keys()].sort();
  for (const chain of declared) for (const line of linesOf.get(chain) ?? []) lines.push(line);
  return { name, declared, lines };
}
