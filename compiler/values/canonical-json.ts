/**
 * JSON with the members of every object in order of their names and absent ones left out:
 * equal values give equal text, however they were built. For values of ours, which have no cycles.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (value instanceof Map) return canonicalJson(Object.fromEntries(value));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = value as Readonly<Record<string, unknown>>;
  const members: string[] = [];
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(fields[key])}`);
  }
  return `{${members.join(',')}}`;
}
