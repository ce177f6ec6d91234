import type { ChangeReader, ObjectChange } from '../../compiler/change.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { Clock } from '../loop/clock.ts';
import type { ReflectorState } from './reflector-options.ts';
import type { Source, SourceSink } from './source.ts';

/** The state of one source, for status and logs. */
export interface SourceStatus {
  readonly cluster: ClusterName | undefined;
  readonly from: string;
  /** Every kind was read completely once, or is known to be absent. */
  readonly synced: boolean;
  /** Kinds that cannot be read now, with the problem. */
  readonly failing: readonly FailingKind[];
  /** The same for kinds that the agent can work without. */
  readonly forgone: readonly FailingKind[];
  /** Time since the source last sent something; undefined: it never did. */
  readonly silentMs: number | undefined;
}

export interface FailingKind {
  readonly kind: string;
  readonly problem: string;
}

export interface Hearing {
  /** The total time during which certainly no change was missed: it stands still while the kind cannot be read. */
  readonly knownMs: number;
  /** Time since the kind was last heard; undefined: it never was. */
  readonly silentMs: number | undefined;
}

/** The value for a kind that was never heard. */
export const unheard: Hearing = { knownMs: 0, silentMs: undefined };

/** A change, and when it arrived. */
export type Arrival = ObjectChange & { readonly atMs: number };

/**
 * Sources report here, and the loop takes the changes. Events only say what to look at again: the loop takes
 * changes when it is ready for them, so a burst of a thousand is one look.
 */
