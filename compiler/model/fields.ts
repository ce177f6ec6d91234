import type { Diagnostic, Severity } from '../values/diagnostic.ts';
import { type ObjectRef, printable } from '../values/object-ref.ts';

/** A JSON object whose members have not been checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** The value as an object; undefined for null, lists, dates and scalars. */
export function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
    ? (value as Fields)
    : undefined;
}

/** A member of the object itself: `constructor` and other inherited members do not count. */
export function member(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? fields[key] : undefined;
}

/** Labels or annotations. */
export type TextMap = ReadonlyMap<string, string>;

/** Most objects have no annotations, and an empty map takes as much memory as a map of two entries. */
const noTexts: TextMap = new Map();

/** Null becomes the empty text, as in the API server; an unquoted number or boolean in a manifest becomes its text. */
export function parseTextMap(value: unknown): TextMap {
  const fields = asFields(value);
  const keys = fields === undefined ? [] : Object.keys(fields);
  if (fields === undefined || keys.length === 0) return noTexts;
  const map = new Map<string, string>();
  for (const key of keys) {
    const text = fields[key];
    if (isAbsent(text)) map.set(key, '');
    else if (typeof text === 'string') map.set(key, text);
    else if (typeof text === 'number' || typeof text === 'boolean') map.set(key, String(text));
  }
  return map;
}

/** Null and absent mean the same in Kubernetes: a JSON encoder may write either. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** Reports one fault in one object. about: the object whose users notice it. */
export type Report = (
  severity: Severity,
  code: string,
  field: string | undefined,
  message: string,
  about?: ObjectRef,
) => void;

/** A longer list of one object's problems helps no reader, and a hostile object could make it endless. */
const problemsShown = 20;

export function createReport(object: ObjectRef, diagnostics: Diagnostic[]): Report {
  let count = 0;
  return (severity, code, field, message, about) => {
    count += 1;
    if (count <= problemsShown) {
      const more = { ...(about === undefined ? {} : { about }), ...(field === undefined ? {} : { field }) };
      diagnostics.push({ severity, code, object, ...more, message });
    } else if (count === problemsShown + 1) {
      diagnostics.push({ severity, code: 'more-problems', object, message: 'has more problems; they are not listed' });
    }
  };
}

/** How a value is shown in a message: text in quotes, structures by their kind. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `"${printable(value, 80)}"`;
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return printable(String(value), 80);
}

/** A list member; absent and null are empty. Anything else is reported and counts as empty. */
export function listOf(fields: Fields, key: string, path: string, report: Report): readonly unknown[] {
  const value = member(fields, key);
  if (isAbsent(value)) return [];
  if (Array.isArray(value)) return value;
  report('warning', 'not-a-list', path, `${show(value)} is not a list; using an empty list`);
  return [];
}

/** An object member; absent and null are empty. Anything else is reported and counts as empty. */
export function fieldsOf(fields: Fields, key: string, path: string, report: Report): Fields {
  const value = member(fields, key);
  if (isAbsent(value)) return {};
  const inner = asFields(value);
  if (inner === undefined) report('warning', 'not-an-object', path, `${show(value)} is not an object; it is ignored`);
  return inner ?? {};
}

/** A text member; undefined for absent and for anything that is not text. */
export function textOf(fields: Fields, key: string): string | undefined {
  const value = member(fields, key);
  return typeof value === 'string' ? value : undefined;
}
