// Tests that fail once, or by chance. second-try.test.ts runs them and checks the output of `make test`.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeIn } from '../../test/place.ts';

// A file is loaded once for all tries.
const tries = { onKernel: 0, here: 0 };
const drawn = new Set<unknown>();
const anyNumber = fc.noShrink(fc.nat(1_000_000_000));

describeIn('network namespace', undefined, 'on a kernel', () => {
  it('one fails once', () => expect(++tries.onKernel).toBe(2));

  it('one fails as long as chance is the same', () => {
    for (const value of fc.sample(anyNumber, 3)) drawn.add(value);
    expect(drawn.size).toBeGreaterThan(3);
  });
});

it('one in this process fails once', () => expect(++tries.here).toBe(2));

it('a property fails', () => fc.assert(fc.property(anyNumber, () => false)));

it('a property fails later', () => fc.assert(fc.asyncProperty(anyNumber, () => Promise.resolve(false))));

it('one looks at nothing', () => {
  const values: readonly number[] = [];
  for (const value of values) expect(value).toBe(1);
});
