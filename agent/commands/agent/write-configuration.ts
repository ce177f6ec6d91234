import { writeFileSync } from 'node:fs';
import { dump } from 'js-yaml';
import { printable } from '../../../compiler/values/object-ref.ts';
import { effectiveDocument } from '../../config/effective.ts';
import { type DiagnosticFormat, diagnosticsText } from '../../terminal/diagnostics.ts';
import { fileProblem, InputError } from '../../input/input-error.ts';
import type { Io } from '../../terminal/io.ts';
import type { Given } from './configuration.ts';

/**
 * `slicewright agent --write-config-to FILE`: the configuration that is in force, every key with its value,
 * in order of name as kube-proxy writes it.
 *
 * returns  0
 * throws   InputError if it cannot be written
 */
export async function writeConfiguration(
  path: string,
  { document, configuration }: Given,
  { diagnostics }: { readonly diagnostics: DiagnosticFormat },
  io: Io,
): Promise<number> {
  await io.err(diagnosticsText(configuration.diagnostics, diagnostics));
  try {
    writeFileSync(path, dump(effectiveDocument(document), { sortKeys: true, noRefs: true, lineWidth: -1 }));
  } catch (error) {
    const reason = printable(error instanceof Error ? error.message : String(error), 300);
    throw new InputError([fileProblem(path, 'output-unwritable', `cannot be written to: ${reason}`)]);
  }
  return 0;
}
