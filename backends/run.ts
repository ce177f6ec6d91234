import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { type Started, startChild } from './child.ts';
import type { CommandResult, Run } from './command.ts';

/** Where an administrator's programs are. Never the caller's PATH: slicewright runs with all rights. */
const folders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

export interface RunOptions {
  /** Longest that a command may take. Restoring a large node in nft mode takes half a minute. */
  readonly timeoutMs?: number;
  /** Longest output that is kept, in characters. */
  readonly maxOutput?: number;
}

/** Time between the request to end and the end by force. */
const graceMs = 5_000;

/**
 * Runs commands on this machine.
 *
 * The program is looked up in fixed folders and started by its absolute path, without a shell. Its environment holds
 * a fixed PATH and the C locale and nothing else, since slicewright reads its messages.
 * A command that outlives its time is asked to end, then killed.
 *
 * This calls `spawn` directly: with a library around it, the library took a seventh of the agent's time for a small
 * change, and time to load.
 */
export function hostRun({ timeoutMs = 300_000, maxOutput = 256_000_000 }: RunOptions = {}): Run {
  return async (file, args, input = '') => {
    const path = findProgram(file);
    if (path === undefined) return notStarted('not-found', `${file}: not found in ${folders.join(':')}`);
    // Loaded with the first command: what only compiles never pays for it.
    const { spawn } = await import('node:child_process');
    const env = { PATH: folders.join(':'), LC_ALL: 'C' };
    const stdin = input === '' ? 'ignore' : 'pipe';
    let started: Started;
    try {
      started = startChild(() => spawn(path, args, { env, cwd: '/', stdio: [stdin, 'pipe', 'pipe'] }));
    } catch (error) {
      return startFailure(error);
    }
    return await ended(started, input, { timeoutMs, maxOutput });
  };
}

/** Writes the input, reads all output, and waits until both are done and the command has ended. */
function ended({ child, forget }: Started, input: string, { timeoutMs, maxOutput }: Required<RunOptions>) {
  return new Promise<CommandResult>((resolve) => {
    let stopped: 'timeout' | 'output-too-long' | undefined;
    let force: NodeJS.Timeout | undefined;
    const stop = (why: typeof stopped): void => {
      if (stopped !== undefined) return;
      stopped = why;
      child.kill('SIGTERM');
      force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    };
    const patience = setTimeout(() => stop('timeout'), timeoutMs);
    const outputs = [child.stdout, child.stderr].map((stream) => {
      const output = { text: '' };
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const room = maxOutput - output.text.length;
        output.text += chunk.length > room ? chunk.slice(0, room) : chunk;
        if (chunk.length > room) stop('output-too-long');
      });
      return output;
    });
    let isOver = false;
    const end = (result: CommandResult): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(patience);
      clearTimeout(force);
      forget();
      resolve(result);
    };
    // After the command's exit, output that its own children write no longer matters.
    child.on('exit', () => stopped && [child.stdout, child.stderr].forEach((stream) => stream?.destroy()));
    child.on('close', (code) => {
      const [stdout, stderr] = outputs.map(({ text }) => text) as [string, string];
      const failure = stopped ?? (code === null ? 'killed' : undefined);
      const exitCode = failure === undefined ? (code ?? undefined) : undefined;
      end({ exitCode, stdout, stderr, ...(failure === undefined ? {} : { failure }) });
    });
    // A failed request to end the command is no error: it is ending anyway.
    child.on('error', (error) => {
      if (child.pid === undefined) end(startFailure(error));
    });
    // A command may end without reading all of its input: only its output counts.
    child.stdin?.on('error', () => {});
    // Bytes: nothing is re-encoded, and a long text is written faster.
    child.stdin?.end(Buffer.from(input, 'utf8'));
  });
}

/** Where programs were found. */
const found = new Map<string, string>();

function findProgram(file: string): string | undefined {
  const before = found.get(file);
  if (before !== undefined && isExecutable(before)) return before;
  if (!/^[A-Za-z0-9_.+-]+$/.test(file)) throw new Error(`${JSON.stringify(file)} is not the name of a program`);
  const path = folders.map((folder) => join(folder, file)).find(isExecutable);
  if (path !== undefined) found.set(file, path);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why a program was not started, from the system's error. */
function startFailure(error: unknown): CommandResult {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (errno === 'ENOENT') return notStarted('not-found', systemText(errno));
  if (errno === 'EACCES' || errno === 'EPERM') return notStarted('no-permission', systemText(errno));
  return notStarted('not-started', errno === '' ? String(error) : systemText(errno));
}

/** `too many open files (EMFILE)` */
function systemText(errno: string): string {
  const text = [...getSystemErrorMap().values()].find(([name]) => name === errno);
  return text === undefined ? errno : `${text[1]} (${errno})`;
}

function notStarted(failure: CommandResult['failure'] & string, stderr: string): CommandResult {
  return { exitCode: undefined, stdout: '', stderr, failure };
}
