import type { LiveBackend } from '../../../backends/backend.ts';
import type { Run } from '../../../backends/command.ts';
import type { Configuration } from '../../config/config.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { systemClock } from '../../loop/clock.ts';
import { type Holder, waitText } from '../../node/holder.ts';
import { lockNode } from '../../node/node-lock.ts';
import { type DiagnosticFormat, diagnosticsText } from '../../terminal/diagnostics.ts';
import type { Io } from '../../terminal/io.ts';
import { preparationText, problemsOf } from '../../../backends/host/preparation.ts';
import { initialiseNode } from '../../node/prepare.ts';

/** What `--init-only` needs to know: the configuration, its backend and the number of cores. */
export interface InitParts {
  readonly configuration: Configuration;
  readonly live: LiveBackend;
  readonly cpus: number;
}

/**
 * `slicewright agent --init-only`: does what needs more privilege than the agent has, and prints the result of
 * each part. Like the agent it waits for another writer of this node to end.
 *
 * returns  1 if something is missing without which Services do not work, or it was stopped before it was done, else 0
 */
export async function initCommand(
  { configuration, live, cpus }: InitParts,
  { lockDir, diagnostics: format }: { readonly lockDir: string; readonly diagnostics: DiagnosticFormat },
  io: Io,
  run: Run,
  signal: AbortSignal,
): Promise<number> {
  const object = { kind: 'lock', name: lockDir };
  const waiting = (holder: Holder): Diagnostic[] => [
    { severity: 'info', code: 'node-in-use', object, message: waitText(holder) },
  ];
  const lock = await lockNode(
    { dir: lockDir, prefix: configuration.settings.chainPrefix, role: 'init' },
    (holder) => void io.err(diagnosticsText(waiting(holder), format)),
    signal,
    systemClock,
  );
  if (lock === undefined) return 1;
  try {
    const preparations = await initialiseNode(run, { ...configuration, live }, cpus);
    const done = preparations.filter(({ kind }) => kind !== 'failed');
    await io.out(done.map((preparation) => `${preparationText(preparation)}\n`).join(''));
    const problems = problemsOf(preparations);
    await io.err(diagnosticsText([...configuration.diagnostics, ...problems], format));
    return problems.some(({ severity }) => severity === 'error') ? 1 : 0;
  } finally {
    await lock.release();
  }
}
