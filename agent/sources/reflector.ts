import { sleep } from '../loop/clock.ts';
import { backoffMs } from './backoff.ts';
import type { Outcome } from './api-protocol.ts';
import { addHoldings, type Holding, nothingHeld, unlimited } from './quota.ts';
import { list } from './reflector-list.ts';
import { defaultReflectorTimes, type ReflectorOptions } from './reflector-options.ts';
import { watch } from './reflector-watch.ts';

/** This many watches in a row that end at once count as a failure: one or two are a restart, or a compaction. */
const patience = 3;

/**
 * Keeps a copy of one kind of one cluster up to date until the signal is aborted: list, then watch
 * from there, and list again when the server no longer knows the resourceVersion.
 *
 * It never gives up and never spins: every attempt that ended badly waits longer than the one before,
 * with jitter, until a watch was a good one; a list is complete or has no effect. While it cannot
 * read, what was read before stays valid: only a complete list or a DELETED event removes objects.
 *
 * **Where to continue.** The place is the highest resourceVersion that a watch has reported, and never
 * goes back. A watch that reports a lower one is not trusted: its events may be older than the objects
 * held here, and later events may be lost with it. So the watch ends there, and a list,
 * which always counts, gives the present state. That needs no memory of objects' versions, nor of
 * deleted objects, and also works when the whole server went back, restored from a backup. A server
 * that went back behind the place may also stay silent until it has caught up with it, so after two
 * silent watches in a row the kind is listed again.
 *
 * **A kind that is suddenly unknown.** When a CRD is deleted, the server first reports the deletion
 * of each object, so at the end no object of the kind is held here. A 404 while objects are still held
 * therefore has another cause: an old API server answers so at its start until it has read its
 * CRDs, and so does a proxy that lost its way. Trusting it would withdraw every import of the
 * node at once. So the objects stay until the answer was 404 and nothing else for `holdMs`, like slices that
 * vanish in large numbers (compiler/deletion-guard.ts).
 *
 * source: the API's conventions for list and watch, and recorded answers of a real server
 */
export async function reflect<T>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const times = options.times ?? defaultReflectorTimes;
  const { clock, onState } = options;
  const allowance = options.allowance ?? unlimited;
  /** Only keys and sizes: the compiler holds the objects' content. */
  let held = new Map<string, Holding>();
  let total = nothingHeld;
  let place: string | undefined;
  /** Failures since the last good watch. */
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

  /** Returns which limit the change exceeds: then it was not taken in. */
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

  /** Returns the failure; undefined: none. */
  async function listAll(): Promise<Outcome | undefined> {
    const listed = await list(options, { inPages, answerMs: times.answerMs, allowance }, signal);
    if (listed.kind !== 'listed') {
      allowance.release();
      // If a server's pages expire while they are read, the next list asks for everything in one piece.
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
      // From now on the watch does not count as one that ended at once.
      lasts() {
        failures = 0;
        emptyWatches = 0;
        live();
      },
    });
    const { outcome } = watched;
    const isUseful = watched.lines > 0 && outcome.kind !== 'expired';
    if (isUseful) failures = Math.min(failures, patience - 1);
    // A watch that could not be opened reports its own problem, which ends as soon as one can be opened.
    if (isUseful || watched.isLasting || (!watched.isOpen && outcome.kind === 'failed')) emptyWatches = 0;
    else emptyWatches++;
    stalls = watched.isStalled && watched.lines === 0 ? stalls + 1 : 0;
    // A watch from the same place would exceed the limits again, so a list has to give the present state.
    const isOver = outcome.kind === 'failed' && outcome.overLimit === true;
    place = outcome.kind === 'expired' || stalls > 1 || isOver ? undefined : watched.place;
    if (outcome.kind === 'failed' || emptyWatches >= patience) tell(outcome);
    return outcome;
  }

  function tell(outcome: Outcome): void {
    const { kind, problem } = outcome;
    // Whether an absent kind is a failure is decided below.
    if (kind === 'absent' && options.optional) return;
    const often = emptyWatches >= patience ? 'watches keep ending at once: ' : '';
    const isOver = outcome.kind === 'failed' && outcome.overLimit === true;
    onState({ kind: 'failing', problem: often + problem, ...(isOver && { overLimit: true }) });
  }

  /** Whether a 404 is trusted: no object exists. If so, lets go of the objects. */
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
    // Reading everything again costs both sides much, and the amount has seldom become smaller.
    if (isForgone || (outcome.kind === 'failed' && outcome.overLimit === true)) {
      await sleep(clock, times.absentMs * (0.5 + options.random()), signal);
      continue;
    }
    // The wait is added to the server's retry-after, which is the same for every agent.
    const retryAfterMs = outcome.kind === 'failed' ? (outcome.retryAfterMs ?? 0) : 0;
    await sleep(clock, retryAfterMs + backoffMs(failures, times.backoff, options.random()), signal);
  }
}
