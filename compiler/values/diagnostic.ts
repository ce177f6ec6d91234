import { compareText } from './names.ts';
import { formatObjectRef, type ObjectRef } from './object-ref.ts';

export type Severity = 'error' | 'warning' | 'info';

/**
 * Something that a person should know about an object: what was found and what was done about it.
 * Wrong input is data: it never stops the other objects.
 */
export interface Diagnostic {
  readonly severity: Severity;
  /** Stable kebab-case word for programs: `endpoint-bad-address`. */
  readonly code: string;
  readonly object: ObjectRef;
  /** The object whose users notice it, where they would not look at the object itself. */
  readonly about?: ObjectRef;
  /** Path within the object: `endpoints[3].addresses[0]`. */
  readonly field?: string;
  /** What was found, and what slicewright did about it. Values of the object are already made printable. */
  readonly message: string;
}

/** `warning: east EndpointSlice shop/cart-x7k2 ports[1].port: 70000 is outside 1–65535; the port is skipped` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  return formatDiagnosticAt(diagnostic, undefined);
}

/**
 * The same with the place where the object is written, if it is known: `… ports[1].port (shop.yaml:31): 70000 is …`.
 */
export function formatDiagnosticAt(diagnostic: Diagnostic, at: string | undefined): string {
  const field = diagnostic.field === undefined ? '' : ` ${diagnostic.field}`;
  const where = at === undefined ? '' : ` (${at})`;
  return `${diagnostic.severity}: ${formatObjectRef(diagnostic.object)}${field}${where}: ${diagnostic.message}`;
}

const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Worst first, then by object, field and text: the same order whatever the order of the input. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const keyed = diagnostics.map((diagnostic) => ({ diagnostic, text: formatDiagnostic(diagnostic) }));
  keyed.sort((a, b) => rank[a.diagnostic.severity] - rank[b.diagnostic.severity] || compareText(a.text, b.text));
  return keyed.map(({ diagnostic }) => diagnostic);
}
