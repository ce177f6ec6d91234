import type { Answer } from './listener.ts';

/**
 * A page that is made on demand: one at a time, and only if it has changed. A request that arrives while a page is
 * made gets that page.
 *
 * generation   a number that changes whenever the page would change
 */
export function createLivePage(generation: () => number, make: () => Promise<Answer>): () => Promise<Answer> {
  let last: { readonly generation: number; readonly answer: Answer } | undefined;
  let making: Promise<Answer> | undefined;

  async function makeNow(): Promise<Answer> {
    const now = generation();
    // Frees the old page first: memory must not hold two large ones.
    last = undefined;
    const answer = await make();
    last = { generation: now, answer };
    return answer;
  }

  return () => {
    if (making !== undefined) return making;
    if (last?.generation === generation()) return Promise.resolve(last.answer);
    making = makeNow().finally(() => (making = undefined));
    return making;
  };
}
