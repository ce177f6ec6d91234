import { certain31 } from '../netfilter/text/grammar.ts';

/**
 * Chance that rule i takes a packet that reaches it, so that every endpoint gets its share.
 *
 * weights  one positive integer per endpoint, in rule order
 * returns  one number per endpoint, in 2⁻³¹ as the kernel keeps it; undefined for the last, which
 *          takes whatever is left
 * source   rules are tried in turn, so p[i] = w[i] / (w[i] + … + w[n-1]). iptables reads a decimal
 *          and rounds it to 2⁻³¹ (libxt_statistic). kube-proxy gives it ten decimals, and slicewright
 *          too, since then equal weights end in the very numbers of kube-proxy.
 */
export function balance(weights: readonly number[]): (number | undefined)[] {
  let rest = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, i) => {
    const chance = weight / rest;
    rest -= weight;
    return i === weights.length - 1 ? undefined : quantise(chance);
  });
}

/**
 * The chance as iptables keeps it: never 0, which would starve this endpoint, nor 1, which would
 * starve all after it.
 *
 * toFixed rounds exact ties up and kube-proxy's printf to even. The only tie at ten decimals is
 * 1/2048, and both of its texts come to the same multiple of 2⁻³¹.
 */
function quantise(chance: number): number {
  const of31 = Math.round(Number(chance.toFixed(10)) * certain31);
  return Math.min(Math.max(of31, 1), certain31 - 1);
}

/**
 * How far the share of any endpoint is from the one that its weight asks for, relative to that
 * share: 0.001 when one that should get 10 % gets 10.01 %.
 *
 * Rounding errors are near 10⁻¹⁰ and doubles carry 10⁻¹⁶, so plain arithmetic is exact enough.
 */
export function largestDeviation(weights: readonly number[], chances: readonly (number | undefined)[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = 1;
  let largest = 0;
  weights.forEach((weight, i) => {
    const share = left * ((chances[i] ?? certain31) / certain31);
    const wanted = weight / total;
    largest = Math.max(largest, Math.abs(share - wanted) / wanted);
    left -= share;
  });
  return largest;
}
