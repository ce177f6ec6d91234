import fc from 'fast-check';

/** Part of every hostile text. No program may ever contain it: names are lower case. */
export const marker = 'EVIL';

/** Texts that would act as more than text if a program printed them unchanged. */
export const hostileTexts: readonly string[] = [
  `x\n-A INPUT -j ACCEPT\n# ${marker}`,
  `x"\n-A OUTPUT -m comment --comment "${marker}" -j DROP`,
  `x" -j ACCEPT -m comment --comment "${marker}`,
  `x\nCOMMIT\n*raw\n:${marker} - [0:0]\nCOMMIT\n*nat`,
  `-j ${marker}`,
  `\\" ${marker} \\`,
  `a\rb\u0000c\u001b[2J${marker}`,
  `${marker}\u202e\u2066\u200b\u2028\ufeff`,
  `$(reboot) \`${marker}\` {{tables}} <&>`,
  marker.repeat(3000),
];

/** Hostile texts of any composition. */
export const arbitraryHostile: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...hostileTexts, '"', '\n', ' -j ', 'COMMIT', '/32', ':80', "'"), fc.string()), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => `${parts.join('')}${marker}`);

/** The position of a value within an object: keys and indexes from the top. */
export type Path = readonly (string | number)[];

/** The positions of all texts, numbers and truth values in a value. */
export function placesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, child]) => placesOf(child, [...path, key]));
}

/** One position for every field that objects of a kind have: the same code reads two ports' names. */
export function fieldsOf(objects: readonly unknown[]): Path[] {
  const byField = new Map<string, Path>();
  for (const path of placesOf(objects)) {
    const { kind } = objects[Number(path[0])] as { readonly kind: string };
    const field = [kind, ...path.slice(1)].join('.').replaceAll(/\.\d+(?=\.|$)/g, '[]');
    if (!byField.has(field)) byField.set(field, path);
  }
  return [...byField.values()];
}

/** The value with only the part at one position changed. */
export function changeAt(value: unknown, path: Path, change: (before: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (Array.isArray(value)) return value.map((child, i) => (i === Number(key) ? changeAt(child, rest, change) : child));
  return { ...(value as object), [key]: changeAt((value as Record<string, unknown>)[key], rest, change) };
}
