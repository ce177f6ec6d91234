import type { LiveBackend } from '../../../backends/backend.ts';
import type { Run } from '../../../backends/command.ts';
import type { Configuration } from '../../config/config.ts';
import { type DiagnosticFormat, diagnosticsText } from '../../terminal/diagnostics.ts';
import type { Io } from '../../terminal/io.ts';
import { preparationText, problemsOf } from '../../../backends/host/preparation.ts';
import { initialiseNode } from '../../node/prepare.ts';

/**
 * `slicewright agent --init-only`: what needs more privilege than the agent has, each with what
 * became of it.
 *
 * returns  1 if something is missing without which Services do not work, else 0
 */
export async function initCommand(
  configuration: Configuration,
  live: LiveBackend,
  cpus: number,
  format: DiagnosticFormat,
  io: Io,
  run: Run,
): Promise<number> {
  const preparations = await initialiseNode(run, { ...configuration, live }, cpus);
  const done = preparations.filter(({ kind }) => kind !== 'failed');
  await io.out(done.map((preparation) => `${preparationText(preparation)}\n`).join(''));
  const problems = problemsOf(preparations);
  await io.err(diagnosticsText([...configuration.diagnostics, ...problems], format));
  return problems.some(({ severity }) => severity === 'error') ? 1 : 0;
}
