import type { ObjectChange } from '../../compiler/incremental.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import type { ReflectorState } from './reflector.ts';
import type { Source, SourceSink } from './source.ts';

/** How one source stands, for status and logs. */
export interface SourceStatus {
  readonly cluster: ClusterName | undefined;
  readonly from: string;
  /** Every kind was read completely once, or is known to be absent. */
  readonly synced: boolean;
  /** Kinds that cannot be read now, and why. */
  readonly failing: readonly { readonly kind: string; readonly problem: string }[];
  /** How long nothing came from it; undefined: nothing ever did. */
  readonly silentMs: number | undefined;
}

/** A change and when it reached us. */
export interface Arrival extends ObjectChange {
  readonly atMs: number;
}

/**
 * Where sources report and the loop asks. Events only say what to look at again: the loop takes
 * the changes when it is ready for them, so a burst of a thousand is one look.
 */
export interface SourceBoard {
  readonly sources: readonly Source[];
  sinkOf(source: Source): SourceSink;
  /** Changes since the last time, in order; of two of one object only the order matters. */
  takeChanges(): Arrival[];
  /**
   * Whether the own cluster was read completely, and every other one too or for longer than is
   * waited for. Once ready it stays so: what was read stands while it cannot be read again.
   */
  isReady(): boolean;
  status(): SourceStatus[];
  /**
   * Resolves when a change or a new state came since the last call resolved, at the latest after
   * `ms`, or when the signal is aborted. What came in between is never slept through.
   */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

interface Kinds {
  readonly states: Map<string, ReflectorState>;
  readonly everRead: Set<string>;
  heardMs: number | undefined;
}

/**
 * nowMs         a clock that only goes forward: the machine's own may jump
 * remoteWaitMs  how long the first program waits for clusters other than our own. Ours is waited for
 *               without limit: an empty answer from it would remove every Service of the node.
 * onState       told of each new state
 */
export function createSourceBoard(
  sources: readonly Source[],
  nowMs: () => number,
  remoteWaitMs: number,
  onState: (source: Source, kind: string, state: ReflectorState) => void = () => {},
): SourceBoard {
  const startedMs = nowMs();
  const kinds = new Map<Source, Kinds>(
    sources.map((source) => [source, { states: new Map(), everRead: new Set(), heardMs: undefined }]),
  );
  let changes: Arrival[] = [];
  let ready = false;
  let stirred = false;
  let wake: (() => void) | undefined;
  const stir = (): void => {
    stirred = true;
    wake?.();
  };

  const isSynced = ({ states, everRead }: Kinds): boolean =>
    states.size > 0 && [...states.keys()].every((kind) => everRead.has(kind));

  return {
    sources,
    sinkOf(source) {
      const own = kinds.get(source);
      if (own === undefined) throw new Error(`${source.from} is not on this board`);
      return {
        change(more) {
          own.heardMs = nowMs();
          // One by one: spreading a hundred thousand arguments overflows the stack.
          for (const change of more) changes.push({ ...change, atMs: own.heardMs });
          if (more.length > 0) stir();
        },
        state(kind, state) {
          const before = own.states.get(kind);
          own.states.set(kind, state);
          if (state.kind === 'live' || state.kind === 'absent') {
            own.everRead.add(kind);
            own.heardMs = nowMs();
          }
          if (before !== undefined && isSameState(before, state)) return;
          onState(source, kind, state);
          stir();
        },
      };
    },
    takeChanges() {
      const taken = changes;
      changes = [];
      return taken;
    },
    isReady() {
      const waitedLong = nowMs() - startedMs >= remoteWaitMs;
      ready ||= [...kinds].every(([{ cluster }, own]) => isSynced(own) || (cluster !== undefined && waitedLong));
      return ready;
    },
    status: () =>
      [...kinds].map(([{ cluster, from }, own]) => ({
        cluster,
        from,
        synced: isSynced(own),
        failing: [...own.states].flatMap(([kind, state]) =>
          state.kind === 'failing' ? [{ kind, problem: state.problem }] : [],
        ),
        silentMs: own.heardMs === undefined ? undefined : nowMs() - own.heardMs,
      })),
    wait(ms, signal) {
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          wake = undefined;
          stirred = false;
          resolve();
        };
        // A timer of Node takes at most 2^31 - 1 ms, and treats more as none.
        const timer = setTimeout(done, Math.min(Math.max(ms, 0), 2 ** 31 - 1));
        if (signal.aborted || stirred) return done();
        signal.addEventListener('abort', done);
        wake = done;
      });
    },
  };
}

function isSameState(a: ReflectorState, b: ReflectorState): boolean {
  return a.kind === b.kind && (a.kind !== 'failing' || b.kind !== 'failing' || a.problem === b.problem);
}
