import type { CleanReport } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { liveBackends } from '../../backends/index.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { type ProxyOptions, proxyIdentity } from '../input/proxy-identity.ts';
import { beforeChanges, reportingFailures } from './failures.ts';

export interface CleanupOptions extends ProxyOptions {
  readonly takeOver?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright cleanup`: removes everything of slicewright's and nothing else, of every backend, in both families.
 * Doing it again does nothing.
 *
 * returns  the exit status: 0 nothing of slicewright's is left, 1 something is
 */
export function cleanupCommand(options: CleanupOptions, io: Io, run: Run): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    let isClean = true;
    for (const family of families) isClean = (await cleanUp(family, options, io, run)) && isClean;
    return isClean ? 0 : 1;
  });
}

/** In the order of the list of backends: sets that rules look into cannot be destroyed before the rules. */
async function cleanUp(family: Family, options: CleanupOptions, io: Io, run: Run): Promise<boolean> {
  const settings = { ...defaultSettings, ...proxyIdentity(options) };
  const scope = scopeOf(family, settings, options.takeOver === true);
  const reports: CleanReport[] = [];
  for (const live of await liveBackends()) {
    const clean = () => live.clean(run, scope);
    const isFirst = family === families[0] && reports.length === 0;
    const report = await (isFirst ? beforeChanges(clean) : clean());
    reports.push(report);
    await io.out(report.done.map((text) => `${family}: ${text}\n`).join(''));
    await io.err(diagnosticsText(report.problems, options.diagnostics));
    await io.err(diagnosticsText(report.kept, options.diagnostics));
    if (report.state === 'failed') return false;
  }
  const isKept = reports.some(({ kept }) => kept.length > 0);
  const isNothing = !isKept && reports.every(({ state }) => state === 'nothing');
  const rest = [...(isNothing ? ['nothing of ours is there'] : []), ...reports.flatMap(({ others }) => others ?? [])];
  if (rest.length > 0) await io.out(`${family}: ${rest.join('; ')}\n`);
  return !isKept;
}
