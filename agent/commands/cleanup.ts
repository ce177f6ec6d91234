import type { CleanReport } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { liveBackends } from '../../backends/index.ts';
import { defaultSettings, kubePrefix, type Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { UsageError } from '../input/input-error.ts';
import { type ProxyOptions, proxyIdentity } from '../input/proxy-identity.ts';
import { beforeChanges, reportingFailures } from './failures.ts';
import { type FamilyOutcome, withOutcome } from './outcome.ts';
import { asOneWriter, type WriterOptions } from './one-writer.ts';

export interface CleanupOptions extends ProxyOptions, WriterOptions {
  readonly takeOver?: boolean;
  /** Leave the rules in force for a kube-proxy that starts next, and remove slicewright's mark. */
  readonly handOver?: boolean;
  readonly output?: 'text' | DocumentFormat;
}

/**
 * `slicewright cleanup`: removes all that slicewright wrote and nothing else, for every backend, in both families.
 * Running it again has no effect. A hand-over leaves in force what kube-proxy takes over.
 *
 * returns  the exit status: 0 nothing that slicewright wrote is left, 1 something is
 */
export function cleanupCommand(options: CleanupOptions, io: Io, run: Run): Promise<number> {
  return reportingFailures(options.diagnostics, io, () => {
    const settings = { ...defaultSettings, ...proxyIdentity(options) };
    if (options.handOver === true && settings.chainPrefix !== kubePrefix)
      throw new UsageError('--hand-over', notKubeProxys);
    const withoutQuestion = { output: options.output ?? 'text', yes: true };
    return withOutcome('CleanupResult', withoutQuestion, io, (its, outcome) =>
      asOneWriter('cleanup', settings.chainPrefix, options, its, async () => {
        await beforeChanges(() => checkAll(settings, options, run));
        for (const family of families) outcome.families.push(await cleanUp(family, settings, options, its, run));
        return outcome.families.every(({ isDone }) => isDone) ? 0 : 1;
      }),
    );
  });
}

const notKubeProxys =
  'is for rules under names of kube-proxy, which takes over no others: leave out --service-proxy-name, or --hand-over';

/** Reads everything before anything is removed, so that what cannot be read shows first. */
async function checkAll(settings: Settings, { takeOver }: CleanupOptions, run: Run): Promise<void> {
  for (const family of families) {
    const scope = scopeOf(family, settings, takeOver === true);
    for (const live of await liveBackends()) await live.checkCleanable(run, scope);
  }
}

/**
 * In the order of the list of backends: rules go before the sets that they use, which the kernel would not destroy otherwise.
 * A hand-over goes the other way, because the mark in the chains shows who owns the rest.
 */
async function cleanUp(
  family: Family,
  settings: Settings,
  options: CleanupOptions,
  io: Io,
  run: Run,
): Promise<FamilyOutcome> {
  const scope = scopeOf(family, settings, options.takeOver === true);
  const reports: CleanReport[] = [];
  const backends = await liveBackends();
  for (const live of options.handOver === true ? backends.toReversed() : backends) {
    const report = await (options.handOver === true ? live.handOver(run, scope) : live.clean(run, scope));
    reports.push(report);
    await io.out(report.done.map((text) => `${family}: ${text}\n`).join(''));
    await io.err(diagnosticsText(report.problems, options.diagnostics));
    await io.err(diagnosticsText(report.kept, options.diagnostics));
    if (report.state === 'failed') return outcomeOf(false);
  }
  const isKept = reports.some(({ kept }) => kept.length > 0);
  const isNothing = !isKept && reports.every(({ state }) => state === 'nothing');
  const rest = [...(isNothing ? ['no slicewright rules found'] : []), ...reports.flatMap(({ others }) => others ?? [])];
  if (rest.length > 0) await io.out(`${family}: ${rest.join('; ')}\n`);
  return outcomeOf(!isKept);

  function outcomeOf(isDone: boolean): FamilyOutcome {
    const done = reports.flatMap((report) => report.done);
    return { family, isDone, done, problems: reports.flatMap(({ problems, kept }) => [...problems, ...kept]) };
  }
}
