import { hash } from 'node:crypto';
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Told } from '../../compiler/change.ts';
import { type ObjectId, type Recognised, recognise, textOfId } from '../../compiler/model/kinds.ts';
import { expandLists } from '../../compiler/model/lists.ts';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import { type ClusterName, compareText } from '../../compiler/values/names.ts';
import type { Clock } from '../loop/clock.ts';
import { InputError } from '../input/input-error.ts';
import { placedText } from '../terminal/diagnostics.ts';
import { isManifest, readObjects } from '../input/files.ts';
import { nowhere } from '../input/place.ts';
import { placesAgain } from '../input/places.ts';
import { createFolderWatcher, type FolderWatcher } from './folder-watcher.ts';
import { type Allowance, createQuota, defaultSourceLimits, endpointsIn, type SourceLimits } from './quota.ts';
import type { Source, SourceSink } from './source.ts';

/** The one kind of a folder, in reports of its state. */
export const manifestsKind = 'manifests';

export interface FolderTimes {
  /** How long a folder must be quiet before it is read: editors write a file in several steps. */
  readonly settleMs: number;
  /** How often it is read without a change event: not every file system reports changes. */
  readonly pollMs: number;
}

export const defaultFolderTimes: FolderTimes = { settleMs: 100, pollMs: 5_000 };

/**
 * A folder of manifests as one cluster, read again whenever something in it changes.
 *
 * A folder is read as a whole or not at all: while one file cannot be read or is not YAML, the previous
 * content stays valid, because it is unknown what that file would have said. The same holds for an
 * empty file, which is what a full disk leaves of a rewritten one. A folder without
 * any object counts as unreadable: most likely a volume is not mounted yet, and
 * taking the folder as empty would remove every Service.
 */
export function folderSource(
  cluster: ClusterName | undefined,
  path: string,
  clock: Pick<Clock, 'timer'>,
  times: FolderTimes = defaultFolderTimes,
  limits: SourceLimits = defaultSourceLimits,
): Source {
  let placeOf = nowhere;
  return {
    cluster,
    from: path,
    leasesIn: manifestsKind,
    placeOf: (diagnostic) => placeOf(diagnostic),
    async run(sink, signal) {
      sink.state(manifestsKind, { kind: 'starting' });
      const look = createLook(cluster, path, sink, createQuota(limits)(manifestsKind), (objects) => {
        placeOf = placesAgain(objects);
      });
      const watcher = createFolderWatcher(path, clock);
      try {
        while (!signal.aborted) {
          await look();
          await watcher.wait(times.pollMs, signal);
          await settle(watcher, times.settleMs, signal);
        }
      } finally {
        watcher.close();
      }
    },
  };
}

/** Waits until the folder is quiet, but not forever: a log file in the folder must not block the agent. */
async function settle(watcher: FolderWatcher, settleMs: number, signal: AbortSignal): Promise<void> {
  for (let tries = 0; watcher.heard() && tries < 10; tries++) {
    watcher.forget();
    await watcher.wait(settleMs, signal);
  }
  watcher.forget();
}

/** What is remembered of an object: enough to see whether it changed, and that it is gone. */
interface Known {
  readonly id: ObjectId;
  readonly digest: string;
}

/** Reads the folder if it changed, and reports the differences. */
function createLook(
  cluster: ClusterName | undefined,
  path: string,
  sink: SourceSink,
  allowance: Allowance,
  onRead: (objects: readonly unknown[]) => void,
): () => Promise<void> {
  let known = new Map<string, Known>();
  let seen: string | undefined;
  const failing = (problem: string, overLimit?: true) => {
    // If only the bad file is removed, the folder is as it was before, but must be read to report that.
    seen = undefined;
    sink.state(manifestsKind, { kind: 'failing', problem, ...(overLimit && { overLimit }) });
  };

  return async () => {
    const now = signatureOf(path);
    if (now !== undefined && now === seen) return sink.heard(manifestsKind);
    let objects: readonly unknown[];
    try {
      const empty = emptyFileIn(path);
      if (empty !== undefined) throw new Error(`${empty} is empty: was the disk full when it was written?`);
      objects = await readObjects([path], noStdin);
    } catch (error) {
      return failing(problemIn(error));
    }
    const found = new Map<string, Recognised>();
    for (const raw of expandLists(objects, cluster, [])) {
      const object = recognise(raw);
      if (object !== undefined) found.set(textOfId(object.id), object);
    }
    if (found.size === 0) return failing(`${path} holds no object that slicewright reads`);
    let endpoints = 0;
    for (const { fields } of found.values()) endpoints += endpointsIn(fields);
    // Files have a limit of their own.
    const excess = allowance.excess({ objects: found.size, endpoints, bytes: 0 });
    if (excess !== undefined) return failing(excess, true);
    onRead(objects);
    const digests = new Map(Array.from(found, ([text, object]) => [text, knownOf(object)]));
    sink.change(differences(known, digests, found));
    known = digests;
    // A file that changed during the reading differs from its signature, and is read again.
    seen = now;
    sink.heard(manifestsKind);
    sink.state(manifestsKind, { kind: 'live' });
  };
}

function knownOf({ id, fields }: Recognised): Known {
  return { id, digest: hash('sha256', canonicalJson(fields)) };
}

function problemIn(error: unknown): string {
  if (error instanceof InputError) return error.diagnostics.map((one) => placedText(one, nowhere)).join('; ');
  return error instanceof Error ? error.message : String(error);
}

function differences(
  before: ReadonlyMap<string, Known>,
  after: ReadonlyMap<string, Known>,
  objects: ReadonlyMap<string, Recognised>,
): Told[] {
  const changes: Told[] = [];
  for (const [text, object] of objects) {
    if (before.get(text)?.digest !== after.get(text)?.digest) changes.push({ gone: false, object });
  }
  for (const [text, { id }] of before) if (!after.has(text)) changes.push({ gone: true, id });
  return changes;
}

function noStdin(): Promise<Uint8Array> {
  throw new Error('a folder is not standard input');
}

/**
 * Names, sizes and times of all files: if equal, the folder is unchanged, except for a file that was rewritten
 * within the same instant with the same length. undefined: unknown, so the folder must be read.
 */
function signatureOf(path: string): string | undefined {
  try {
    return hash('sha256', fileFacts(path, new Set()).join('\n'));
  } catch {
    // Something vanished during the look; reading reports what.
    return undefined;
  }
}

function fileFacts(path: string, entered: Set<string>): string[] {
  return filesBelow(path, entered).map(({ file, stats }) =>
    JSON.stringify([file, stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino]),
  );
}

/** The first empty manifest; undefined if that is unknown; reading then gives a better report. */
function emptyFileIn(path: string): string | undefined {
  try {
    return filesBelow(path, new Set()).find(({ file, stats }) => stats.size === 0 && isManifest(file))?.file;
  } catch {
    return undefined;
  }
}

function filesBelow(path: string, entered: Set<string>): { readonly file: string; readonly stats: Stats }[] {
  const stats = statSync(path);
  if (!stats.isDirectory()) return [{ file: path, stats }];
  const real = realpathSync(path);
  if (entered.has(real)) return [];
  entered.add(real);
  // As in reading, names that begin with a dot do not count.
  const names = readdirSync(path).filter((name) => !name.startsWith('.'));
  return names.sort(compareText).flatMap((name) => filesBelow(join(path, name), entered));
}
