import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asFields } from '../../compiler/model/fields.ts';
import { families } from '../../compiler/values/address.ts';
import { counted } from '../../compiler/values/counted.ts';
import { captureDifference, captureServices } from '../capture/captured.ts';
import { type Captured, caseFiles } from '../capture/case-files.ts';
import { readObjects } from '../input/files.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { parseNameSelection, type SelectionOptions } from '../input/selection.ts';
import { compileWanted, type WantedOptions } from '../planning/compile-targets.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';
import { createProgress } from '../terminal/progress.ts';
import { reportingFailures } from './failures.ts';

export interface CaptureOptions extends WantedOptions, SelectionOptions {
  /** Dumps of a node; none: the case is about what the objects mean. */
  readonly against: readonly string[];
  readonly services: readonly string[];
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright capture`: a small case folder that shows the first difference between a node and the objects, or, where there
 * is none or no dump, what the Services that are named mean.
 *
 * folder   is made, or is empty
 * returns  the exit status: 0 a case was written, 1 there is nothing to capture, or something cannot be read or written
 */
export function captureCommand(folder: string, options: CaptureOptions, io: Io): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    refuseFilled(folder);
    const wanted = await compileWanted(options, io, undefined);
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
    const services = families.flatMap((family) => wanted.targets[family].services);
    const isAsked = parseNameSelection(options.services, options, wanted.input, services);
    const bar = createProgress(io, () => performance.now());
    const progress = (looked: number, known: number) => bar.tell(() => `${looked} of ${known} places compared`);
    const different = await captureDifference(options.against, wanted, { isAsked, progress });
    bar.end();
    const finding = different ?? (isAsked === undefined ? undefined : captureServices(wanted, isAsked));
    if (finding === undefined) {
      const isNone = isAsked === undefined;
      const why = isNone ? 'no difference was found; name a Service to capture its rules' : 'no such Service is served';
      await io.err(`error: nothing to capture: ${why}\n`);
      return 1;
    }
    const files = caseFiles({ ...finding, ...(await documentsOf(options, io)) });
    writeCase(folder, files);
    await io.out(
      `${finding.shows[0]}\n${counted(files.size, 'file')} written to ${folder}; README.md says how to see it again\n`,
    );
    return 0;
  });
}

/** A folder is written once: what is in it already is somebody's. */
function refuseFilled(folder: string): void {
  try {
    if (readdirSync(folder).length === 0) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw unwritable(folder, error);
  }
  throw new InputError([fileProblem(folder, 'output-unwritable', 'is not empty; give a new folder')]);
}

/** Settings and the registry as they were given, for the case has files of the same form. */
async function documentsOf(
  { config, registry, compat }: CaptureOptions,
  { readStdin }: Io,
): Promise<Pick<Captured, 'configuration' | 'registry' | 'compat'>> {
  const read = async (path: string | undefined) => (path === undefined ? [] : readObjects([path], readStdin));
  const [[configuration], [known]] = [await read(config), await read(registry)];
  return { configuration: asFields(configuration), registry: known, compat };
}

function writeCase(folder: string, files: ReadonlyMap<string, string>): void {
  try {
    for (const [name, contents] of files) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents, { flag: 'wx' });
    }
  } catch (error) {
    throw unwritable(folder, error);
  }
}

function unwritable(folder: string, error: unknown): InputError {
  const reason = error instanceof Error ? error.message : String(error);
  return new InputError([fileProblem(folder, 'output-unwritable', `cannot be written: ${reason}`)]);
}
