import type { Observed } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import { families } from '../../compiler/values/address.ts';
import { readAllDumps } from '../input/dumps.ts';
import type { Host } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { type IsNameSelected, parseNameSelection } from '../input/selection.ts';
import { compileWanted, type Wanted, type WantedOptions } from '../planning/compile-targets.ts';
import { observeFamilies } from '../planning/plan-kernel.ts';
import { type DiagnosticFormat, diagnosticsText } from '../terminal/diagnostics.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { createProgress } from '../terminal/progress.ts';
import { foundDocument } from '../verification/found-json.ts';
import { foundText } from '../verification/found-text.ts';
import { namesText } from '../verification/names-text.ts';
import { type Verification, verifyFound } from '../verification/verify-found.ts';
import { reportingFailures } from './failures.ts';

export interface VerifyFoundOptions extends WantedOptions, SelectionOptions {
  /** `NAMESPACE/NAME[:PORT]`: the Services that are asked about; none: all. */
  readonly services?: readonly string[];
  /** Files and folders of dumps; empty: the kernel. */
  readonly against: readonly string[];
  /** wide: text with `verbose`; name: the Services that differ, a line each. */
  readonly output: 'text' | 'wide' | 'name' | DocumentFormat;
  readonly verbose?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright verify --live` and `--against`: whether the rules on a node do what the objects say, checked with every kind
 * of packet.
 *
 * returns  the exit status: 0 they do, whatever their text, 3 they do not, 1 the check could not be done
 */
export function verifyFoundCommand(options: VerifyFoundOptions, io: Io, run: Run, host: Host): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const isHere = options.against.length === 0;
    const wanted = await compileWanted(options, io, isHere ? { host, run } : undefined);
    await io.err(diagnosticsText(wanted.diagnostics, options.diagnostics, wanted.placeOf));
    const { services = [] } = options;
    const all = families.flatMap((family) => wanted.targets[family].services);
    const observed = isHere ? await observeFamilies(run, wanted, true) : readAllDumps(options.against, wanted);
    const found = await verifyAll(observed, wanted, parseNameSelection(services, options, wanted.input, all), io);
    await io.out(await shownAs(options, found));
    return found.some(({ result }) => result === 'different') ? 3 : 0;
  });
}

async function shownAs({ output, verbose }: VerifyFoundOptions, found: readonly Verification[]): Promise<string> {
  switch (output) {
    case 'text':
    case 'wide':
      return found.map((one) => foundText(one, { verbose: verbose === true || output === 'wide' })).join('');
    case 'name':
      return namesText(found.flatMap(({ differences }) => differences.map(({ servicePort }) => servicePort)));
    case 'json':
    case 'yaml':
      return foundDocument(found, output);
  }
}

async function verifyAll(
  observed: readonly Observed[],
  { mode, targets }: Wanted,
  isAsked: IsNameSelected | undefined,
  io: Io,
): Promise<Verification[]> {
  const progress = createProgress(io, () => performance.now());
  const found: Verification[] = [];
  for (const one of observed) {
    const tell = (looked: number, known: number) =>
      progress.tell(() => `${one.family}: ${looked} of ${known} places compared, more may show`);
    found.push(await verifyFound(mode.backend, one, targets[one.family], { isAsked, progress: tell }));
  }
  progress.end();
  return found;
}
