import {
  type Diagnostic,
  formatDiagnostic,
  formatDiagnosticAt,
  sortDiagnostics,
} from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import type { PlacedDiagnostic } from '../input/input-error.ts';
import { documentVersion } from './document.ts';
import { nowhere, type Place, type PlaceOf } from '../input/place.ts';

export type DiagnosticFormat = 'human' | 'json';

/**
 * Diagnostics in one line each, worst first: a sentence, ending with the code if it is a warning or error, or a JSON document with
 * the diagnostic's fields, and with `file`, `document` and `line` if its object came from a file.
 *
 * placeOf   finds objects in files; absent: they came from no file
 */
export function diagnosticsText(
  diagnostics: readonly Diagnostic[],
  format: DiagnosticFormat,
  placeOf: PlaceOf = nowhere,
): string {
  return sortDiagnostics(diagnostics)
    .map(
      (diagnostic) =>
        `${format === 'json' ? diagnosticJson(diagnostic, placeOf) : withCode(diagnostic, placedText(diagnostic, placeOf))}\n`,
    )
    .join('');
}

/**
 * docs/diagnostics.md lists causes and remedies by code. The code ends the first line: further lines are a tool's own
 * words. A note needs no remedy, so its code is not shown.
 */
function withCode(diagnostic: Diagnostic, text: string): string {
  return isWorrying(diagnostic) ? text.replace(/(?=\n|$)/, ` [${diagnostic.code}]`) : text;
}

/** A diagnostic as a person reads it: `warning: Service shop/cart spec.clusterIP (shop.yaml:12): …`. */
export function placedText(diagnostic: Diagnostic, placeOf: PlaceOf): string {
  const place = placeIn(diagnostic, placeOf);
  if (place === undefined) return formatDiagnostic(diagnostic);
  const { kind, name } = diagnostic.object;
  // An object that is named by its file, such as a configuration, is named once.
  if (name !== place.file) return formatDiagnosticAt(diagnostic, placeText(place));
  return formatDiagnostic({ ...diagnostic, object: { kind, name: placeText(place) } });
}

/** The place, for programs. */
export function placeFacts(diagnostic: Diagnostic, placeOf: PlaceOf): Partial<Place> {
  const place = placeIn(diagnostic, placeOf);
  if (place === undefined) return {};
  const { file, document, line } = place;
  return { file, document, ...(line === undefined ? {} : { line }) };
}

function diagnosticJson(diagnostic: Diagnostic, placeOf: PlaceOf): string {
  const { place: _place, ...rest } = diagnostic as Partial<PlacedDiagnostic> & Diagnostic;
  return JSON.stringify({
    apiVersion: documentVersion,
    kind: 'Diagnostic',
    ...rest,
    ...placeFacts(diagnostic, placeOf),
  });
}

function placeIn(diagnostic: Diagnostic | PlacedDiagnostic, placeOf: PlaceOf): Place | undefined {
  return 'place' in diagnostic ? diagnostic.place : placeOf(diagnostic);
}

/** `shop.yaml:12`; if the line is unknown, the document's number, unless it is the first. */
export function placeText({ file, document, line }: Place): string {
  const where = line === undefined ? (document === 1 ? '' : ` document ${document}`) : `:${line}`;
  return `${printable(file, 400)}${where}`;
}

/** Whether `--strict` rejects it. */
export function isWorrying({ severity }: Diagnostic): boolean {
  return severity !== 'info';
}
