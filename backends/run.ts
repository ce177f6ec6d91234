import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import type { CommandResult, Run } from './command.ts';

/** Where an administrator's programs are. Never the caller's PATH: we run with all rights. */
const folders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

export interface RunOptions {
  /** Longest that a command may take. Restoring a large node in nft mode takes half a minute. */
  readonly timeoutMs?: number;
  /** Longest output that is kept, in characters. */
  readonly maxOutput?: number;
}

/**
 * Runs commands on this machine.
 *
 * The program is looked up in fixed folders and started by its absolute path, without a shell and
 * with nothing of our environment but a fixed PATH and the C locale, since messages are read.
 * A command that outlives its time is asked to end, then killed.
 */
export function hostRun({ timeoutMs = 300_000, maxOutput = 256_000_000 }: RunOptions = {}): Run {
  return async (file, args, input = '') => {
    const path = findProgram(file);
    if (path === undefined) return notStarted('not-found', `${file}: not found in ${folders.join(':')}`);
    // Loaded with the first command: what only compiles never pays for it.
    const { execa } = await import('execa');
    const result = await execa(path, args, {
      // Bytes: nothing is re-encoded, and a long text is written faster.
      input: Buffer.from(input, 'utf8'),
      encoding: 'utf8',
      stripFinalNewline: false,
      reject: false,
      extendEnv: false,
      env: { PATH: folders.join(':'), LC_ALL: 'C' },
      cwd: '/',
      timeout: timeoutMs,
      forceKillAfterDelay: 5000,
      maxBuffer: maxOutput,
    });
    const failure = failureOf(result);
    if (failure === 'not-started') return notStarted(failure, systemText(result.code));
    const { exitCode, stdout, stderr } = result;
    return { exitCode, stdout, stderr, ...(failure === undefined ? {} : { failure }) };
  };
}

function findProgram(file: string): string | undefined {
  if (!/^[A-Za-z0-9_.+-]+$/.test(file)) throw new Error(`${JSON.stringify(file)} is not the name of a program`);
  return folders.map((folder) => join(folder, file)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly code?: string | undefined;
  readonly timedOut: boolean;
  readonly isMaxBuffer: boolean;
  readonly isTerminated: boolean;
}

function failureOf({ exitCode, code, timedOut, isMaxBuffer, isTerminated }: Ended): CommandResult['failure'] {
  if (isMaxBuffer) return 'output-too-long';
  if (timedOut) return 'timeout';
  if (isTerminated) return 'killed';
  if (exitCode !== undefined) return undefined;
  if (code === 'ENOENT') return 'not-found';
  if (code === 'EACCES' || code === 'EPERM') return 'no-permission';
  return code === undefined ? 'killed' : 'not-started';
}

/** `too many open files (EMFILE)` */
function systemText(code = ''): string {
  const found = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return found === undefined ? code : `${found[1]} (${code})`;
}

function notStarted(failure: CommandResult['failure'] & string, stderr: string): CommandResult {
  return { exitCode: undefined, stdout: '', stderr, failure };
}
