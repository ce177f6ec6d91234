/** The smallest of the values that `percent` of them are not above, rounded to tenths. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new Error('no values');
  return Math.round(value * 10) / 10;
}
