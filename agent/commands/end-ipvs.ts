import type { Run } from '../../backends/command.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import type { Family } from '../../compiler/values/address.ts';
import { diagnosticsText, type DiagnosticFormat } from '../diagnostics.ts';
import type { Io } from '../io.ts';
import { observeRemains, remainsText, removeIpvs } from '../ipvs-remains.ts';
import { counted } from '../plan-report/report.ts';
import { describeFailure, drainText } from './ipvs-texts.ts';

export interface EndOptions {
  /** Of the names of what is ours. */
  readonly prefix: ChainPrefix;
  readonly takeOver?: boolean;
  readonly diagnostics: DiagnosticFormat;
  /** Nothing of ours shall be left: every trace is looked for, and connections are cut. */
  readonly isEnd: boolean;
}

/**
 * Removes what IPVS mode has in one family besides chains, and tells about it.
 *
 * returns   `waits`: what still has connections is left, without new ones
 */
export async function endIpvs(
  family: Family,
  { prefix, takeOver = false, diagnostics, isEnd }: EndOptions,
  io: Io,
  run: Run,
): Promise<'nothing' | 'removed' | 'waits' | 'failed'> {
  try {
    const remains = await observeRemains(run, family, { prefix, takeOver, isThorough: isEnd });
    if (remains === undefined) return 'nothing';
    const report = await removeIpvs(run, family, { prefix, takeOver, cut: isEnd });
    const { draining, steps } = report;
    const verb = draining === 0 ? 'removed' : 'on its way out';
    await io.out(
      `${family}: IPVS mode ${verb} (${remainsText(remains)}) in ${counted(steps, 'script')}${drainText(report)}\n`,
    );
    return draining === 0 ? 'removed' : 'waits';
  } catch (error) {
    const problem = describeFailure(family, error, isEnd ? 'cleanup' : 'apply');
    if (problem === undefined) throw error;
    await io.err(diagnosticsText([problem], diagnostics));
    return 'failed';
  }
}
