import { sleep } from '../loop/clock.ts';
import { backoffMs } from './backoff.ts';
import type { Outcome } from './api-protocol.ts';
import { addHoldings, type Holding, nothingHeld, unlimited } from './quota.ts';
import { list } from './reflector-list.ts';
import { defaultReflectorTimes, type ReflectorOptions } from './reflector-options.ts';
import { watch } from './reflector-watch.ts';

/** Watches in a row that end at once before that is called a failure: one or two are a restart, or a compaction. */
const patience = 3;

/**
 * Keeps a copy of one kind of one cluster up to date until the signal is aborted: list, then watch
 * from there, and list again when the server no longer knows our place.
 *
 * Never gives up and never spins: every attempt that ended badly waits longer than the one before,
 * with jitter, until a watch was a good one; a list is complete or has no effect. While it cannot
 * read, what was read before stands: only a complete list or a DELETED event removes.
 *
 * **Where to go on from.** The place is the highest resourceVersion that a watch told of, and never
 * goes back. A watch that tells of a lower one is not believed: what it told late may be older than
 * what we hold, and what it has not told yet would be lost with it. So it ends there, and a list,
 * which always counts, says how things are. That needs no memory of objects' versions, nor of
 * deleted objects, and serves too where the whole server went back, restored from a backup. A server
 * that went back behind our place may also stay silent until it has caught up with it, so a watch
 * that is silent twice is not continued either.
 *
 * **A kind that is suddenly unknown.** When a CRD is deleted, the server first tells of the deletion
 * of each object, and with the last one nothing of the kind is left here. A 404 while we still hold
 * objects is thus something else: an old API server that starts answers so until it has read its
 * CRDs, and so does a proxy that lost its way. Believing it would withdraw every import of the
 * node at once. So the objects stay until it was 404 and nothing else for `holdMs`, as slices do that
 * vanish in masses (compiler/deletion-guard.ts).
 *
 * source: the API's conventions for list and watch, and recorded answers of a real server
 */
export async function reflect<T>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const times = options.times ?? defaultReflectorTimes;
  const { clock, onState } = options;
  const allowance = options.allowance ?? unlimited;
  /** Only keys, and what each takes: the compiler holds what it needs of an object. */
  let held = new Map<string, Holding>();
  let total = nothingHeld;
  let place: string | undefined;
  /** Since the last good watch. */
  let failures = 0;
  /** Consecutive watches that ended at once without an event. */
  let emptyWatches = 0;
  let stalls = 0;
  let inPages = true;
  let unknownSinceMs: number | undefined;

  function replace(objects: ReadonlyMap<string, T>, sizes: ReadonlyMap<string, Holding>): void {
    const gone = [...held.keys()].filter((key) => !objects.has(key));
    held = new Map(sizes);
    total = [...held.values()].reduce((sum, size) => addHoldings(sum, size), nothingHeld);
    allowance.hold(total);
    options.onReplace(objects, gone);
  }

  /** Returns what is too much with it: then it was not taken in. */
  function change(key: string, value: T | undefined, size: Holding): string | undefined {
    const without = addHoldings(total, held.get(key) ?? nothingHeld, -1);
    const after = value === undefined ? without : addHoldings(without, size);
    const excess = value === undefined ? undefined : allowance.excess(after);
    if (excess !== undefined) return excess;
    total = after;
    allowance.hold(total);
    if (value === undefined) held.delete(key);
    else held.set(key, size);
    options.onChange(key, value);
    return undefined;
  }

  function live(): void {
    if (emptyWatches < patience) onState({ kind: 'live' });
  }

  /** Returns what went wrong; undefined: nothing. */
  async function listAll(): Promise<Outcome | undefined> {
    const listed = await list(options, { inPages, answerMs: times.answerMs, allowance }, signal);
    if (listed.kind !== 'listed') {
      allowance.release();
      // A server whose pages expire while we read them gives all at once when it is asked so.
      inPages = listed.kind !== 'expired';
      if (listed.kind !== 'expired' || failures > 0) tell(listed);
      return listed;
    }
    inPages = true;
    unknownSinceMs = undefined;
    place = listed.resourceVersion;
    replace(listed.objects, listed.sizes);
    options.onHeard?.();
    live();
    return undefined;
  }

  async function follow(from: string): Promise<Outcome> {
    const watched = await watch(options, from, times, signal, {
      change,
      opened: live,
      // By then it is no longer one that ends at once.
      lasts() {
        failures = 0;
        emptyWatches = 0;
        live();
      },
    });
    const { outcome } = watched;
    const isUseful = watched.lines > 0 && outcome.kind !== 'expired';
    if (isUseful) failures = Math.min(failures, patience - 1);
    // One that could not be opened tells what is wrong by itself, and is over once it can be.
    if (isUseful || watched.isLasting || (!watched.isOpen && outcome.kind === 'failed')) emptyWatches = 0;
    else emptyWatches++;
    stalls = watched.isStalled && watched.lines === 0 ? stalls + 1 : 0;
    // What exceeds the limits would be told again at the same place: how things are then, a list says.
    const isOver = outcome.kind === 'failed' && outcome.overLimit === true;
    place = outcome.kind === 'expired' || stalls > 1 || isOver ? undefined : watched.place;
    if (outcome.kind === 'failed' || emptyWatches >= patience) tell(outcome);
    return outcome;
  }

  function tell(outcome: Outcome): void {
    const { kind, problem } = outcome;
    // Whether that is a failure is judged below.
    if (kind === 'absent' && options.optional) return;
    const often = emptyWatches >= patience ? 'watches keep ending at once: ' : '';
    const isOver = outcome.kind === 'failed' && outcome.overLimit === true;
    onState({ kind: 'failing', problem: often + problem, ...(isOver && { overLimit: true }) });
  }

  /** Whether a 404 is taken for what it says: there are no objects. Lets go of them then. */
  function isGone(problem: string): boolean {
    unknownSinceMs ??= clock.nowMs();
    if (held.size > 0 && clock.nowMs() - unknownSinceMs < times.holdMs) {
      const seconds = Math.round(times.holdMs / 1000);
      const kept = `the server no longer knows the kind; the agent keeps its ${held.size} objects for ${seconds} s, in case that is a mistake`;
      onState({ kind: 'failing', problem: `${problem}: ${kept}` });
      return false;
    }
    replace(new Map(), new Map());
    onState({ kind: 'absent' });
    return true;
  }

  onState({ kind: 'starting' });
  while (!signal.aborted) {
    const outcome = place === undefined ? await listAll() : await follow(place);
    if (signal.aborted) return;
    if (outcome === undefined) continue;
    if (outcome.kind !== 'absent') unknownSinceMs = undefined;
    failures++;
    if (outcome.kind === 'absent' && options.optional) {
      place = undefined;
      if (isGone(outcome.problem)) {
        failures = 0;
        await sleep(clock, times.absentMs * (0.5 + options.random()), signal);
        continue;
      }
    }
    const isForgone = outcome.kind === 'failed' && outcome.forbidden === true && options.forgoable === true;
    // Reading all of it again costs both sides much, and it will seldom have become less.
    if (isForgone || (outcome.kind === 'failed' && outcome.overLimit === true)) {
      await sleep(clock, times.absentMs * (0.5 + options.random()), signal);
      continue;
    }
    // Added to what the server asks for, which it asks of every agent at the same time.
    const retryAfterMs = outcome.kind === 'failed' ? (outcome.retryAfterMs ?? 0) : 0;
    await sleep(clock, retryAfterMs + backoffMs(failures, times.backoff, options.random()), signal);
  }
}
