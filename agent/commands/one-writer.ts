import type { ChainPrefix } from '../../compiler/settings.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { InputError } from '../input/input-error.ts';
import { systemClock } from '../loop/clock.ts';
import { type Holder, holderText, type LockRole } from '../node/holder.ts';
import { type NodeLock, tryLock } from '../node/node-lock.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';

/** Options of every command that writes to a node once. */
export interface WriterOptions {
  /** The folder of writers' locks. */
  readonly lockDir: string;
  /** Write even while another process writes. */
  readonly force?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * Runs `write` while no other process of slicewright writes to the node. An agent that starts meanwhile waits.
 *
 * returns  the result of `write`; 1 if another writer runs on this node
 */
export async function asOneWriter<T>(
  role: LockRole & ('apply' | 'cleanup'),
  prefix: ChainPrefix,
  options: WriterOptions,
  io: Io,
  write: () => Promise<T | number>,
): Promise<T | number> {
  const { lock, problem } = await lockOrWhyNot(role, prefix, options);
  if (problem !== undefined) await io.err(diagnosticsText([problem], options.diagnostics));
  if (problem?.severity === 'error') return 1;
  try {
    return await write();
  } finally {
    await lock?.release();
  }
}

async function lockOrWhyNot(
  role: LockRole & ('apply' | 'cleanup'),
  prefix: ChainPrefix,
  { lockDir, force }: WriterOptions,
): Promise<{ readonly lock?: NodeLock; readonly problem?: Diagnostic }> {
  const severity = force === true ? 'warning' : 'error';
  try {
    const done = await tryLock({ dir: lockDir, prefix, role }, systemClock);
    if (done.kind === 'taken') return { lock: done.lock };
    const message = `${holderText(done.by)} runs on this node${force === true ? `; ${anyway(done.by)}` : refused(done.by)}`;
    return { problem: { severity, code: 'node-in-use', object: { kind: 'lock', name: lockDir }, message } };
  } catch (error) {
    const [problem] = error instanceof InputError ? error.diagnostics : [];
    if (problem === undefined || force !== true) throw error;
    const message = `${problem.message}; going on although another process may write (--force)`;
    return { problem: { ...problem, severity, message } };
  }
}

function anyway({ role }: Holder): string {
  return role === 'agent'
    ? 'going on because of --force; the agent restores its own rules'
    : 'going on because of --force';
}

function refused({ role }: Holder): string {
  return role === 'agent'
    ? ' and would restore its own rules; nothing was changed. Change the objects that it follows, or stop it first: its rules stay in force. To go on regardless: --force'
    : '; nothing was changed. Wait until it ends, or go on regardless with --force';
}
