import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Made } from '../../backends/backend.ts';
import { byName, joinFiles } from '../../backends/index.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { counted } from '../../compiler/values/counted.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { type DiagnosticFormat, diagnosticsText, isWorrying } from '../terminal/diagnostics.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import { type InputOptions, readInputs } from '../input/inputs.ts';
import type { Io } from '../terminal/io.ts';
import { targetsOf } from '../planning/targets.ts';
import { reportingFailures } from './failures.ts';

export interface CompileOptions extends InputOptions {
  readonly family?: 'ipv4' | 'ipv6';
  readonly out?: string;
  readonly diagnostics: DiagnosticFormat;
  readonly strict?: boolean;
}

/**
 * `slicewright compile`: objects to the program of one node, without a kernel.
 *
 * returns  the exit status: 0 compiled, 1 could not, or with `--strict` worth a warning
 */
export function compileCommand(options: CompileOptions, io: Io): Promise<number> {
  return reportingFailures(options.diagnostics, io, async () => {
    const { input, backend, diagnostics, placeOf } = await readInputs(options, io.readStdin);
    const compilation = compile(input);
    const { make } = await byName(backend);
    const targets = targetsOf(compilation);
    const made = chooseFamilies(compilation, options).map((family) => make(targets[family]));
    const all = [...diagnostics, ...compilation.diagnostics, ...made.flatMap((one) => one.diagnostics)];
    await io.err(diagnosticsText(all, options.diagnostics, placeOf));
    // With --strict a program with warnings is not printed or written.
    if (options.strict === true && all.some(isWorrying)) return 1;
    if (options.out === undefined) await io.out(made.map((one) => one.text()).join(''));
    else await io.err(diagnosticsText(writeFiles(options.out, made), options.diagnostics));
    return 0;
  });
}

/**
 * Text for a person or a pipe shows the families in use: those in which the node has addresses, or
 * some Service port exists. Files describe the node as a whole: without `--family` both families are
 * written, so that no file of an earlier run is left over.
 */
function chooseFamilies(compilation: Compilation, { family, out }: CompileOptions): readonly Family[] {
  if (family !== undefined) return [family === 'ipv4' ? 'IPv4' : 'IPv6'];
  if (out !== undefined) return families;
  const used = families.filter(
    (each) => compilation.services[each].length > 0 || compilation.node[each].addresses.length > 0,
  );
  return used.length > 0 ? used : ['IPv4'];
}

/** returns   what was written: `info: file rules/iptables-save: written, 120 lines, 9024 bytes` */
function writeFiles(directory: string, made: readonly Made[]): Diagnostic[] {
  try {
    mkdirSync(directory, { recursive: true });
    return [...joinFiles(made)].map(([name, contents]) => {
      const path = join(directory, name);
      writeFileSync(path, contents);
      const lines = contents.split('\n').length - 1;
      const message = `written, ${counted(lines, 'line')}, ${counted(Buffer.byteLength(contents), 'byte')}`;
      return { severity: 'info', code: 'written', object: { kind: 'file', name: path }, message };
    });
  } catch (error) {
    const message = `cannot be written to: ${error instanceof Error ? error.message : String(error)}`;
    throw new InputError([fileProblem(directory, 'output-unwritable', message)]);
  }
}
