import type { Resource } from './resources.ts';
import { StatusError } from './status.ts';
import type { Stored } from './stored.ts';

type Json = Readonly<Record<string, unknown>>;

/** Fields that no manager owns: names, and fields that the server sets. */
const unowned =
  /^(kind|apiVersion|metadata\.(name|namespace|uid|resourceVersion|generation|creationTimestamp|managedFields))$/;

/**
 * Records which manager applied which fields: server-side apply, with each list as one value. A field that was written
 * in another way belongs to `unknown`.
 */
export interface Managers {
  /** The object after an apply. throws   409 where another manager's field would change, unless forced */
  apply(resource: Resource, before: Stored | undefined, patch: Stored, as: { manager: string; force: boolean }): Stored;
  /** Records that an object was written in another way: its manager loses the fields that changed. */
  wrote(before: Stored | undefined, after: Stored): void;
}

export function createManagers(): Managers {
  /** By uid, then by path. */
  const owners = new Map<string, Map<string, ReadonlySet<string>>>();
  /** Fields of an object that does not have its uid yet. */
  const unborn: { fields: Map<string, ReadonlySet<string>> | undefined } = { fields: undefined };

  return {
    apply(resource, before, patch, { manager, force }) {
      const uid = before?.metadata.uid ?? '';
      const known = owners.get(uid) ?? new Map<string, ReadonlySet<string>>();
      const [had, gives] = [leavesOf(before ?? {}), leavesOf(patch)];
      const conflicts = [...gives].filter(([path, value]) => {
        const there = had.get(path);
        if (there === undefined || same(there, value)) return false;
        return [...(known.get(path) ?? ['unknown'])].some((owner) => owner !== manager);
      });
      if (conflicts.length > 0 && !force) {
        throw applyConflict(
          resource,
          patch.metadata.name,
          conflicts.map(([path]) => [path, [...(known.get(path) ?? ['unknown'])].join()]),
        );
      }
      let result: unknown = before ?? {};
      const next = new Map(known);
      for (const [path, managers] of known) {
        if (gives.has(path) || !managers.has(manager)) continue;
        const others = new Set([...managers].filter((other) => other !== manager));
        if (others.size > 0) next.set(path, others);
        else {
          next.delete(path);
          result = without(result, path.split(separator));
        }
      }
      for (const [path, value] of gives) {
        const there = had.get(path);
        const shared = there !== undefined && same(there, value) ? (known.get(path) ?? new Set(['unknown'])) : [];
        next.set(path, new Set([...(before === undefined ? [] : shared), manager]));
        result = withValue(result, path.split(separator), value);
      }
      if (before === undefined) unborn.fields = next;
      else owners.set(uid, next);
      return { ...(result as Stored), metadata: { ...patch.metadata, ...(result as Stored).metadata } };
    },
    wrote(before, after) {
      const uid = after.metadata.uid ?? '';
      if (unborn.fields !== undefined && before === undefined) {
        owners.set(uid, unborn.fields);
        unborn.fields = undefined;
        return;
      }
      const known = owners.get(uid);
      if (known === undefined) return;
      const [had, has] = [leavesOf(before ?? {}), leavesOf(after)];
      for (const path of known.keys()) if (!same(had.get(path), has.get(path))) known.delete(path);
    },
  };
}

const separator = '\u0000';

/** Values at their paths; a list, and an empty object, is one value. */
function leavesOf(value: Json, prefix: readonly string[] = []): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [key, inner] of Object.entries(value)) {
    const path = [...prefix, key];
    if (unowned.test(path.join('.')) || inner === undefined) continue;
    if (isRecord(inner) && Object.keys(inner).length > 0) {
      for (const [below, leaf] of leavesOf(inner, path)) leaves.set(below, leaf);
    } else leaves.set(path.join(separator), inner);
  }
  return leaves;
}

function withValue(target: unknown, [key = '', ...below]: readonly string[], value: unknown): unknown {
  const fields = isRecord(target) ? target : {};
  return { ...fields, [key]: below.length === 0 ? value : withValue(fields[key], below, value) };
}

function without(target: unknown, [key = '', ...below]: readonly string[]): unknown {
  if (!isRecord(target) || !Object.hasOwn(target, key)) return target;
  const { [key]: inner, ...rest } = target;
  return below.length === 0 ? rest : { ...rest, [key]: without(inner, below) };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function applyConflict({ group }: Resource, name: string, fields: readonly (readonly [string, string])[]): StatusError {
  const text = (path: string) => `.${path.split(separator).join('.')}`;
  const count = fields.length === 1 ? '1 conflict' : `${fields.length} conflicts`;
  const list = fields.map(([path, owner]) => `conflict with "${owner}": ${text(path)}`).join('\n');
  return new StatusError(409, 'Conflict', `Apply failed with ${count}: ${list}`, {
    details: {
      name,
      ...(group === '' ? {} : { group }),
      causes: fields.map(([path, owner]) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with "${owner}"`,
        field: text(path),
      })),
    },
  });
}
