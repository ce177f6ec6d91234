import * as z from 'zod';
import { type Family, families, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { type Port, parsePort } from '../../../compiler/values/port.ts';
import type { PlanProblem } from '../../backend.ts';
import { isKernelChain } from '../kernel-chains.ts';
import { parseRule } from '../text/parse-rule.ts';
import { linesOfOthers } from '../ownership.ts';
import { type Ruleset, type Table, tables } from '../rule.ts';
import type { Vocabulary } from '../vocabulary.ts';
import type { RestoreDocument } from './transaction.ts';

/*
 * What saved plans of the backends that write tables have in common. A file is no more trusted than any other input:
 * every line in it must be one that slicewright could have written, about its own chains or the hooks to them.
 */

export const family = z.enum(families as readonly [Family, ...Family[]]);
export const phase = z.enum(['prepare', 'switch', 'drain', 'remove']);
export const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);

export const address = z.string().transform((text, context): IpAddress => {
  const parsed = parseAddress(text);
  if (parsed !== undefined) return parsed;
  context.addIssue('is not an address');
  return z.NEVER;
});

export const port = z.number().transform((number, context): Port => {
  const parsed = parsePort(number);
  if (parsed !== undefined) return parsed;
  context.addIssue('is not a port');
  return z.NEVER;
});

const tableText = z.strictObject({
  name: z.enum(tables as readonly [Table, ...Table[]]),
  declared: z.array(z.string()),
  lines: z.array(z.string()),
});

export const document = z.strictObject({
  family,
  tables: z.array(tableText),
});

/** Lines that are not rules of slicewright's vocabulary in its chains, hooks to them, or deletions of them. */
export function strangeLinesIn(
  { family: its, tables: parts }: RestoreDocument,
  of: Family,
  isOurs: (chain: string) => boolean,
): string[] {
  if (its !== of) return [`a document of ${its}`];
  return parts.flatMap(({ declared, lines }) => [
    ...declared.filter((chain) => !isOurs(chain)),
    ...lines.filter((line) => !isPlanLine(of, line, isOurs)),
  ]);
}

/**
 * Lines that a plan puts into slicewright's chains, or leaves there, and that no program has. Every line of them is of
 * slicewright's words, and a Service's chain that accepts would be too.
 *
 * What kubelet has in a chain that both use stays there.
 */
export function strangeOutcome(
  observed: Ruleset,
  documents: readonly RestoreDocument[],
  outcome: Ruleset,
  vocabulary: Vocabulary,
): string[] {
  const kept = new Set(linesOfOthers(observed));
  const isKept = (line: string) => kept.has(line);
  // Nearly all that is written is there in the end, and looked at once.
  const stays = new Set<string>();
  outcome.chains.forEach(({ table, lines }) => lines.forEach((line) => stays.add(`${table} ${line}`)));
  const written = documents.flatMap(({ family: its, tables: parts }) =>
    parts.flatMap(({ name, lines }) =>
      lines.filter((line) => !stays.has(`${name} ${line}`) && !isWritable(its, name, line, vocabulary, isKept)),
    ),
  );
  return [...written, ...vocabulary.strangeLines(outcome, isKept)];
}

/** A deletion writes no rule, so it is always fine. */
function isWritable(
  of: Family,
  table: Table,
  line: string,
  vocabulary: Vocabulary,
  isKept: (line: string) => boolean,
): boolean {
  const [verb, chain = ''] = line.split(' ', 2);
  if (verb !== '-A' && verb !== '-I') return true;
  const asAppended = `-A ${chain}${line.slice(3 + chain.length).replace(/^ \d{1,7}(?= |$)/, '')}`;
  const rule = parseRule(of, asAppended)?.rule;
  return isKept(asAppended) || (rule !== undefined && vocabulary.knows(table, chain, rule));
}

function isPlanLine(of: Family, line: string, isOurs: (chain: string) => boolean): boolean {
  const [verb = '', chain = ''] = line.split(' ', 2);
  if (verb === '-X') return line === `-X ${chain}` && isOurs(chain);
  if (verb !== '-A' && verb !== '-I' && verb !== '-D') return false;
  const rest = line.slice(verb.length + 1 + chain.length);
  // `-I CHAIN 7 …` enters a rule at a place.
  const parsed = parseRule(of, `-A ${chain}${verb === '-I' ? rest.replace(/^ \d{1,7}(?= )/, '') : rest}`);
  if (parsed === undefined) return false;
  if (isOurs(chain)) return true;
  const { target } = parsed.rule;
  return verb !== '-A' && isKernelChain(chain) && target?.kind === 'jump' && isOurs(target.chain);
}

/** Values that are well-formed and not slicewright's. */
export function strangeProblems(strange: readonly string[]): PlanProblem[] {
  return strange.map((text) => ({ path: [], message: `slicewright would not write ${JSON.stringify(text)}` }));
}
