import type { Fields } from '../compiler/model/fields.ts';
import { isOfKind, kinds } from './core/kinds.ts';
import { marks } from './core/marks.ts';
import { type Held, parseHeld } from './core/object.ts';
import { reduceSlice } from './core/slices.ts';

/**
 * The part of an object that is kept on arrival: of slices what copies need, of namespaces that they exist, of all others
 * everything except the record of field managers. undefined: its name is invalid.
 */
export function observe(raw: unknown, apiVersion: string, kind: string): Held | undefined {
  const held = parseHeld(raw, apiVersion, kind);
  if (held === undefined) return undefined;
  if (isOfKind(held, kinds.slice)) {
    return { ...held, fields: reduceSlice(held.fields, held.labels.get(marks.managedBy)) };
  }
  if (isOfKind(held, kinds.namespace)) return { ...held, fields: noFields };
  return held;
}

const noFields: Fields = {};

export function pathOf({ namespace, name }: Pick<Held, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
