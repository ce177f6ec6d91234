import type { Diagnostic } from '../../compiler/values/diagnostic.ts';

/**
 * Files given on the command line that cannot be used. Unlike a bad object among good ones this
 * stops the command: what an unreadable file would have said about Services is not known, and a
 * program compiled without it could take Services away.
 */
export class InputError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((diagnostic) => diagnostic.message).join('\n'));
    this.name = 'InputError';
    this.diagnostics = diagnostics;
  }
}

/** An error about one file: `error: file shop.yaml document 2, line 7: …`. */
export function fileProblem(path: string, code: string, message: string, field?: string): Diagnostic {
  const object = { kind: 'file', name: path };
  return field === undefined
    ? { severity: 'error', code, object, message }
    : { severity: 'error', code, object, field, message };
}
