/** The smallest value that at least `percent` of the values do not exceed, rounded to tenths. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error('no values');
  return Math.round(value * 10) / 10;
}

/** Numbers in [0, 1) from a seed: the generator mulberry32, which is good enough for tests. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The seed of all randomness in this run: the same in every test file and at a second try. `make test` prints it
 * when a test fails, and takes it from the variable SEED.
 */
export function runSeed(): number {
  const seed = Number(process.env['SEED']);
  if (!Number.isInteger(seed)) throw new Error(`SEED is a whole number, not ${process.env['SEED']}`);
  return seed;
}
