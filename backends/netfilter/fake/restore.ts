import type { Family } from '../../../compiler/values/address.ts';
import type { CommandResult } from '../../command.ts';
import { emptyTable, type FakeTable, type FakeTables, isReferenced, isTable, toolName } from './tables.ts';
import type { Mode } from '../live/kernel.ts';
import { isKernelChain, kernelChains } from '../kernel-chains.ts';
import { jumpTarget } from '../text/lines.ts';
import { chainOf } from '../owners.ts';
import { parseRule } from '../text/parse-rule.ts';
import { printRule } from '../text/print.ts';
import type { KernelChain, Rule, Table } from '../rule.ts';

export interface RestoreCall {
  readonly family: Family;
  readonly mode: Mode;
  /** The program's own name. */
  readonly called: string;
  readonly text: string;
  readonly noflush: boolean;
  readonly test: boolean;
  /** Whether the kernel will not have a rule, for a reason that no rule shows. */
  readonly refuses: (line: string) => boolean;
  /** Whether there is an accounting object of this name, as a rule that counts in it needs. */
  readonly hasAccount: (name: string) => boolean;
  /** Killed before the commit of this table, counted from 1. */
  readonly killedBefore?: number | undefined;
}

/**
 * What iptables-restore does to tables: taken table by table at each COMMIT, and with the first
 * thing wrong nothing more. Messages and exit codes are those of iptables 1.8.9, which differ by
 * mode for the same mistake.
 */
export function restoreTables(before: FakeTables, call: RestoreCall): { tables: FakeTables; result: CommandResult } {
  let tables = before;
  try {
    let commits = 0;
    for (const section of sections(call)) {
      const table = changeTable(tables.get(section.table), section, call);
      if (++commits === call.killedBefore) {
        return { tables, result: { exitCode: undefined, stdout: '', stderr: '', failure: 'killed' } };
      }
      if (!call.test) tables = new Map([...tables, [section.table, table]]);
    }
    return { tables, result: { exitCode: 0, stdout: '', stderr: '' } };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { tables, result: { exitCode: error.exitCode, stdout: '', stderr: error.message } };
  }
}

/** The program's message and exit status. */
class Refusal extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, stderr: string) {
    super(stderr);
    this.exitCode = exitCode;
  }
}

interface SectionLines {
  readonly table: Table;
  readonly lines: readonly { readonly text: string; readonly number: number }[];
  readonly commitAt: number;
}

function* sections(call: RestoreCall): Generator<SectionLines> {
  let table: Table | undefined;
  let lines: { text: string; number: number }[] = [];
  let number = 0;
  for (const text of call.text.split('\n').slice(0, -1)) {
    number++;
    if (text === '' || text.startsWith('#')) continue;
    if (text.startsWith('*')) {
      const name = text.slice(1);
      if (!isTable(name)) throw noSuchTable(call, name, number);
      table = name;
      lines = [];
    } else if (text === 'COMMIT' && table !== undefined) {
      yield { table, lines, commitAt: number };
      table = undefined;
    } else if (table === undefined) {
      throw new Refusal(2, `${toolName(call.family, call.mode, 'restore', call.called)}: line ${number} failed\n`);
    } else {
      lines.push({ text, number });
    }
  }
  if (table !== undefined) {
    const tool = toolName(call.family, call.mode, 'restore', call.called);
    throw new Refusal(1, `${tool}: COMMIT expected at line ${number + 1}\n`);
  }
}

function changeTable(before: FakeTable | undefined, section: SectionLines, call: RestoreCall): FakeTable {
  const start = before === undefined || !call.noflush ? emptyTable(section.table) : before;
  const work = new Map([...start].map(([name, lines]) => [name, [...lines]]));
  /** Rules that came, with the number of their line. */
  const added = new Map<string, number>();
  for (const { text, number } of section.lines) {
    if (text.startsWith(':')) declareChain(work, text, number, call);
    else if (text.startsWith('-X ')) deleteChain(work, text.slice(3), number, call);
    else changeRule(work, text, number, section, call, added);
  }
  checkCommit(work, section, call, added);
  return work;
}

function declareChain(work: Map<string, string[]>, text: string, number: number, call: RestoreCall): void {
  const name = text.slice(1).split(' ', 1)[0] as string;
  if (isKernelChain(name) && work.has(name)) return;
  if (name.length > 28) {
    const said =
      call.mode === 'nft'
        ? `chain name \`${name}' too long (must be under 29 chars)`
        : `Invalid chain name \`${name}' (28 chars max)`;
    throw malformed(call, said, number);
  }
  work.set(name, []);
}

function deleteChain(work: Map<string, string[]>, name: string, number: number, call: RestoreCall): void {
  const lines = work.get(name);
  if (lines === undefined) throw lineFailed(call, number, 'No chain/target/match by that name.');
  work.delete(name);
  if (lines.length === 0 && !isReferenced(work, name)) return;
  if (call.mode === 'legacy') throw lineFailed(call, number, '');
  throw kernelRefusal(call, number, `CHAIN_DEL failed (Device or resource busy): chain ${name}`);
}

