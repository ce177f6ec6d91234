import type { Family } from '../../../compiler/values/address.ts';
import type { CommandResult, Run } from '../../command.ts';
import { classifyFailure, KernelError } from './errors.ts';
import type { OwnChains } from '../own-chains.ts';
import { parseSave, type Save } from '../text/parse.ts';
import { type RestoreDocument, restoreText } from '../diff/transaction.ts';

/**
 * How a kernel keeps rules: in nf_tables, or in the older ip_tables. Both can be there at once,
 * and then a packet meets both; which one a program of the name `iptables` uses is the machine's choice.
 */
export type Mode = 'nft' | 'legacy';

/** The programs of one family and mode. */
export interface Tools {
  readonly family: Family;
  readonly mode: Mode;
  /** `iptables-nft-save`, `iptables-nft-restore`, `iptables-nft`; without the mode where only those exist. */
  readonly save: string;
  readonly restore: string;
  readonly iptables: string;
}

/** A save that was cut short once may be whole the next time. */
const readings = 2;

/**
 * All tables of one family.
 *
 * throws   KernelError; `truncated` when no reading was whole, and nothing is concluded from a part
 */
export async function readTables(run: Run, tools: Tools, own: OwnChains): Promise<Save> {
  return (await readWhole(run, tools, own)).save;
}

/** The same as the text that the tool printed. Throws as {@link readTables}. */
export async function tablesText(run: Run, tools: Tools, own: OwnChains): Promise<string> {
  return (await readWhole(run, tools, own)).text;
}

async function readWhole(
  run: Run,
  tools: Tools,
  own: OwnChains,
): Promise<{ readonly save: Save; readonly text: string }> {
  for (let reading = 1; ; reading++) {
    const { stdout: text, ...result } = await run(tools.save, []);
    if (result.exitCode !== 0) throw failure(tools.save, [], { ...result, stdout: text });
    const save = parseSave(text, tools.family, own.isOurs);
    if (save.complete) return { save, text };
    if (reading === readings) throw new KernelError(tools.save, { reason: 'truncated' }, '');
  }
}

/** iptables itself waits for the lock, in legacy mode. Seconds. */
const lockWait = ['-w', '5'] as const;

/**
 * Loads one document beside whatever else is in the tables.
 *
 * throws   KernelError. Tables of the document before the one that failed are in force.
 */
export async function performRestore(run: Run, tools: Tools, document: RestoreDocument): Promise<void> {
  const args = ['--noflush', ...lockWait];
  const result = await run(tools.restore, args, restoreText(document));
  if (result.exitCode === 0) return;
  throw (await deniedQuietly(run, tools, result)) ?? failure(tools.restore, args, result);
}

/** Legacy iptables-restore prints the same without permission and without the table; iptables shows which is the case. */
async function deniedQuietly(run: Run, tools: Tools, { stderr }: CommandResult): Promise<KernelError | undefined> {
  const table = /unable to initialize table '(\w+)'/.exec(stderr)?.[1];
  if (table === undefined) return undefined;
  const args = [...lockWait, '-t', table, '-S'];
  const listed = await run(tools.iptables, args);
  return listed.exitCode === 0 ? undefined : failure(tools.iptables, args, listed);
}

export function failure(file: string, args: readonly string[], result: CommandResult): KernelError {
  return new KernelError([file, ...args].join(' '), classifyFailure(result), result.stderr);
}
