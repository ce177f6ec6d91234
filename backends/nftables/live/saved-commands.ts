import * as z from 'zod';
import { type Family, families } from '../../../compiler/values/address.ts';
import type { Command, Transaction } from '../plan/command.ts';
import { parseElement } from '../program/element.ts';
import { parseName } from '../program/names.ts';
import { parseRule } from '../program/parse-rule.ts';
import { printRule } from '../program/print-rule.ts';
import type { NftSet } from '../program/program.ts';

/*
 * Transactions in a file. A file is no more trusted than any other input: every name, rule and element in it must be one
 * that slicewright could have written.
 */

export const family = z.enum(families as readonly [Family, ...Family[]]);

const name = z.string().transform((text, context) => {
  const parsed = parseName(text);
  if (parsed !== undefined) return parsed;
  context.addIssue('is not a name in nft');
  return z.NEVER;
});

const set = z
  .strictObject({
    name,
    key: z.array(z.enum(['address', 'protocol', 'port', 'slot'])).min(1),
    data: z.enum(['none', 'verdict', 'endpoint']),
    protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
    dynamic: z.strictObject({ size: z.int().min(0), timeoutSeconds: z.int().min(0) }).optional(),
    counted: z.literal(true).optional(),
  })
  .transform(
    ({ protocol, dynamic, counted, ...rest }): NftSet => ({
      ...rest,
      ...(protocol === undefined ? {} : { protocol }),
      ...(dynamic === undefined ? {} : { dynamic }),
      ...(counted === undefined ? {} : { counted }),
      elements: new Map(),
    }),
  );

const hook = z.strictObject({
  type: z.enum(['filter', 'nat']),
  at: z.enum(['prerouting', 'input', 'forward', 'output', 'postrouting']),
  priority: z.int(),
});

const command = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['createTable', 'deleteTable']) }),
  z.strictObject({ kind: z.enum(['createSet', 'deleteSet']), set }),
  z.strictObject({ kind: z.literal('createChain'), chain: name, hook: hook.optional() }),
  z.strictObject({ kind: z.enum(['flushChain', 'deleteChain']), chain: name }),
  z.strictObject({ kind: z.literal('addRule'), chain: name, line: z.string() }),
  z.strictObject({ kind: z.enum(['createElements', 'deleteElements']), set, elements: z.array(z.string()).min(1) }),
]);

export const transaction = z.strictObject({ family, table: name, commands: z.array(command).min(1) });

type SavedTransaction = z.input<typeof transaction>;

export function saveTransaction({ family: its, table, commands }: Transaction): SavedTransaction {
  return { family: its, table, commands: commands.map(saveCommand) };
}

function saveCommand(one: Command): SavedTransaction['commands'][number] {
  switch (one.kind) {
    case 'createSet':
    case 'deleteSet':
      return { kind: one.kind, set: saveSet(one.set) };
    case 'createChain':
      return {
        kind: one.kind,
        chain: one.chain.name,
        ...(one.chain.hook === undefined ? {} : { hook: one.chain.hook }),
      };
    case 'createElements':
    case 'deleteElements':
      return { kind: one.kind, set: saveSet(one.set), elements: one.elements.map(({ text }) => text) };
    default:
      return one;
  }
}

function saveSet({ name: its, key, data, protocol, dynamic, counted }: NftSet) {
  return {
    name: its as string,
    key: [...key],
    data,
    ...(protocol === undefined ? {} : { protocol }),
    ...(dynamic === undefined ? {} : { dynamic }),
    ...(counted === undefined ? {} : { counted }),
  };
}

/** A transaction of a file as values; or, if there are any, the texts in it that slicewright would not write. */
export function loadTransaction(saved: z.output<typeof transaction>): Transaction | { readonly strange: string[] } {
  const strange: string[] = [];
  const commands = saved.commands.map((one): Command => {
    switch (one.kind) {
      case 'createChain':
        return { kind: one.kind, chain: { name: one.chain, hook: one.hook, lines: [], rules: [] } };
      case 'addRule': {
        const rule = parseRule(saved.family, one.line);
        if (rule === undefined || printRule(saved.family, rule) !== one.line) strange.push(one.line);
        return one;
      }
      case 'createElements':
      case 'deleteElements': {
        const elements = one.elements.flatMap((text) => {
          const element = parseElement(saved.family, one.set, text);
          if (element?.text === text) return [element];
          strange.push(text);
          return [];
        });
        return { kind: one.kind, set: one.set, elements };
      }
      case 'createSet':
      case 'deleteSet':
        return { kind: one.kind, set: one.set };
      case 'flushChain':
      case 'deleteChain':
        return { kind: one.kind, chain: one.chain };
      case 'createTable':
      case 'deleteTable':
        return { kind: one.kind };
    }
  });
  return strange.length > 0 ? { strange } : { family: saved.family, table: saved.table, commands };
}
