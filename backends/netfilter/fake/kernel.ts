import type { Family } from '../../../compiler/values/address.ts';
import type { CommandResult, Run } from '../../command.ts';
import { runNfacct } from './accounts.ts';
import { type FakeFlow, runConntrack } from './conntrack.ts';
import { restoreTables } from './restore.ts';
import { type FakeTables, noTables, readTables, saveTables } from './tables.ts';
import type { Mode } from '../live/kernel.ts';

/** What goes wrong, and when. Commands that change tables are counted from 1. */
export interface Faults {
  /** The kernel refuses the whole of this command. */
  readonly failAt?: number;
  /** The kernel takes no such rule, ever. */
  readonly refuses?: (line: string) => boolean;
  /** Another program holds the lock during the first so many commands (legacy mode: nft has no lock). */
  readonly lockedFor?: number;
  /** This command is killed when its first table was committed and no more. */
  readonly killAt?: number;
  /** This reading of tables, counted from 1, is cut short. */
  readonly truncateSaveAt?: number;
  /** Called before every command that changes or reads tables, with the number of commands before it. */
  readonly anotherWriter?: (kernel: FakeKernel, commands: number) => void;
  /** Programs that are not installed. */
  readonly missing?: readonly string[];
  readonly noPrivilege?: boolean;
}

/** A small strict netfilter in memory, behind the same seam as the real one. */
export interface FakeKernel {
  readonly run: Run;
  /** Every command so far, as it was called. */
  readonly commands: readonly { readonly file: string; readonly args: readonly string[]; readonly input: string }[];
  /** Loads a save; it replaces all rules that are there. */
  load(family: Family, text: string, mode?: Mode): void;
  /** The output of iptables-save. */
  save(family: Family, mode?: Mode): string;
  /** Gives another writer's input to iptables-restore; throws if it is refused. */
  restore(family: Family, text: string, mode?: Mode): void;
  flows: readonly FakeFlow[];
  /** Accounting objects: packets by name. */
  readonly accounts: Map<string, number>;
  /** May be changed between commands. */
  faults: Faults;
}

/** mode   what the programs without a mode in their name use */
export function createFakeKernel(mode: Mode = 'nft', faults: Faults = {}): FakeKernel {
  const held = new Map<string, FakeTables>();
  const commands: FakeKernel['commands'][number][] = [];
  const accounts = new Map<string, number>();
  const isCountedIn = (name: string) => [...held.values()].some((tables) => saveTables(tables).includes(`  ${name} `));
  let changes = 0;
  let saves = 0;

  const tablesOf = (family: Family, which: Mode) => held.get(`${family} ${which}`) ?? noTables;
  const restore = (tool: Tool, text: string, args: ReadonlySet<string>, limits: Faults): CommandResult => {
    const { tables, result } = restoreTables(tablesOf(tool.family, tool.mode), {
      ...tool,
      text,
      noflush: args.has('--noflush'),
      test: args.has('--test'),
      hasAccount: (name) => accounts.has(name),
      refuses: limits.refuses ?? (() => false),
      killedBefore: limits.killAt === changes ? 2 : undefined,
    });
    held.set(`${tool.family} ${tool.mode}`, tables);
    return result;
  };

  const kernel: FakeKernel = {
    commands,
    flows: [],
    accounts,
    faults,
    load: (family, text, which = mode) => void held.set(`${family} ${which}`, readTables(text)),
    save: (family, which = mode) => saveTables(tablesOf(family, which)),
    restore(family, text, which = mode) {
      const tool: Tool = { family, mode: which, called: 'another-writer', verb: 'restore' };
      const { exitCode, stderr } = restore(tool, text, new Set(['--noflush']), {});
      if (exitCode !== 0) throw new Error(stderr);
    },
    async run(file, args, input = '') {
      commands.push({ file, args, input });
      const now = kernel.faults;
      if (now.missing?.includes(file) === true) return notFound(file);
      if (file === 'conntrack') {
        if (now.noPrivilege === true) return { exitCode: 1, stdout: '', stderr: conntrackDenied };
        const { flows, result } = runConntrack(kernel.flows, args);
        kernel.flows = flows;
        return result;
      }
      if (file === 'nfacct') return runNfacct(accounts, args, isCountedIn);
      const tool = toolOf(file, mode);
      if (tool === undefined) return notFound(file);
      if (tool.verb !== 'save' && args[0] === '--version') return version(tool);
      now.anotherWriter?.(kernel, changes);
      if (tool.verb === 'save') {
        if (now.noPrivilege === true)
          return tool.mode === 'nft' ? denied(tool) : { exitCode: 0, stdout: '', stderr: '' };
        const stdout = saveTables(tablesOf(tool.family, tool.mode));
        const cut = ++saves === now.truncateSaveAt;
        return { exitCode: 0, stdout: cut ? stdout.slice(0, Math.floor(stdout.length * 0.6)) : stdout, stderr: '' };
      }
      if (tool.verb === '')
        return now.noPrivilege === true ? denied(tool) : listed(tablesOf(tool.family, tool.mode), args);
      changes++;
      if (now.noPrivilege === true) return tool.mode === 'nft' ? denied(tool) : noTable(tool, input);
      const known = knownOptions(args);
      if (known === undefined)
        return { exitCode: 2, stdout: '', stderr: `${file}: unrecognized option '${args.join(' ')}'\n` };
      if (tool.mode === 'legacy' && changes <= (now.lockedFor ?? 0))
        return { exitCode: 4, stdout: '', stderr: lockHeld };
      if (changes === now.failAt)
        return {
          exitCode: 4,
          stdout: '',
          stderr: `${title(tool)}: \nline 2: RULE_APPEND failed (Cannot allocate memory): rule in chain OUTPUT\n`,
        };
      return restore(tool, input, known, now);
    },
  };
  return kernel;
}

