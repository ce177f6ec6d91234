import type { Clock } from '../clock.ts';
import { asListPage, type Outcome, readJson, refusalOf, withQuery } from './api-protocol.ts';
import { problemOf } from './api-problems.ts';
import type { ReflectorOptions } from './reflector-options.ts';

export interface Listed<T> {
  readonly kind: 'listed';
  readonly objects: ReadonlyMap<string, T>;
  readonly resourceVersion: string;
}

/** Objects of one answer. What is read between two answers is so little that nobody waits long for it. */
const pageSize = 500;
/** A list in one piece may take so many times longer than a page. */
const wholeFactor = 4;

/**
 * Everything there is of a kind, or why it cannot be had: a page that is refused, or whose place
 * expired, voids those before it.
 *
 * inPages   false: in one piece, which cannot expire half-way
 */
export async function list<T>(
  { get, path, query, project, clock }: Pick<ReflectorOptions<T>, 'get' | 'path' | 'query' | 'project' | 'clock'>,
  { inPages, answerMs }: { readonly inPages: boolean; readonly answerMs: number },
  signal: AbortSignal,
): Promise<Listed<T> | Outcome> {
  const objects = new Map<string, T>();
  const patienceMs = inPages ? answerMs : wholeFactor * answerMs;
  let next: string | undefined;
  let limit = timeLimit(clock, patienceMs);
  try {
    for (;;) {
      const asked = {
        ...query,
        ...(inPages ? { limit: String(pageSize) } : {}),
        ...(next === undefined ? {} : { continue: next }),
      };
      const answer = await get(withQuery(path, asked), AbortSignal.any([signal, limit.signal]));
      const body = await readJson(answer);
      const refused = refusalOf(answer, body);
      if (refused !== undefined) return refused;
      const page = asListPage(body);
      if (page === undefined) return { kind: 'failed', problem: 'the answer to a list is not a list' };
      for (const item of page.items) {
        const projected = project(item);
        if (projected !== undefined) objects.set(projected.key, projected.value);
      }
      next = page.next;
      if (next === undefined) return { kind: 'listed', objects, resourceVersion: page.resourceVersion };
      limit.cancel();
      limit = timeLimit(clock, patienceMs);
    }
  } catch (error) {
    const isLate = limit.signal.aborted && !signal.aborted;
    return { kind: 'failed', problem: isLate ? `no complete answer within ${patienceMs / 1000} s` : problemOf(error) };
  } finally {
    limit.cancel();
  }
}

/** A signal that is aborted after so long, unless that is cancelled. */
function timeLimit(clock: Clock, ms: number): { readonly signal: AbortSignal; readonly cancel: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, cancel: clock.timer(ms, () => controller.abort(new Error('too late'))) };
}
