import { readdirSync } from 'node:fs';
import type { Run } from '../../backends/command.ts';
import { isUsed } from '../../backends/target.ts';
import { compile } from '../../compiler/index.ts';
import { asFields } from '../../compiler/model/fields.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { families } from '../../compiler/values/address.ts';
import { captureDifference, captureServices, shownBy } from '../capture/captured.ts';
import { scrambledCase } from '../capture/scramble.ts';
import { type Captured, caseFiles } from '../capture/case-files.ts';
import { type DumpTexts, readDumpTexts } from '../input/dumps.ts';
import { readObjects } from '../input/files.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { Host } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { parseNameSelection } from '../input/selection.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import { targetsOf } from '../planning/targets.ts';
import { firstFlows, flowsOfPackets } from '../suite/first-flows.ts';
import { makeCase } from '../suite/new-case.ts';
import { caseText } from '../suite/report-text.ts';
import { type CaseResult, isPassed } from '../suite/result.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { createProgress } from '../terminal/progress.ts';
import { reportingFailures } from './failures.ts';

export interface CaptureOptions extends WantedOptions, SelectionOptions {
  /** Dumps of a node; if none are given, without `live`: the case is about what the objects mean. */
  readonly against: readonly string[];
  /** Replace names and addresses, from this seed; absent: they stay as they were read. */
  readonly scramble?: string;
  /** Capture the node that the command runs on. */
  readonly live?: boolean;
  readonly services: readonly string[];
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright capture`: writes a small case folder that shows the first difference between a node and the objects. If there
 * is none, or no dump, the case shows what the named Services mean.
 *
 * folder    is made, or must be empty
 * returns  the exit status: 0 a case was written, 1 there is nothing to capture, or something cannot be read or written
 */
export function captureCommand(folder: string, options: CaptureOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    refuseFilled(folder);
    const wanted = asInCase(await compileWanted(options, io, options.live === true ? { host, run } : undefined));
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
    const services = families.flatMap((family) => wanted.targets[family].services);
    const isAsked = parseNameSelection(options.services, options, wanted.input, services);
    const dumps = options.live === true ? [await recordKernel(run, wanted)] : dumpsAt(options.against, wanted);
    const bar = createProgress(io, () => performance.now());
    const progress = (looked: number, known: number) => bar.tell(() => `${looked} of ${known} places compared`);
    const different = await captureDifference(dumps, wanted, { isAsked, progress });
    bar.end();
    const finding = different ?? (isAsked === undefined ? undefined : captureServices(wanted, isAsked));
    if (finding === undefined) {
      const isNone = isAsked === undefined;
      const why = isNone ? 'no difference was found; name a Service to capture its rules' : 'no such Service is served';
      await io.err(`error: nothing to capture: ${why}\n`);
      return 1;
    }
    const read = { finding, documents: await documentsOf(options, io) };
    const { backend } = wanted.mode;
    const { scramble } = options;
    const about = { whole: wanted.input, backend };
    const made = scramble === undefined ? read : scrambledCase(scramble, finding, read.documents, about);
    const shows = await shownBy(made.finding, wanted.mode);
    if (shows === undefined) {
      await io.err('error: under other names and addresses the difference does not show; leave out --scramble\n');
      return 1;
    }
    const files = caseFiles({ ...made.finding, ...made.documents, backend: backend.name, shows });
    const result = await written(folder, files, made.finding.packets);
    await io.out(`${shows[0]}\n${folder} is a case of slicewright test; its README.md says how to see it again\n`);
    if (isPassed(result)) return 0;
    await io.err(caseText(result, paintOf(io)));
    return 1;
  });
}

/** Compiled as the case will be: without the addresses that only this machine knows, with those in the Node object. */
function asInCase(wanted: Wanted): Wanted {
  if (wanted.input.localAddresses === undefined) return wanted;
  const input = { ...wanted.input, localAddresses: undefined };
  const compilation = compile(input);
  return { ...wanted, input, compilation, targets: targetsOf(compilation) };
}

function dumpsAt(paths: readonly string[], { mode, settings }: Wanted): readonly DumpTexts[] {
  return paths.map((path) => readDumpTexts(path, mode.live, settings.chainPrefix).dump);
}

/** throws   BackendError when a family that is needed cannot be read */
async function recordKernel(run: Run, { mode, settings, targets }: Wanted): Promise<DumpTexts> {
  const texts = new Map<string, string>();
  for (const family of families) {
    const found = await mode.live.record(run, scopeOf(family, settings, true), isUsed(targets[family]));
    for (const [name, text] of found ?? []) texts.set(name, text);
  }
  return { kind: 'folder', path: 'the kernel', texts };
}

/** The packets for the flow table: those that show the difference, or a few if nothing differs. */
async function written(
  folder: string,
  files: ReadonlyMap<string, string>,
  packets: readonly Packet[],
): Promise<CaseResult> {
  try {
    return await makeCase(folder, files, (state, backends) =>
      state.packets.length > mostFlows ? firstFlows(state, backends) : flowsOfPackets(state, packets, backends),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw unwritable(folder, error);
  }
}

/** Nobody reads a longer table. */
const mostFlows = 12;

/** Only writes into a new or empty folder: any file that is there belongs to somebody. */
function refuseFilled(folder: string): void {
  try {
    if (readdirSync(folder).length === 0) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw unwritable(folder, error);
  }
  throw new InputError([fileProblem(folder, 'output-unwritable', 'is not empty; give a new folder')]);
}

/** Settings and the registry as they were given, because a case has files of the same form. */
async function documentsOf(
  { config, registry, compat }: CaptureOptions,
  { readStdin }: Io,
): Promise<Pick<Captured, 'configuration' | 'registry' | 'compat'>> {
  const read = async (path: string | undefined) => (path === undefined ? [] : readObjects([path], readStdin));
  const [[configuration], [known]] = [await read(config), await read(registry)];
  return { configuration: asFields(configuration), registry: known, compat };
}

function unwritable(folder: string, error: unknown): InputError {
  const reason = error instanceof Error ? error.message : String(error);
  return new InputError([fileProblem(folder, 'output-unwritable', `cannot be written: ${reason}`)]);
}
