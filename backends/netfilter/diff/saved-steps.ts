import { z } from 'zod';
import { type Family, families, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { type Port, parsePort } from '../../../compiler/values/port.ts';
import type { PlanProblem } from '../../backend.ts';
import { isKernelChain } from '../kernel-chains.ts';
import { parseRule } from '../text/parse-rule.ts';
import { type Table, tables } from '../rule.ts';
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
