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
 * One line a diagnostic, worst first: a sentence with the code of a warning or error behind it, or a JSON document with the
 * same fields as the value, and with `file`, `document` and `line` where its object came from a file.
 *
 * placeOf   where objects came from; absent: from no file
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
 * The code is what docs/diagnostics.md lists causes and remedies by. It ends the first line: what follows is a tool's own
 * words. A note needs no remedy, so it has none.
 */
function withCode(diagnostic: Diagnostic, text: string): string {
  return isWorrying(diagnostic) ? text.replace(/(?=\n|$)/, ` [${diagnostic.code}]`) : text;
}

/** A diagnostic as a person reads it: `warning: Service shop/cart spec.clusterIP (shop.yaml:12): …`. */
export function placedText(diagnostic: Diagnostic, placeOf: PlaceOf): string {
  const place = placeIn(diagnostic, placeOf);
  if (place === undefined) return formatDiagnostic(diagnostic);
  const { kind, name } = diagnostic.object;
  // What is called by its file, as a configuration is, is named once.
  if (name !== place.file) return formatDiagnosticAt(diagnostic, placeText(place));
  return formatDiagnostic({ ...diagnostic, object: { kind, name: placeText(place) } });
}

/** What programs get of the place. */
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

/** `shop.yaml:12`; where the line is not known, the document, unless it is the first. */
export function placeText({ file, document, line }: Place): string {
  const where = line === undefined ? (document === 1 ? '' : ` document ${document}`) : `:${line}`;
  return `${printable(file, 400)}${where}`;
}

/** What `--strict` does not let pass. */
export function isWorrying({ severity }: Diagnostic): boolean {
  return severity !== 'info';
}
