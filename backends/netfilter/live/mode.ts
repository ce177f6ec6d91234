import type { Family } from '../../../compiler/values/address.ts';
import type { Run } from '../../command.ts';
import { KernelError } from './errors.ts';
import { failure, type Mode, readTables, type Tools } from './kernel.ts';
import type { OwnChains } from '../own-chains.ts';
import { hasKubelet, hasKubeProxy, ownerOf } from '../ownership.ts';
import type { Save } from '../text/parse.ts';

/** What one mode's tables hold, from what decides most to what decides least. */
const ranks = ['our mark', 'rules of Services', 'rules of kubelet', 'other rules', 'nothing'] as const;
export type Holding = (typeof ranks)[number];

export interface Reading {
  readonly tools: Tools;
  readonly save: Save;
  readonly holds: Holding;
}

/** The mode to use, and what the other one holds. */
export interface Modes {
  readonly chosen: Reading;
  /** undefined: not installed, or not in this kernel. */
  readonly other: Reading | undefined;
}

/**
 * Finds which mode's tables to use: those that already hold slicewright's rules, or rules of Services, or
 * else any rules; on an untouched node those of the program `iptables`. The rules of Services
 * must be in the same mode as all other rules on the node, or packets meet two sets of them.
 *
 * A mode that is installed and cannot be read may have rules: packets would meet them besides those of the other mode.
 *
 * inUse    a mode whose tables were written before: it stays, whatever the other holds
 * throws   KernelError when neither can be read, or not the one in use, or one that is installed without its save program
 */
export async function findModes(run: Run, family: Family, own: OwnChains, inUse?: Mode): Promise<Modes> {
  const preferred = await plainMode(run, family);
  const readings: Reading[] = [];
  let problem: KernelError | undefined;
  for (const mode of preferred === 'legacy' ? (['legacy', 'nft'] as const) : (['nft', 'legacy'] as const)) {
    try {
      readings.push(await read(run, toolsFor(family, mode, mode), own));
    } catch (error) {
      if (!(error instanceof KernelError) || !isAbsence(error)) throw error;
      const isPlain = mode === preferred && error.reason === 'missing-tool';
      if (isPlain) readings.push(await read(run, toolsFor(family, mode, undefined), own));
      else if (mode === inUse || (await isHalfThere(run, family, mode, error))) throw error;
      problem ??= error;
    }
  }
  if (readings.length === 0 && preferred !== undefined) {
    readings.push(await read(run, toolsFor(family, preferred, undefined), own));
  }
  const rankOf = ({ tools, holds }: Reading) => (tools.mode === inUse ? -1 : ranks.indexOf(holds));
  const [chosen, other] = readings.sort((a, b) => rankOf(a) - rankOf(b));
  if (chosen === undefined) throw problem ?? new KernelError(programName(family), { reason: 'missing-tool' }, '');
  return { chosen, other };
}

/** Without its save program, and with the one that changes its tables. */
async function isHalfThere(run: Run, family: Family, mode: Mode, { reason }: KernelError): Promise<boolean> {
  if (reason !== 'missing-tool') return false;
  return (await run(toolsFor(family, mode, mode).iptables, ['--version'])).failure !== 'not-found';
}

function isAbsence({ reason }: KernelError): boolean {
  return reason === 'missing-tool' || reason === 'unsupported' || reason === 'failed';
}

/** suffix   undefined: the programs without a mode in their names */
function toolsFor(family: Family, mode: Mode, suffix: Mode | undefined): Tools {
  const iptables = suffix === undefined ? programName(family) : `${programName(family)}-${suffix}`;
  return { family, mode, save: `${iptables}-save`, restore: `${iptables}-restore`, iptables };
}

function programName(family: Family): string {
  return family === 'IPv4' ? 'iptables' : 'ip6tables';
}

/** The mode of the program `iptables`; undefined where there is none. */
async function plainMode(run: Run, family: Family): Promise<Mode | undefined> {
  const result = await run(programName(family), ['--version']);
  if (result.failure === 'not-found') return undefined;
  if (result.exitCode !== 0) throw failure(programName(family), ['--version'], result);
  // Before 1.8 there was only one mode, and no word for it.
  return result.stdout.includes('nf_tables') ? 'nft' : 'legacy';
}

async function read(run: Run, tools: Tools, own: OwnChains): Promise<Reading> {
  const save = await readTables(run, tools, own);
  return { tools, save, holds: holdingOf(save, own) };
}

function holdingOf({ ruleset, foreign, ruleCount }: Save, { prefix }: OwnChains): Holding {
  const owner = ownerOf(ruleset, prefix);
  if (owner === 'us') return 'our mark';
  if (owner === 'another writer' || hasKubeProxy(foreign)) return 'rules of Services';
  if (hasKubelet(foreign)) return 'rules of kubelet';
  return ruleCount > 0 ? 'other rules' : 'nothing';
}