interface Tool {
  readonly family: Family;
  readonly mode: Mode;
  readonly called: string;
  readonly verb: 'restore' | 'save' | '';
}

function toolOf(file: string, plain: Mode): Tool | undefined {
  const match = /^ip(6?)tables(?:-(nft|legacy))?(?:-(restore|save))?$/.exec(file);
  if (match === null) return undefined;
  return {
    family: match[1] === '6' ? 'IPv6' : 'IPv4',
    mode: (match[2] as Mode | undefined) ?? plain,
    called: file,
    verb: (match[3] as 'restore' | 'save' | undefined) ?? '',
  };
}

/** `iptables -t nat -S CHAIN`: its declaration and rules, as in a save. Without a chain nothing is asked of it here. */
function listed(tables: FakeTables, args: readonly string[]): CommandResult {
  const chain = args[args.indexOf('-S') + 1];
  if (chain === undefined) return { exitCode: 0, stdout: '', stderr: '' };
  const [, table = ''] = new RegExp(`^\\*${args[args.indexOf('-t') + 1]}\n([^*]*)`, 'm').exec(saveTables(tables)) ?? [];
  const lines = table.split('\n').filter((line) => line.startsWith(`-A ${chain} `));
  return { exitCode: 0, stdout: lines.map((line) => `${line}\n`).join(''), stderr: '' };
}

/** Long forms of the options given; undefined if there is one that the program does not know. */
function knownOptions(args: readonly string[]): ReadonlySet<string> | undefined {
  const known = new Set<string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--noflush' || arg === '--counters' || arg === '--test') known.add(arg);
    else if ((arg === '-w' || arg === '--wait') && /^\d+$/.test(args[i + 1] ?? '')) i++;
    else return undefined;
  }
  return known;
}

const lockHeld =
  "Can't lock /run/xtables.lock: Resource temporarily unavailable\n" +
  'Another app is currently holding the xtables lock. Stopped waiting after 5s.\n';
const conntrackDenied =
  'conntrack v1.4.7 (conntrack-tools): Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this\n';

function notFound(file: string): CommandResult {
  return { exitCode: undefined, stdout: '', stderr: `${file}: not found`, failure: 'not-found' };
}

function title({ family, mode, called, verb }: Tool): string {
  const own = family === 'IPv4' ? 'iptables' : 'ip6tables';
  if (mode === 'nft') return `${called} v1.8.9 (nf_tables)`;
  return `${verb === '' ? own : `${own}-${verb}`} v1.8.9 (legacy)`;
}

function version(tool: Tool): CommandResult {
  const own = tool.family === 'IPv4' ? 'iptables' : 'ip6tables';
  return { exitCode: 0, stdout: `${own} v1.8.9 (${tool.mode === 'nft' ? 'nf_tables' : 'legacy'})\n`, stderr: '' };
}

function denied(tool: Tool): CommandResult {
  const why =
    tool.mode === 'nft'
      ? 'Could not fetch rule set generation id: Permission denied (you must be root)'
      : "can't initialize iptables table `nat': Permission denied (you must be root)";
  return { exitCode: tool.mode === 'nft' ? 4 : 3, stdout: '', stderr: `${title(tool)}: ${why}\n` };
}

/** Legacy iptables-restore does not print that it lacks the permission. */
function noTable(tool: Tool, input: string): CommandResult {
  const own = tool.family === 'IPv4' ? 'iptables-restore' : 'ip6tables-restore';
  const table = /^\*(\w+)$/m.exec(input)?.[1] ?? '';
  return {
    exitCode: 2,
    stdout: '',
    stderr: `${title(tool)}: ${own}: unable to initialize table '${table}'\nError occurred at line: 1\nTry \`${own} -h' or '${own} --help' for more information.\n`,
  };
}
