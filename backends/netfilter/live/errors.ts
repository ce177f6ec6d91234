import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { CommandResult } from '../../command.ts';
import { BackendError } from '../../errors.ts';

/**
 * Why a command of netfilter failed.
 *
 * locked         another program held the lock longer than slicewright waits; trying again helps
 * refused        the change does not fit what the kernel holds, or the kernel refuses a rule
 * malformed      the text is wrong: a defect of slicewright
 * unsupported    the kernel or the tool lacks a table, a match or a target
 * too-large      the kernel takes no message of this size from slicewright; shorter documents help
 * missing-tool   the program is not installed
 * no-privilege   slicewright lacks the permission
 * not-started    the machine or this process had no room for another process; what is in force stays
 * interrupted    killed, or it took too long: the tables before that are in force
 * truncated      what it printed is cut short
 * failed         anything else
 */
export type KernelErrorReason =
  | 'locked'
  | 'refused'
  | 'malformed'
  | 'unsupported'
  | 'too-large'
  | 'missing-tool'
  | 'no-privilege'
  | 'not-started'
  | 'interrupted'
  | 'truncated'
  | 'failed';

export interface KernelErrorFacts {
  readonly reason: KernelErrorReason;
  /** Line of the input at which the tool noticed it, from 1. At the COMMIT if the tool knows no better. */
  readonly line?: number;
  /** A chain that the message names. */
  readonly chain?: string;
}

/** A command of netfilter failed. Classified once, here: callers never read exit codes or messages. */
export class KernelError extends BackendError implements KernelErrorFacts {
  readonly reason: KernelErrorReason;
  readonly line?: number;
  readonly chain?: string;
  /** `iptables-restore --noflush -w 5` */
  readonly command: string;
  readonly stderr: string;

  constructor(command: string, facts: KernelErrorFacts, stderr: string) {
    super(`${command}: ${describe(facts.reason)}${stderr === '' ? '' : `: ${firstLines(stderr)}`}`);
    this.name = 'KernelError';
    this.command = command;
    this.stderr = stderr;
    this.reason = facts.reason;
    if (facts.line !== undefined) this.line = facts.line;
    if (facts.chain !== undefined) this.chain = facts.chain;
  }

  override diagnostic(): Diagnostic {
    const object = { kind: 'command', name: this.command };
    const message = this.message.replace(`${this.command}: `, '');
    return { severity: 'error', code: `kernel-${this.reason}`, object, message };
  }
}

function describe(reason: KernelErrorReason): string {
  const words: Readonly<Record<KernelErrorReason, string>> = {
    locked: 'another program holds the lock',
    refused: 'refused',
    malformed: 'not understood',
    unsupported: 'not supported by this kernel or tool',
    'too-large': 'more than the kernel accepts at once (only root outside of user namespaces may send more)',
    'missing-tool': 'not installed',
    'no-privilege': 'not permitted (root, or CAP_NET_ADMIN and CAP_NET_RAW, is needed)',
    'not-started': 'could not be started',
    interrupted: 'interrupted',
    truncated: 'its output is cut short',
    failed: 'failed',
  };
  return words[reason];
}

/** stderr can be long; what matters of it comes first. */
function firstLines(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Try `'));
  return lines.slice(0, 4).join(' / ').slice(0, 600);
}

/**
 * What went wrong, from the result of a command that failed.
 *
 * Exit codes do not tell causes apart: a held lock is 4 in legacy mode, a refusal by the kernel 1 in
 * legacy and 4 in nft mode, as is a missing privilege, and a missing table or chain is 2 like a
 * typing error. So the messages of iptables 1.8 decide, in the C locale; errors.test.ts holds the
 * texts that the real tools gave.
 */
export function classifyFailure({ exitCode, stderr, failure }: CommandResult): KernelErrorFacts {
  switch (failure) {
    case 'not-found':
      return { reason: 'missing-tool' };
    case 'no-permission':
      return { reason: 'no-privilege' };
    case 'not-started':
      return { reason: 'not-started' };
    case 'timeout':
    case 'killed':
      return { reason: 'interrupted' };
    case 'output-too-long':
      return { reason: 'truncated' };
    case undefined:
      break;
  }
  if (/Message too long|No buffer space/.test(stderr)) return { reason: 'too-large' };
  if (/holding the xtables lock|Can't lock /.test(stderr)) return { reason: 'locked' };
  if (/Permission denied|Operation not permitted|must be root/.test(stderr)) return { reason: 'no-privilege' };

  const line = lineIn(stderr);
  const at = line === undefined ? {} : { line };
  const named = chainIn(stderr);
  const chain = named === undefined ? {} : { chain: named };
  if (/unable to initialize table|Table does not exist|table name '.*' invalid/.test(stderr)) {
    return { reason: 'unsupported', ...at };
  }
  // Only legacy mode prints this about a missing chain, which it takes for a target.
  const target = /Couldn't load target `([^']*)'/.exec(stderr)?.[1];
  if (target !== undefined && /^[A-Z]+-/.test(target)) return { reason: 'refused', ...at, chain: target };
  if (target !== undefined || /Couldn't load match|missing kernel module/.test(stderr)) {
    return { reason: 'unsupported', ...at };
  }
  if (/Chain '.*' does not exist|Set .* doesn't exist/.test(stderr)) return { reason: 'refused', ...at, ...chain };
  if (/line \d+ failed|line \d+: [A-Z_]+ failed/.test(stderr)) return { reason: 'refused', ...at, ...chain };
  if (exitCode === 2 || /COMMIT expected/.test(stderr)) return { reason: 'malformed', ...at };
  return { reason: 'failed', ...at };
}

/** The three ways in which the tools name a line. */
function lineIn(stderr: string): number | undefined {
  const line =
    /Error occurred at line: (\d+)/.exec(stderr) ??
    /^line (\d+): [A-Z_]+ failed/m.exec(stderr) ??
    /line (\d+) failed/.exec(stderr) ??
    /expected at line (\d+)/.exec(stderr);
  return line === null ? undefined : Number(line[1]);
}

function chainIn(stderr: string): string | undefined {
  return (
    /: (?:rule in )?chain ([A-Za-z0-9_-]+)$/m.exec(stderr)?.[1] ?? /Chain '([^']*)' does not exist/.exec(stderr)?.[1]
  );
}
