import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

it('orders members by name and leaves absent ones out', () => {
  expect(canonicalJson({ b: 1, a: [true, { d: null, c: undefined }], z: undefined })).toBe(
    '{"a":[true,{"d":null}],"b":1}',
  );
});

it('is the same text for equal values, and only for those', () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(canonicalJson(reversed(a))).toBe(canonicalJson(a));
      expect(JSON.parse(canonicalJson(a))).toEqual(JSON.parse(JSON.stringify(a)));
      expect(canonicalJson(a) === canonicalJson(b)).toBe(canonicalJson([a, 1]) === canonicalJson([b, 1]));
    }),
  );
});

/** The same value with members in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}
