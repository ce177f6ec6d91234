import type { CommandResult, Run } from '../../command.ts';
import { parseListing } from '../program/parse.ts';
import { printProgram } from '../program/print.ts';
import { printTransaction } from '../plan/command.ts';
import { planTransaction } from '../plan/plan.ts';
import { chainHeads, chainIn } from './listing.ts';
import { copyState, type FakeState, programOf } from './state.ts';
import { runDocument } from './transaction.ts';

export interface FakeNftOptions {
  /** Tables that are there already, as text of nft. */
  readonly ruleset?: string;
  /** Other programs' tables, of any family and with any rules, as nft lists them. Read at each listing; never changed. */
  readonly others?: () => string;
  /** Kernels before 6.4: a chain counts as busy in the transaction that frees it. */
  readonly holdsFreed?: boolean;
  /** The longest document that is taken, in characters: a user namespace cannot make its socket buffer larger. */
  readonly longestDocument?: number;
  /** Called before each command with its number from 0: what it gives is the command's result, and nothing happens. */
  readonly fault?: (call: number, args: readonly string[]) => CommandResult | undefined;
}

export interface FakeNft {
  readonly run: Run;
  /** `nft list ruleset`, in the order in which things are printed. */
  ruleset(): string;
  /** Another program's transaction. Throws where the kernel does not take it. */
  write(document: string): void;
  /** The commands that were run, by kind: `list table`, `-f`. */
  readonly calls: readonly string[];
}

/** A strict nft in memory: it takes documents as slicewright writes them, all or nothing, and complains as nft 1.0.6 does. */
export function createFakeNft({
  ruleset = '',
  others = () => '',
  holdsFreed = false,
  longestDocument,
  fault,
}: FakeNftOptions = {}): FakeNft {
  let state: FakeState = new Map();
  const calls: string[] = [];

  function load(document: string): CommandResult {
    if (longestDocument !== undefined && document.length > longestDocument) {
      return failed('netlink: Error: Could not process rule: Message too long\n');
    }
    const outcome = runDocument(state, asCommands(document), holdsFreed);
    if ('complaint' in outcome) return failed(outcome.complaint);
    state = outcome;
    return done('');
  }

  /** A listing is loaded as what it takes to make it. */
  function asCommands(document: string): string {
    if (!document.startsWith('table ')) return document;
    const tables = [...(parseListing(document)?.values() ?? [])];
    return tables
      .map(({ program }) => planTransaction(undefined, program))
      .map((transaction) => (transaction === undefined ? '' : printTransaction(transaction)))
      .join('');
  }

  function list(args: readonly string[]): CommandResult {
    const [, what, family = '', table = '', name = ''] = args;
    const listing = (keys: readonly string[]) =>
      keys.map((key) => state.get(key)).flatMap((one) => (one === undefined ? [] : [printProgram(programOf(one))]));
    if (what === 'ruleset') return done(listing([...state.keys()]).join(''));
    if (what === 'tables') return done([...state.keys()].map((key) => `table ${key}\n`).join(''));
    if (what === 'chains') return done(chainHeads(listing([...state.keys()]).join('') + others()));
    if (what === 'chain') {
      const chain = chainIn(others(), family, table, name);
      return chain === undefined ? notFound(args, name) : done(chain);
    }
    const found = state.get(`${family} ${table}`);
    if (found === undefined) return notFound(args, table);
    if (what === 'table') return done(listing([`${family} ${table}`]).join(''));
    const set = found.sets.get(name);
    if (set === undefined) return notFound(args, name);
    return done(printProgram({ ...programOf(found), sets: new Map([[name, set]]), chains: new Map() }));
  }

  async function run(file: string, args: readonly string[], input = ''): Promise<CommandResult> {
    const call = calls.push(args[0] === 'list' ? args.slice(0, 2).join(' ') : String(args[0])) - 1;
    const wrong = fault?.(call, args);
    if (wrong !== undefined) return wrong;
    if (file !== 'nft') return { exitCode: undefined, stdout: '', stderr: `${file}: not found`, failure: 'not-found' };
    if (args[0] === '--version') return done('nftables v1.0.6 (Lester Gooch #5)\n');
    if (args[0] === 'list') return list(args);
    if (args[0] === '-t' && args[1] === 'list') return list(args.slice(1));
    if (args.join(' ') === '-f -') return load(input);
    return failed(`Error: syntax error, unexpected ${args.join(' ')}\n`);
  }

  const fake: FakeNft = {
    run,
    calls,
    ruleset: () => [...copyState(state).values()].map((table) => printProgram(programOf(table))).join(''),
    write(document) {
      const { exitCode, stderr } = load(document);
      if (exitCode !== 0) throw new Error(stderr);
    },
  };
  if (ruleset !== '') fake.write(ruleset);
  return fake;
}

function done(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' };
}

function failed(stderr: string): CommandResult {
  return { exitCode: 1, stdout: '', stderr };
}

function notFound(args: readonly string[], what: string): CommandResult {
  const line = args.join(' ');
  const place = line.lastIndexOf(what);
  return failed(`Error: No such file or directory\n${line}\n${' '.repeat(place)}${'^'.repeat(what.length)}\n`);
}
