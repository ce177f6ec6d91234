import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { nowhere, type Place, type PlaceOf } from './place.ts';

/**
 * Files given on the command line that cannot be used. Unlike a bad object among good ones this
 * stops the command: it is unknown what an unreadable file says about Services, and a program
 * compiled without it could take Services away.
 */
export class InputError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** Finds the places in files that the diagnostics are about. */
  readonly placeOf: PlaceOf;
  constructor(diagnostics: readonly Diagnostic[], placeOf: PlaceOf = nowhere) {
    super(diagnostics.map((diagnostic) => diagnostic.message).join('\n'));
    this.name = 'InputError';
    this.diagnostics = diagnostics;
    this.placeOf = placeOf;
  }
}

/** Runs `parse`, and adds the places in files to what it rejects. */
export function withPlaces<T>(placeOf: PlaceOf, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof InputError ? new InputError(error.diagnostics, placeOf) : error;
  }
}

/** An option with an invalid value: the command was called wrongly. */
export class UsageError extends InputError {
  /** option   with what was given: `--cluster west` */
  constructor(option: string, message: string, code = 'bad-option') {
    super([{ severity: 'error', code, object: { kind: 'option', name: option }, message }]);
  }
}

/** An error about one file: `error: file plan.json families.0: …`. */
export function fileProblem(path: string, code: string, message: string, field?: string): Diagnostic {
  const object = { kind: 'file', name: path };
  return field === undefined
    ? { severity: 'error', code, object, message }
    : { severity: 'error', code, object, field, message };
}

/** A diagnostic that carries its own place. */
export interface PlacedDiagnostic extends Diagnostic {
  readonly place: Place;
}

/** An error at one place of a file: `error: file shop.yaml:7: …`. */
export function problemAt(place: Place, code: string, message: string): PlacedDiagnostic {
  return { ...fileProblem(place.file, code, message), place };
}
