import { byName } from '../../backends/index.ts';
import { compile } from '../../compiler/index.ts';
import { formatMismatch } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { targetsOf } from '../planning/targets.ts';
import { reportingFailures } from './failures.ts';

export interface VerifyOptions extends InputOptions {
  readonly strict?: boolean;
  readonly diagnostics: DiagnosticFormat;
}

/**
 * `slicewright verify`: every probe packet through the program that compile would print, held to
 * what the Services say must become of it.
 *
 * returns  the exit status: 0 all agree, 1 some packet is treated otherwise, or nothing could be compiled
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
    let isRight = true;
    for (const family of families) {
      const { services } = targets[family];
      const mismatches = verify(targets[family]);
      isRight &&= mismatches.length === 0;
      for (const mismatch of mismatches) await io.out(`${formatMismatch(mismatch)}\n`);
      const verdict =
        mismatches.length === 0
          ? 'all probes get the expected result'
          : `${mismatches.length === 1 ? '1 probe' : `${mismatches.length} probes`} with a different result`;
      await io.out(`${family}: ${services.length} Service port${services.length === 1 ? '' : 's'}, ${verdict}\n`);
    }
    return isRight ? 0 : 1;
  });
}
