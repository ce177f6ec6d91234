import type { Registry } from '../../compiler/registry/registry.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { Clock } from '../loop/clock.ts';
import { changedDocument, type FileWatchTimes } from './watch.ts';
import { fileProblem, InputError } from '../input/input-error.ts';
import type { PlaceOf } from '../input/place.ts';
import { placesOfDocument } from '../input/places.ts';
import type { Log } from '../telling/log.ts';
import { parseRegistry, RegistryError } from '../input/registry.ts';
import { type ReadStdin, readObjects } from '../input/files.ts';

/**
 * The registry that a file holds, and the places of its values in the file.
 *
 * throws   InputError with every problem of the file
 */
export async function readRegistryFile(
  path: string,
  readStdin: ReadStdin,
): Promise<{ readonly registry: Registry; readonly placeOf: PlaceOf }> {
  const document = await readDocument(path, readStdin);
  return { registry: registryOf(document, path), placeOf: placesOfDocument('ClusterRegistry', path, document) };
}

async function readDocument(path: string, readStdin: ReadStdin): Promise<unknown> {
  const [document, ...others] = await readObjects([path], readStdin);
  if (document !== undefined && others.length === 0) return document;
  const message = `holds ${others.length === 0 ? 'no document' : `${others.length + 1} documents`}; expected one ClusterRegistry`;
  throw new InputError([fileProblem(path, 'bad-registry', message)]);
}

/** The registry in a parsed file. Throws InputError with every problem of the file. */
export function registryOf(document: unknown, path: string): Registry {
  try {
    return parseRegistry(document, path);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const placeOf = placesOfDocument('file', path, document);
    throw new InputError(
      error.problems.map((problem) => registryProblem(path, problem)),
      placeOf,
    );
  }
}

/** Splits `clusters[0].id: "East" is …` into the field and the message about it. */
function registryProblem(path: string, problem: string): Diagnostic {
  const [, field, message] = /^([A-Za-z][A-Za-z0-9.[\]]*): (.*)$/s.exec(problem) ?? [];
  return fileProblem(path, 'bad-registry', message ?? problem, field);
}

/** A registry file that the agent follows while it changes. */
export interface RegistryFile {
  /** The registry at the start. */
  readonly registry: Registry;
  /** The changed registry, given once; undefined: it has not changed since. */
  take(): Registry | undefined;
  /** Looks for changes until the signal is aborted; an unusable file is logged, and the previous registry stays in use. */
  follow(clock: Clock, log: Log, signal: AbortSignal, times?: FileWatchTimes): Promise<void>;
}

const words = {
  file: 'registry file',
  kept: 'the agent keeps using its previous content',
  change: 'the new content is in use',
} as const;

export async function openRegistryFile(path: string, readStdin: ReadStdin): Promise<RegistryFile> {
  let document = await readDocument(path, readStdin);
  const registry = registryOf(document, path);
  let next: Registry | undefined;

  async function read(): Promise<unknown> {
    const found = await readDocument(path, readStdin);
    registryOf(found, path);
    return found;
  }

  return {
    registry,
    take() {
      const taken = next;
      next = undefined;
      return taken;
    },
    async follow(clock, log, signal, times) {
      // Standard input can be read only once.
      if (path === '-') return;
      while (!signal.aborted) {
        const watch = { path, document, read, clock, log, words, ...(times === undefined ? {} : { times }) };
        const changed = await changedDocument(watch, signal);
        if (changed === undefined) return;
        document = changed;
        next = registryOf(changed, path);
      }
    },
  };
}
