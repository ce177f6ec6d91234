import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { type Started, startChild } from './child.ts';
import type { CommandResult, Run } from './command.ts';
import { openOutputFile, type OutputFile } from './output-file.ts';

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
/** How often to look whether output in a file has grown too long. */
const lookMs = 50;

/**
 * Runs commands on this machine.
 *
 * The program is looked up in fixed folders and started by its absolute path, without a shell. Its environment holds
 * a fixed PATH and the C locale and nothing else, since slicewright reads its messages.
 * A command that outlives its time is asked to end, then killed.
 *
 * A command without input is run for its output, which may be long. Where the machine has a place for it, that goes to a file:
 * through a pipe, the command waits while this process compiles. nft also writes a few bytes at a time; to be given 1.4 million
 * such pieces, for the table of 10,000 Services, took this process 2 s of CPU.
 *
 * This calls `spawn` directly: with a library around it, the library took a seventh of the agent's time for a small
 * change, and time to load.
 */
export function hostRun({ timeoutMs = 300_000, maxOutput = 256_000_000 }: RunOptions = {}): Run {
  const limits = { timeoutMs, maxOutput };
  return async (file, args, input = '') => {
    const path = findProgram(file);
    if (path === undefined) return notStarted('not-found', `${file}: not found in ${folders.join(':')}`);
    const output = input === '' ? openOutputFile() : undefined;
    if (output === undefined) return await runOnce(path, args, input, limits, undefined);
    try {
      const result = await runOnce(path, args, input, limits, output);
      if (!output.isCut()) return result;
    } finally {
      output.close();
    }
    return await runOnce(path, args, input, limits, undefined);
  };
}

/** output   undefined: a pipe */
async function runOnce(
  path: string,
  args: readonly string[],
  input: string,
  limits: Required<RunOptions>,
  output: OutputFile | undefined,
): Promise<CommandResult> {
  // Loaded with the first command: what only compiles never pays for it.
  const { spawn } = await import('node:child_process');
  const env = { PATH: folders.join(':'), LC_ALL: 'C' };
  const stdin = input === '' ? 'ignore' : 'pipe';
  let started: Started;
  try {
    started = startChild(() =>
      spawn(path, args, { env, cwd: '/', stdio: [stdin, output?.descriptor ?? 'pipe', 'pipe'] }),
    );
  } catch (error) {
    return startFailure(error);
  }
  return await ended(started, input, limits, output);
}

/** Writes the input, reads all output, and waits until both are done and the command has ended. */
function ended(
  { child, forget }: Started,
  input: string,
  { timeoutMs, maxOutput }: Required<RunOptions>,
  file: OutputFile | undefined,
) {
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
    const checkLength = (output: OutputFile): void => void (output.size() > maxOutput && stop('output-too-long'));
    const looks = file && setInterval(() => checkLength(file), lookMs);
    const [standard, errors] = [child.stdout, child.stderr].map((stream) => {
      const output = { text: '' };
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const room = maxOutput - output.text.length;
        output.text += chunk.length > room ? chunk.slice(0, room) : chunk;
        if (chunk.length > room) stop('output-too-long');
      });
      return output;
    }) as [{ readonly text: string }, { readonly text: string }];
    let isOver = false;
    const end = (result: CommandResult): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(patience);
      clearTimeout(force);
      clearInterval(looks);
      forget();
      resolve(result);
    };
    // After the command's exit, output that its own children write no longer matters.
    child.on('exit', () => stopped && [child.stdout, child.stderr].forEach((stream) => stream?.destroy()));
    child.on('close', (code) => {
      if (file !== undefined) checkLength(file);
      const failure = stopped ?? (code === null ? 'killed' : undefined);
      const exitCode = failure === undefined ? (code ?? undefined) : undefined;
      const stdout = file?.text(maxOutput) ?? standard.text;
      end({ exitCode, stdout, stderr: errors.text, ...(failure === undefined ? {} : { failure }) });
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
