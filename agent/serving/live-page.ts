import type { Answer } from './listener.ts';

/**
 * A page that is made when somebody asks for it: one at a time, and not again while it would be the same. Who asks while
 * one is made gets that one.
 *
 * generation   another number whenever the page would be another one
 */
export function createLivePage(generation: () => number, make: () => Promise<Answer>): () => Promise<Answer> {
  let last: { readonly generation: number; readonly answer: Answer } | undefined;
  let making: Promise<Answer> | undefined;

  async function makeNow(): Promise<Answer> {
    const now = generation();
    // Two large pages at once are one too many.
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