export interface SourceBoard {
  readonly sources: readonly Source[];
  sinkOf(source: Source): SourceSink;
  /** Changes since the last call, in order; if there are two for one object, only their order matters. */
  takeChanges(): Arrival[];
  /**
   * Whether the local cluster was read completely, and each other one was too or the wait for it is
   * over. Once ready it stays so: content that was read stays valid while it cannot be read again.
   */
  isReady(): boolean;
  status(): SourceStatus[];
  /** How reliably this kind was heard. */
  hearing(source: Source, kind: string): Hearing;
  /**
   * Resolves when a change or a new state arrived since the last call resolved, at the latest after
   * `ms`, or when the signal is aborted. Events between two calls are not lost.
   */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

interface Kinds {
  readonly states: Map<string, ReflectorState>;
  readonly everRead: Set<string>;
  /** By kind: when it was last heard, unless that was before a failure, and the total time between two hearings. */
  readonly heardOf: Map<string, { readonly lastMs: number; readonly since: boolean; readonly knownMs: number }>;
  heardMs: number | undefined;
}

/** How many changes may wait here: further ones stay with the servers, which TCP slows down. */
const maxWaiting = 20_000;
const maxWaitingBytes = 64 * 1024 * 1024;

/**
 * read          parses the sources' objects, before any other code sees them
 * remoteWaitMs  how long the first program waits for clusters other than the local one. The local one is waited for
 *               without limit: an empty answer from it would remove every Service of the node.
 * onState       called with each new state
 */
export function createSourceBoard(
  sources: readonly Source[],
  read: ChangeReader,
  clock: Pick<Clock, 'nowMs' | 'timer'>,
  remoteWaitMs: number,
  onState: (source: Source, kind: string, state: ReflectorState) => void = () => {},
): SourceBoard {
  const { nowMs } = clock;
  const startedMs = nowMs();
  const kinds = new Map<Source, Kinds>(
    sources.map((source) => [
      source,
      { states: new Map(), everRead: new Set(), heardOf: new Map(), heardMs: undefined },
    ]),
  );
  let changes: Arrival[] = [];
  let waitingBytes = 0;
  let room: Promise<void> | undefined;
  let makeRoom = (): void => {};
  let ready = false;
  let isNotified = false;
  let wake: (() => void) | undefined;
  const notify = (): void => {
    isNotified = true;
    wake?.();
  };

  const isForgone = ({ forgoes }: Source, kind: string): boolean => forgoes?.has(kind) === true;
  const isSynced = (source: Source, { states, everRead }: Kinds): boolean => {
    const needed = [...states.keys()].filter((kind) => !isForgone(source, kind));
    return needed.length > 0 && needed.every((kind) => everRead.has(kind));
  };
  const failingOf = ({ states }: Kinds, counts: (kind: string) => boolean): FailingKind[] =>
    [...states].flatMap(([kind, state]) =>
      state.kind === 'failing' && counts(kind) ? [{ kind, problem: state.problem }] : [],
    );

  return {
    sources,
    sinkOf(source) {
      const own = kinds.get(source);
      if (own === undefined) throw new Error(`${source.from} is not on this board`);
      return {
        change(more) {
          own.heardMs = nowMs();
          // One by one: spreading a hundred thousand arguments would overflow the stack.
          for (const told of more) changes.push({ ...read(told, source.cluster), atMs: own.heardMs });
          if (more.length > 0) notify();
        },
        state(kind, state) {
          const before = own.states.get(kind);
          own.states.set(kind, state);
          if (state.kind !== 'live') markUnheard(own, kind);
          if (state.kind === 'live' || state.kind === 'absent') {
            own.everRead.add(kind);
            own.heardMs = nowMs();
          }
          if (before !== undefined && isSameState(before, state)) return;
          onState(source, kind, state);
          notify();
        },
        pace(bytes) {
          waitingBytes += bytes;
          if (waitingBytes <= maxWaitingBytes && changes.length <= maxWaiting) return undefined;
          room ??= new Promise((resolve) => {
            makeRoom = resolve;
          });
          return room;
        },
        heard(kind) {
          own.heardMs = nowMs();
          const before = own.heardOf.get(kind);
          const moreMs = before?.since === true ? own.heardMs - before.lastMs : 0;
          own.heardOf.set(kind, { lastMs: own.heardMs, since: true, knownMs: (before?.knownMs ?? 0) + moreMs });
        },
      };
    },
    takeChanges() {
      const taken = changes;
      changes = [];
      waitingBytes = 0;
      room = undefined;
      makeRoom();
      return taken;
    },
    isReady() {
      const waitedLong = nowMs() - startedMs >= remoteWaitMs;
      ready ||= [...kinds].every(
        ([source, own]) => isSynced(source, own) || (source.cluster !== undefined && waitedLong),
      );
      return ready;
    },
    status: () =>
      [...kinds].map(([source, own]) => ({
        cluster: source.cluster,
        from: source.from,
        synced: isSynced(source, own),
        failing: failingOf(own, (kind) => !isForgone(source, kind)),
        forgone: failingOf(own, (kind) => isForgone(source, kind)),
        silentMs: own.heardMs === undefined ? undefined : nowMs() - own.heardMs,
      })),
    hearing(source, kind) {
      const heard = kinds.get(source)?.heardOf.get(kind);
      return { knownMs: heard?.knownMs ?? 0, silentMs: heard && nowMs() - heard.lastMs };
    },
    wait(ms, signal) {
      return new Promise((resolve) => {
        const done = (): void => {
          cancel();
          signal.removeEventListener('abort', done);
          wake = undefined;
          isNotified = false;
          resolve();
        };
        const cancel = clock.timer(ms, done);
        if (signal.aborted || isNotified) return done();
        signal.addEventListener('abort', done);
        wake = done;
      });
    },
  };
}

/** Changes may be missed from now on, until the source sends this kind again. */
function markUnheard({ heardOf }: Kinds, kind: string): void {
  const before = heardOf.get(kind);
  if (before !== undefined) heardOf.set(kind, { ...before, since: false });
}

function isSameState(a: ReflectorState, b: ReflectorState): boolean {
  return a.kind === b.kind && (a.kind !== 'failing' || b.kind !== 'failing' || a.problem === b.problem);
}
