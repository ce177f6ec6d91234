import { describe, expect, it } from 'vitest';
import type { Answer } from './listener.ts';
import { createLivePage } from './live-page.ts';

/** A page that is finished when the test says so. */
function scripted() {
  const state = { generation: 1, made: 0 };
  const waiting: { readonly end: (body: string) => void; readonly fail: (error: Error) => void }[] = [];
  const page = createLivePage(
    () => state.generation,
    () => {
      state.made++;
      return new Promise<Answer>((resolve, fail) =>
        waiting.push({ end: (body) => resolve({ status: 200, headers: {}, body }), fail }),
      );
    },
  );
  return { state, page, next: () => waiting.shift() };
}

describe('a page that is made on demand', () => {
  it('is made once for all who ask while it is made, and stays while nothing changes', async () => {
    const { state, page, next } = scripted();
    const all = [page(), page(), page()];
    expect(state.made).toBe(1);
    next()?.end('one');
    expect((await Promise.all(all)).map(({ body }) => body)).toEqual(['one', 'one', 'one']);
    const again = page();
    expect(state.made).toBe(1);
    expect((await again).body).toBe('one');
  });

  it('is made again when something changed, also while it was made', async () => {
    const { state, page, next } = scripted();
    const first = page();
    state.generation = 2;
    next()?.end('previous');
    expect((await first).body).toBe('previous');
    const second = page();
    next()?.end('of now');
    expect([(await second).body, state.made]).toEqual(['of now', 2]);
  });

  it('is tried again when it could not be made', async () => {
    const { page, next } = scripted();
    const first = page();
    next()?.fail(new Error('too large'));
    await expect(first).rejects.toThrow('too large');
    const second = page();
    next()?.end('made');
    expect((await second).body).toBe('made');
  });
});
