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
  /** Where writers say that they are there. */
  readonly lockDir: string;
  /** Write beside another one, too. */
  readonly force?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * Does what writes to the node while nobody else of slicewright's does. An agent that starts meanwhile waits.
 *
 * returns  what `write` does; 1 where another one works on this node
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
    const message = `${holderText(done.by)} works on this node${force === true ? `; ${anyway(done.by)}` : refused(done.by)}`;
    return { problem: { severity, code: 'node-in-use', object: { kind: 'lock', name: lockDir }, message } };
  } catch (error) {
    const [problem] = error instanceof InputError ? error.diagnostics : [];
    if (problem === undefined || force !== true) throw error;
    const message = `${problem.message}; going on without knowing whether another one writes (--force)`;
    return { problem: { ...problem, severity, message } };
  }
}

function anyway({ role }: Holder): string {
  return role === 'agent'
    ? 'going on all the same (--force), and it puts its own rules back'
    : 'going on all the same (--force)';
}

function refused({ role }: Holder): string {
  return role === 'agent'
    ? ' and would put its own rules back; nothing was changed. Change what it follows, or stop it first: its rules stay. --force goes on beside it'
    : '; nothing was changed. Wait for it to end; --force goes on beside it';
}
