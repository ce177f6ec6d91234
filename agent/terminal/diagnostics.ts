import { type Diagnostic, formatDiagnostic, sortDiagnostics } from '../../compiler/values/diagnostic.ts';

export type DiagnosticFormat = 'human' | 'json';

/** One line a diagnostic, worst first: a sentence, or a JSON object with the same fields as the value. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], format: DiagnosticFormat): string {
  return sortDiagnostics(diagnostics)
    .map((diagnostic) => `${format === 'json' ? JSON.stringify(diagnostic) : formatDiagnostic(diagnostic)}\n`)
    .join('');
}

/** What `--strict` does not let pass. */
export function isWorrying({ severity }: Diagnostic): boolean {
  return severity !== 'info';
}
