import type { Clock } from '../loop/clock.ts';
import { asListPage, type Outcome, readSized, refusalOf, withQuery } from './api-protocol.ts';
import { problemOf } from './api-problems.ts';
import type { ReflectorOptions } from './reflector-options.ts';
import { addHoldings, type Allowance, type Holding, nothingHeld, tooMuch } from './quota.ts';

export interface Listed<T> {
  readonly kind: 'listed';
  readonly objects: ReadonlyMap<string, T>;
  /** The size of each of them. */
  readonly sizes: ReadonlyMap<string, Holding>;
  readonly resourceVersion: string;
}

/** Objects of one page. Reading this many takes so little time that nothing else waits long for it. */
const pageSize = 500;
/** A list in one piece may take this many times longer than a page. */
const wholeFactor = 4;
/** All pages together may take this many times longer than one: each may be slow, but the list must end. */
const listFactor = 20;

/**
 * Everything that exists of a kind, or why it cannot be read: a page that is rejected, or whose continue token
 * expired, makes the previous pages void.
 *
 * inPages   false: in one piece, which cannot expire before its end
 */
export async function list<T>(
  { get, path, query, project, clock }: Pick<ReflectorOptions<T>, 'get' | 'path' | 'query' | 'project' | 'clock'>,
  {
    inPages,
    answerMs,
    allowance,
  }: { readonly inPages: boolean; readonly answerMs: number; readonly allowance: Allowance },
  signal: AbortSignal,
): Promise<Listed<T> | Outcome> {
  const objects = new Map<string, T>();
  const sizes = new Map<string, Holding>();
  let held = nothingHeld;
  const patienceMs = inPages ? answerMs : wholeFactor * answerMs;
  let next: string | undefined;
  const whole = timeLimit(clock, listFactor * answerMs);
  let limit = timeLimit(clock, patienceMs);
  try {
    for (let pages = 1; ; pages++) {
      if (pages > allowance.pages) return overLimit(tooMuch('pages', allowance.pages));
      const asked = {
        ...query,
        ...(inPages ? { limit: String(pageSize) } : {}),
        ...(next === undefined ? {} : { continue: next }),
      };
      const answer = await get(withQuery(path, asked), AbortSignal.any([signal, limit.signal, whole.signal]));
      const { body, bytes } = await readSized(answer);
      const refused = refusalOf(answer, body);
      if (refused !== undefined) return refused;
      const page = asListPage(body);
      if (page === undefined) return { kind: 'failed', problem: 'the answer to a list is not a list' };
      for (const item of page.items) {
        const projected = project(item);
        if (projected === undefined) continue;
        const size = { objects: 1, endpoints: projected.endpoints ?? 0, bytes: bytes / page.items.length };
        held = addHoldings(addHoldings(held, sizes.get(projected.key) ?? nothingHeld, -1), size);
        objects.set(projected.key, projected.value);
        sizes.set(projected.key, size);
      }
      const excess = allowance.claim(held);
      if (excess !== undefined) return overLimit(excess);
      next = page.next;
      if (next === undefined) return { kind: 'listed', objects, sizes, resourceVersion: page.resourceVersion };
      limit.cancel();
      limit = timeLimit(clock, patienceMs);
    }
  } catch (error) {
    const isWhole = whole.signal.aborted;
    if (signal.aborted || (!isWhole && !limit.signal.aborted)) return failed(problemOf(error));
    const seconds = (isWhole ? listFactor * answerMs : patienceMs) / 1000;
    return failed(`no complete ${isWhole ? 'list' : 'answer'} within ${seconds} s`);
  } finally {
    limit.cancel();
    whole.cancel();
  }
}

function failed(problem: string): Outcome {
  return { kind: 'failed', problem };
}

function overLimit(problem: string): Outcome {
  return { kind: 'failed', problem, overLimit: true };
}

/** A signal that is aborted after this time, unless it is cancelled. */
function timeLimit(clock: Clock, ms: number): { readonly signal: AbortSignal; readonly cancel: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, cancel: clock.timer(ms, () => controller.abort(new Error('too late'))) };
}
