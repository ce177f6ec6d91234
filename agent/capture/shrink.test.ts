import { describe, expect, it } from 'vitest';
import { shrink } from './shrink.ts';

describe('shrink', () => {
  const numbers = Array.from({ length: 1000 }, (_, i) => i);

  it('keeps what is needed, in its order, in few tries', () => {
    let tries = 0;
    const needed = [3, 500, 501, 998];
    const kept = shrink(numbers, (some) => {
      tries++;
      return needed.every((one) => some.includes(one));
    });
    expect(kept).toEqual(needed);
    expect(tries).toBeLessThan(150);
  });

  it('keeps nothing where nothing is needed, and what is needed only together', () => {
    expect(shrink(numbers, () => true)).toEqual([]);
    expect(shrink([1, 2, 3, 4], (some) => some.includes(2) === some.includes(3) && some.length > 0)).toEqual([2, 3]);
  });
});
