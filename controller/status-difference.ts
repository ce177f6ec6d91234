import { asFields } from '../compiler/model/fields.ts';
import { canonicalJson } from '../compiler/values/canonical-json.ts';
import type { DesiredStatus } from './core/draft.ts';
import type { Held } from './core/object.ts';

/** Whether an object's status differs from the desired one; fields and conditions of other writers do not count. */
export function statusDiffers(object: Held, { conditions, fields }: DesiredStatus): boolean {
  const status = asFields(object.fields.status) ?? {};
  const there = Array.isArray(status.conditions) ? status.conditions.map(asFields) : [];
  const isSaid = conditions.every(({ type, status: value, reason, message }) => {
    const known = there.find((each) => each?.type === type);
    return known?.status === value && known.reason === reason && known.message === message;
  });
  if (!isSaid) return true;
  return Object.entries(fields ?? {}).some(([key, value]) => canonicalJson(status[key] ?? []) !== canonicalJson(value));
}
