import { loadAll, YAMLException } from 'js-yaml';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { fileProblem, problemAt } from './input-error.ts';
import { maxDepth } from './limits.ts';
import { rememberOrigin, sourceText } from './origins.ts';

/**
 * The documents of a YAML or JSON text; none if it is broken, with the reason in `problems`.
 * Empty documents are left out. Where each came from is remembered (origins.ts).
 *
 * name   of the file, for messages
 */
export function parseDocuments(bytes: Uint8Array, name: string, problems: Diagnostic[]): unknown[] {
  const text = decode(bytes);
  if (text === undefined) {
    problems.push(fileProblem(name, 'not-utf8', 'is not UTF-8 text'));
    return [];
  }
  try {
    const documents = parseJson(text) ?? loadAll(text, { maxDepth });
    const excess = documents.findIndex((document) => expandsBeyond(document, expansionLimit(text)));
    if (excess < 0) {
      const source = sourceText(name, text, maxDepth);
      documents.forEach((value, document) => rememberOrigin(value, { source, document }));
      return documents.filter((document) => document !== null && document !== undefined);
    }
    const message = `is nested more than ${maxDepth} deep, or its aliases expand too much`;
    problems.push(problemAt({ file: name, document: excess + 1, line: undefined }, 'document-too-large', message));
  } catch (error) {
    problems.push(yamlProblem(error, text, name));
  }
  return [];
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * JSON.parse is eleven times as fast as the YAML parser, which is worth a second path. Text that it cannot
 * read goes to the YAML parser, which knows flow style, several documents, and line numbers.
 */
function parseJson(text: string): unknown[] | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return [JSON.parse(text)];
  } catch {
    return undefined;
  }
}

/** Without aliases a document has at most as many nodes as its text has characters. */
function expansionLimit(text: string): number {
  return Math.max(text.length, 100_000);
}

/**
 * Whether a document, with each alias written out, has more than `limit` nodes or is deeper than
 * any sane one. The parser shares what an alias names, so ten lines can stand for 10^9 items
 * (or, by an alias to itself, for endless ones), which would only harm the code that walks them later.
 */
function expandsBeyond(document: unknown, limit: number): boolean {
  let nodes = 0;
  const walk = (value: unknown, depth: number): boolean => {
    if (++nodes > limit || depth > maxDepth) return true;
    if (typeof value !== 'object' || value === null) return false;
    if (Array.isArray(value)) return value.some((item) => walk(item, depth + 1));
    for (const key in value) if (walk((value as Record<string, unknown>)[key], depth + 1)) return true;
    return false;
  };
  return walk(document, 0);
}

function yamlProblem(error: unknown, text: string, name: string): Diagnostic {
  if (!(error instanceof YAMLException) || error.mark === null || error.mark === undefined) {
    // Too deep for the parser's own stack, or a key that is itself a cycle.
    return fileProblem(name, 'bad-yaml', `cannot be parsed: ${printable(String(error), 200)}`);
  }
  const { line, column } = error.mark;
  const where = { file: name, document: documentAt(text, line, column), line: line + 1 };
  const message = `is not valid YAML: ${printable(error.reason, 200)} (column ${column + 1})`;
  return problemAt(where, 'bad-yaml', message);
}

/**
 * The 1-based number of the document that a 0-based place is in. A leading `---` begins the first;
 * an error at the start of a `---` is one of the document that it ends.
 */
function documentAt(text: string, line: number, column: number): number {
  let number = 1;
  let hasBegun = false;
  for (const before of text.split(/\r?\n/, column === 0 ? line : line + 1)) {
    if (/^---(\s|$)/.test(before)) {
      if (hasBegun) number++;
      hasBegun = true;
    } else if (!/^\s*(#.*)?$|^%|^\.\.\.(\s|$)/.test(before)) {
      hasBegun = true;
    }
  }
  return number;
}
