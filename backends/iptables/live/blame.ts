import type { KernelErrorFacts } from '../../netfilter/live/errors.ts';
import { jumpTarget } from '../../netfilter/text/lines.ts';
import { chainOf, type Owners } from '../../netfilter/owners.ts';
import type { Table } from '../../netfilter/rule.ts';
import { type RestoreDocument, restoreText } from '../../netfilter/diff/transaction.ts';

/** What in a document was refused. */
export interface Blame {
  /** The line that the tool names, or one that must have been meant; undefined if there is no telling. */
  readonly rule: string | undefined;
  readonly line: number | undefined;
  readonly table: Table | undefined;
  /** Service ports that may be at fault: one if the line shows it, else all of the document. Empty: a rule of no Service. */
  readonly suspects: readonly string[];
}

interface DocumentLine {
  readonly text: string;
  readonly number: number;
  readonly table: Table;
}

/**
 * Finds whose rule made a document fail.
 *
 * Tools name the line of a bad rule, but a COMMIT where the kernel rejects a table in legacy mode
 * or where a chain is missing in nft mode; the latter names the chain.
 */
export function findBlame(document: RestoreDocument, facts: KernelErrorFacts, owners: Owners): Blame {
  const lines = numberedLines(document);
  const named = lines.find(({ number }) => number === facts.line);
  const blamed = named ?? lines.find(({ text }) => isAbout(text, facts.chain));
  const table = blamed?.table ?? tableAt(document, facts.line);
  const service = blamed && serviceOf(blamed, owners);
  const candidates = lines.filter((line) => table === undefined || line.table === table);
  const suspects = service === undefined ? candidates.flatMap((line) => serviceOf(line, owners) ?? []) : [service];
  return {
    rule: blamed?.text,
    line: facts.line,
    table,
    // A refused rule that all Services share is not the fault of one, however many the document is about.
    suspects: blamed !== undefined && service === undefined ? [] : [...new Set(suspects)].sort(),
  };
}

function isAbout(text: string, chain: string | undefined): boolean {
  return chain !== undefined && (jumpTarget(text) === chain || chainOf(text) === chain);
}

function serviceOf({ table, text }: DocumentLine, owners: Owners): string | undefined {
  if (text.startsWith(':')) return owners.ofChain(table, text.slice(1).split(' ', 1)[0] as string);
  if (text.startsWith('-X ')) return owners.ofChain(table, text.slice(3));
  return owners.ofLine(table, text);
}

/** Lines of chains and rules, with their numbers in the text. */
function numberedLines(document: RestoreDocument): DocumentLine[] {
  const lines: DocumentLine[] = [];
  let table = document.tables[0]?.name ?? 'nat';
  restoreText(document)
    .split('\n')
    .forEach((text, i) => {
      if (text.startsWith('*')) table = text.slice(1) as Table;
      else if (text !== 'COMMIT' && text !== '') lines.push({ text, number: i + 1, table });
    });
  return lines;
}

/** The table whose COMMIT this line is. */
function tableAt(document: RestoreDocument, line: number | undefined): Table | undefined {
  if (line === undefined) return undefined;
  const before = restoreText(document).split('\n').slice(0, line);
  return before.findLast((text) => text.startsWith('*'))?.slice(1) as Table | undefined;
}
