import type { Compiler } from '../../compiler/incremental.ts';
import type { Registry } from '../../compiler/registry/registry.ts';
import type { Target } from '../../backends/target.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { FamilyPlane } from '../../backends/plane/plane.ts';
import { type Clock, sleep } from './clock.ts';
import { createFamilyLoop, type LoopTimes, restFactor } from './family-loop.ts';
import { createGate, type FirstLook, openGate } from './gate.ts';
import { type AppliedChange, applyChanges, subjectsOf } from './latency.ts';
import type { ChangesTaken, Report } from '../telling/agent-event.ts';
import { type ChangedServices, createServiceTable } from './service-table.ts';
import type { Arrival, SourceBoard } from '../sources/board.ts';
import { servicesWithoutSlices } from '../telling/bare-services.ts';
import { countEndpoints, countSlices } from '../telling/endpoint-counts.ts';

export interface LoopParts {
  readonly board: SourceBoard;
  readonly compiler: Compiler;
  readonly planes: readonly FamilyPlane[];
  readonly clock: Clock;
  readonly times: LoopTimes;
  readonly report: Report;
  /** Checks the first program; absent: it is not checked. */
  readonly firstLook?: FirstLook;
  /** Between sources and compiler: may hold changes back, and pass them on later. */
  readonly intake?: (arrivals: readonly Arrival[]) => readonly Arrival[];
  /** The registry, if it has changed since the last look. */
  readonly registry?: { readonly everyMs: number; readonly look: () => Registry | undefined };
  /** When it has changes to pass on even if none arrive; undefined: never. */
  readonly intakeDueMs?: () => number | undefined;
}

/** How often to look for sources that are not ready yet: giving up on one wakes nothing. */
const waitingMs = 1_000;
/** The pause after a survey of everything: a multiple of the time it took, and at least this long. */
const surveyMs = 5_000;

/**
 * Keeps the kernel as the objects want it, until the signal is aborted.
 *
 * Level-triggered: events only say what to look at again, and every sync compares the whole desired
 * state with the whole state assumed to be in force. There is one writer, so there are no locks.
 *
 *   nothing is written before the gate is open, if there is one
 *   nothing is written before every required source is in sync: an empty answer removes Services
 *   a sync that fails leaves the rules in force, and is tried again after a fresh reading, later each time
 *   a failure of one family does not delay the other
 *   stopping ends after the sync in progress; the rules stay in force
 */
export async function runLoop(parts: LoopParts, signal: AbortSignal): Promise<void> {
  const { board, compiler, clock, times, report } = parts;
  const services = createServiceTable();
  const loops = parts.planes.map((plane) => createFamilyLoop({ plane, clock, times, report }));
  const gate = parts.firstLook === undefined ? openGate : createGate(parts.firstLook, clock, report);
  const early: Arrival[] = [];
  let waitingFor = '';
  let isReady = false;
  let surveyDueMs = 0;
  let isSurveyed = true;
  let registryDueMs = 0;

  function takeIn(): void {
    const taken = board.takeChanges();
    const arrivals = parts.intake === undefined ? taken : parts.intake(taken);
    if (arrivals.length === 0) return;
    if (!isReady) {
      compiler.collect(arrivals);
      for (const arrival of arrivals) early.push(arrival);
      tellChanges(arrivals, 0);
      return;
    }
    const { ports, applied } = applyChanges(compiler, arrivals);
    want(services.apply(ports), applied);
    isSurveyed = false;
    tellChanges(arrivals, ports.size);
  }

  function tellChanges(arrivals: readonly Arrival[], ports: number): void {
    const families = loops.filter((loop) => loop.isPending()).map(({ family }) => family);
    report({ kind: 'changes', taken: countTaken(arrivals), ports, families });
  }

  /** Compiles at once everything that arrived before every source was in sync. */
  function compileEarly(): void {
    const ports = compiler.apply([]);
    // Also if nothing arrived: for a cluster without objects the rules of earlier times must be removed.
    want(services.apply(ports), subjectsOf(compiler, early));
    isSurveyed = false;
    early.length = 0;
    tellChanges([], ports.size);
  }

  function want(changed: ChangedServices, applied: readonly AppliedChange[]): void {
    const targets = wanted();
    for (const loop of loops) loop.want(targets[loop.family], changed[loop.family], applied);
    gate.desiredChanged();
  }

  function wanted(): Readonly<Record<Family, Target>> {
    const node = compiler.node();
    return {
      IPv4: { ...services.of('IPv4'), node: node.IPv4 },
      IPv6: { ...services.of('IPv6'), node: node.IPv6 },
    };
  }

  function restate(): void {
    if (parts.registry === undefined || clock.nowMs() < registryDueMs) return;
    registryDueMs = clock.nowMs() + parts.registry.everyMs;
    const registry = parts.registry.look();
    if (registry === undefined) return;
    want(services.apply(compiler.register(registry)), []);
    isSurveyed = false;
  }

  function isWaiting(): boolean {
    if (isReady) return false;
    isReady = board.isReady();
    if (isReady) {
      compileEarly();
      report({ kind: 'ready' });
    } else {
      const missing = board.status().filter(({ synced }) => !synced);
      // Listed by problem, not by kind: an unreachable server fails with each of its kinds.
      const names = missing.map(({ from, failing }) => {
        const problems = new Set(failing.map(({ problem }) => problem));
        return problems.size === 0 ? from : `${from} (${[...problems].join('; ')})`;
      });
      if (names.join() !== waitingFor) report({ kind: 'waiting', for: names });
      waitingFor = names.join();
    }
    return !isReady;
  }

  function survey(): void {
    if (isSurveyed || clock.nowMs() < surveyDueMs) return;
    const startMs = clock.nowMs();
    const compiled = compiler.services();
    report({
      kind: 'survey',
      diagnostics: compiler.diagnostics(),
      endpoints: countEndpoints(compiled.values()),
      slices: countSlices(compiled.values()),
      withoutSlices: servicesWithoutSlices(compiled.values()),
    });
    isSurveyed = true;
    surveyDueMs = clock.nowMs() + Math.max(surveyMs, restFactor * (clock.nowMs() - startMs));
  }

  // The kernel is read while the sources list their objects.
  for (const plane of parts.planes) plane.beginReading?.();
  while (!signal.aborted) {
    takeIn();
    restate();
    if (isWaiting()) {
      await board.wait(waitingMs, signal);
      continue;
    }
    await gate.tend(wanted);
    const open = loops.filter(({ family }) => gate.mayWrite(family));
    let hasSynced = false;
    for (const loop of open) {
      if (!signal.aborted) hasSynced = (await loop.tend()) || hasSynced;
    }
    survey();
    // Lets the changes of a burst gather.
    if (hasSynced) await sleep(clock, times.gapMs, signal);
    const dueMs = Math.min(
      ...open.map((loop) => loop.dueMs()),
      gate.dueMs(),
      isSurveyed ? Number.POSITIVE_INFINITY : surveyDueMs,
      parts.intakeDueMs?.() ?? Number.POSITIVE_INFINITY,
      parts.registry === undefined ? Number.POSITIVE_INFINITY : registryDueMs,
    );
    await board.wait(dueMs - clock.nowMs(), signal);
  }
}

function countTaken(arrivals: readonly Arrival[]): ChangesTaken {
  const counts = { services: 0, endpointSlices: 0, others: 0 };
  for (const { id } of arrivals) {
    if (id.kind === 'Service') counts.services++;
    else if (id.kind === 'EndpointSlice') counts.endpointSlices++;
    else counts.others++;
  }
  return counts;
}
