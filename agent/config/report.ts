import type { Diagnostic, Severity } from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';

/** Collects the diagnostics of one configuration file. */
export interface Report {
  readonly diagnostics: Diagnostic[];
  readonly error: (field: string, message: string) => void;
  readonly warning: (field: string, message: string) => void;
  readonly info: (field: string, message: string) => void;
}

export function createReport(file: string): Report {
  const diagnostics: Diagnostic[] = [];
  const object = { kind: 'KubeProxyConfiguration', name: file };
  const add = (severity: Severity, code: string) => (field: string, message: string) => {
    diagnostics.push({ severity, code, object, field: printable(field, 100), message });
  };
  return {
    diagnostics,
    error: add('error', 'bad-configuration'),
    warning: add('warning', 'configuration-without-effect'),
    info: add('info', 'configuration-without-effect'),
  };
}

/** A value as the file might have written it, safe to print. */
export function show(value: unknown): string {
  return printable(JSON.stringify(value) ?? String(value), 120);
}