function changeRule(
  work: Map<string, string[]>,
  text: string,
  number: number,
  section: SectionLines,
  call: RestoreCall,
  added: Map<string, number>,
): void {
  const [option = '', chain = ''] = text.split(' ', 2);
  if (!['-A', '-I', '-D'].includes(option)) throw badArgument(call, text, number);
  const rest = text.slice(option.length + 1 + chain.length);
  const position = option === '-I' ? /^ (\d+)(?= |$)/.exec(rest) : null;
  const rule = parseRule(call.family, `-A ${chain}${rest.slice(position?.[0].length ?? 0)}`)?.rule;
  if (rule === undefined) throw malformed(call, `unknown option "${rest.trim()}"`, number);
  const target = rule.target?.kind === 'jump' ? rule.target.chain : undefined;
  if (target !== undefined && !work.has(target)) {
    if (call.mode === 'nft') throw malformed(call, `Chain '${target}' does not exist`, section.commitAt);
    throw malformed(call, `Couldn't load target \`${target}':No such file or directory\n`, number);
  }
  if (rule.target?.kind === 'drop' && section.table === 'nat') {
    const said = '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n';
    throw malformed(call, said, number);
  }
  const lines = work.get(chain);
  if (lines === undefined) throw lineFailed(call, number, 'No chain/target/match by that name.');
  const line = printRule(call.family, chain, rule);
  if (option === '-D') {
    const place = lines.indexOf(line);
    if (place < 0) throw lineFailed(call, number, 'Bad rule (does a matching rule exist in that chain?).');
    lines.splice(place, 1);
    return;
  }
  const place = option === '-A' ? lines.length : Number(position?.[1] ?? 1) - 1;
  if (place > lines.length) throw lineFailed(call, number, 'Index of insertion too big.');
  lines.splice(place, 0, line);
  added.set(line, number);
  const isWithoutAccount = rule.matches.some((match) => match.kind === 'nfacct' && !call.hasAccount(match.name));
  // A test asks the kernel for the match and not for the object.
  if (isWithoutAccount && !call.test) throw ruleRefused(call, section, number, chain, 'No such file or directory');
  if (call.refuses(line)) throw ruleRefused(call, section, number, chain, 'Invalid argument');
}

/**
 * What only the kernel can see: circles, and targets in a place where it has no use for them. It
 * follows every way from its own chains and blames the last rule that came on it.
 */
function checkCommit(
  work: FakeTable,
  section: SectionLines,
  call: RestoreCall,
  added: ReadonlyMap<string, number>,
): void {
  const refusal = (way: readonly string[], why: string): Refusal => {
    const numbers = way.map((line) => added.get(line) ?? 0);
    const number = Math.max(...numbers);
    return ruleRefused(call, section, number, chainOf(way[numbers.indexOf(number)] ?? ''), why);
  };
  const follow = (hook: KernelChain, chain: string, way: readonly string[]): void => {
    for (const line of work.get(chain) ?? []) {
      const target = jumpTarget(line);
      const further = [...way, line];
      if (target !== undefined && work.has(target)) {
        if (further.some((one) => chainOf(one) === target)) throw refusal(further, 'Too many links');
        follow(hook, target, further);
      } else if (!isLegal(parseRule(call.family, line)?.rule, section.table, hook)) {
        throw refusal(further, 'Invalid argument');
      }
    }
  };
  for (const hook of kernelChains) follow(hook, hook, []);
}

/** The check functions of xt_nat, xt_MASQUERADE and ipt_REJECT. */
function isLegal(rule: Rule | undefined, table: Table, hook: KernelChain): boolean {
  switch (rule?.target?.kind) {
    case 'dnat':
      return table === 'nat' && (hook === 'PREROUTING' || hook === 'OUTPUT');
    case 'masquerade':
      return table === 'nat' && hook === 'POSTROUTING';
    case 'reject':
      return table === 'filter';
    default:
      return true;
  }
}

function programTitle({ family, mode, called }: RestoreCall): string {
  return `${toolName(family, mode, 'restore', called)} v1.8.9 (${mode === 'nft' ? 'nf_tables' : 'legacy'})`;
}

function malformed(call: RestoreCall, said: string, number: number): Refusal {
  const tool = toolName(call.family, call.mode, 'restore', call.called);
  return new Refusal(
    2,
    `${programTitle(call)}: ${said}\nError occurred at line: ${number}\nTry \`${tool} -h' or '${tool} --help' for more information.\n`,
  );
}

function badArgument(call: RestoreCall, text: string, number: number): Refusal {
  const tool = toolName(call.family, call.mode, 'restore', call.called);
  return new Refusal(
    2,
    `Bad argument \`${text.split(' ', 1)[0]}'\nError occurred at line: ${number}\nTry \`${tool} -h' or '${tool} --help' for more information.\n`,
  );
}

function noSuchTable(call: RestoreCall, table: string, number: number): Refusal {
  const tool = toolName(call.family, call.mode, 'restore', call.called);
  const said =
    call.mode === 'nft'
      ? `${tool}: line ${number} table name '${table}' invalid`
      : `${tool}: unable to initialize table '${table}'`;
  return malformed(call, said, number);
}

/** The change does not fit what the table holds. */
function lineFailed(call: RestoreCall, number: number, why: string): Refusal {
  const tool = toolName(call.family, call.mode, 'restore', call.called);
  return new Refusal(1, `${tool}: line ${number} failed${call.mode === 'nft' ? `: ${why}` : ''}\n`);
}

function kernelRefusal(call: RestoreCall, number: number, why: string): Refusal {
  return new Refusal(4, `${programTitle(call)}: \nline ${number}: ${why}\n`);
}

/** Legacy mode hands the kernel a whole table, so it can only name the COMMIT. */
function ruleRefused(
  call: RestoreCall,
  { commitAt }: SectionLines,
  number: number,
  chain: string,
  why: string,
): Refusal {
  return call.mode === 'legacy'
    ? lineFailed(call, commitAt, '')
    : kernelRefusal(call, number, `RULE_APPEND failed (${why}): rule in chain ${chain}`);
}
