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
  /** When something last came from it; undefined: nothing ever did. */
  readonly heardMs: number | undefined;
}

/**
 * Where sources report and the loop asks. Events only say what to look at again: the loop takes
 * the changes when it is ready for them, so a burst of a thousand is one look.
 */
export interface SourceBoard {
  readonly sources: readonly Source[];
  sinkOf(source: Source): SourceSink;
  /** Changes since the last time, in order; of two of one object only the order matters. */
  takeChanges(): ObjectChange[];
  /** Whether the own cluster was read completely, and every other one too or for longer than is waited for. */
  isReady(): boolean;
  status(): SourceStatus[];
  /** Resolves when a change or a new state came, at the latest after `ms`, or when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

interface Kinds {
  readonly states: Map<string, ReflectorState>;
  readonly everRead: Set<string>;
  heardMs: number | undefined;
}

/**
 * remoteWaitMs  how long the first program waits for clusters other than our own. Ours is waited for
 *               without limit: an empty answer from it would remove every Service of the node.
 */
export function createSourceBoard(
  sources: readonly Source[],
  clock: { readonly nowMs: () => number },
  remoteWaitMs: number,
): SourceBoard {
  const startedMs = clock.nowMs();
  const kinds = new Map<Source, Kinds>(
    sources.map((source) => [source, { states: new Map(), everRead: new Set(), heardMs: undefined }]),
  );
  let changes: ObjectChange[] = [];
  let wake: (() => void) | undefined;

  const isSynced = ({ states, everRead }: Kinds): boolean =>
    states.size > 0 && [...states.keys()].every((kind) => everRead.has(kind));

  return {
    sources,
    sinkOf(source) {
      const own = kinds.get(source);
      if (own === undefined) throw new Error(`${source.from} is not on this board`);
      return {
        change(more) {
          own.heardMs = clock.nowMs();
          // One by one: spreading a hundred thousand arguments overflows the stack.
          for (const change of more) changes.push(change);
          wake?.();
        },
        state(kind, state) {
          own.states.set(kind, state);
          if (state.kind === 'live' || state.kind === 'absent') {
            own.everRead.add(kind);
            own.heardMs = clock.nowMs();
          }
          wake?.();
        },
      };
    },
    takeChanges() {
      const taken = changes;
      changes = [];
      return taken;
    },
    isReady() {
      const waitedLong = clock.nowMs() - startedMs >= remoteWaitMs;
      return [...kinds].every(([{ cluster }, own]) => isSynced(own) || (cluster !== undefined && waitedLong));
    },
    status: () =>
      [...kinds].map(([{ cluster, from }, own]) => ({
        cluster,
        from,
        synced: isSynced(own),
        failing: [...own.states].flatMap(([kind, state]) =>
          state.kind === 'failing' ? [{ kind, problem: state.problem }] : [],
        ),
        heardMs: own.heardMs,
      })),
    wait(ms, signal) {
      if (signal.aborted || changes.length > 0) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          wake = undefined;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done);
        wake = done;
      });
    },
  };
}
