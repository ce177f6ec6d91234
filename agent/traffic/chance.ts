import type { Rational } from '../../compiler/values/rational.ts';

/** Chance exceeds this many standard deviations once in 16,000 looks. */
const deviations = 4;

/**
 * Whether more or fewer of a number of independent choices went one way than chance explains: farther from the expected number
 * than {@link deviations} standard deviations of the binomial distribution, plus one because numbers are whole.
 *
 * share   the probability of each choice
 */
export function isBeyondChance(chosen: number, choices: number, share: Rational): boolean {
  const chance = Number(share.numerator) / Number(share.denominator);
  const distance = Math.abs(chosen - choices * chance);
  return distance > deviations * Math.sqrt(choices * chance * (1 - chance)) + 1;
}
