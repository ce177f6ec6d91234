import { byName } from '../../backends/index.ts';
import { compile } from '../../compiler/index.ts';
import { families } from '../../compiler/values/address.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import type { SelectionOptions } from '../input/asked.ts';
import { parseNameSelection } from '../input/selection.ts';
import { targetsOf } from '../planning/targets.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import type { DocumentFormat } from '../terminal/document.ts';
import type { Io } from '../terminal/io.ts';
import { namesText } from '../verification/names-text.ts';
import { probeFamily, type ProbedFamily, probesDocument, probesText } from '../verification/program-probes.ts';
import { reportingFailures } from './failures.ts';

export interface VerifyOptions extends InputOptions, SelectionOptions {
  /** `NAMESPACE/NAME[:PORT]`: the Services to report; none: all. */
  readonly services?: readonly string[];
  /** wide is text; name: the Services with a mismatch, one per line. */
  readonly output: 'text' | 'wide' | 'name' | DocumentFormat;
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright verify`: sends every probe packet through the program that compile would print, and compares the result with
 * what the Services say.
 *
 * returns  the exit status: 0 all agree, 1 some packet is treated differently, or nothing could be compiled
 */
export function verifyCommand(options: VerifyOptions, io: Io): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { input, backend, diagnostics, placeOf } = await readInputs(options, io.readStdin);
    const compilation = compile(input);
    const all = [...diagnostics, ...compilation.diagnostics];
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    if (options.strict === true && all.some(isWorrying)) return 1;
    const { verify } = await (await byName(backend)).witness();
    const targets = targetsOf(compilation);
    const services = families.flatMap((family) => targets[family].services);
    const isAsked = parseNameSelection(options.services ?? [], options, input, services);
    const found = families.map((family) => probeFamily(family, verify, targets[family], isAsked));
    await io.out(await shownAs(options, found));
    return found.every(({ mismatches }) => mismatches.length === 0) ? 0 : 1;
  });
}

async function shownAs({ output }: VerifyOptions, found: readonly ProbedFamily[]): Promise<string> {
  switch (output) {
    case 'text':
    case 'wide':
      return found.map(probesText).join('');
    case 'name':
      return namesText(found.flatMap(({ mismatches }) => mismatches.map(({ servicePort }) => servicePort)));
    case 'json':
    case 'yaml':
      return probesDocument(found, output);
  }
}
