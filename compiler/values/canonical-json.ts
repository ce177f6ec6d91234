/**
 * JSON with the members of every object in one fixed order and absent ones left out: equal values give equal text,
 * however they were built. A Map counts as an object. Only for slicewright's own values, which have no cycles.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(inOrder(value));
}

function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const fields = (value instanceof Map ? Object.fromEntries(value) : value) as Readonly<Record<string, unknown>>;
  // Without a prototype, `__proto__` is an ordinary name.
  const ordered: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(fields).sort()) ordered[key] = inOrder(fields[key]);
  return ordered;
}
