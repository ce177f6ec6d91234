import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DumpSource, LiveBackend, Observed } from '../../backends/backend.ts';
import type { Mode } from '../../backends/index.ts';
import type { ChainPrefix, Settings } from '../../compiler/settings.ts';
import { fileProblem, InputError } from './input-error.ts';
import { unreadable } from './files.ts';

/**
 * The tools' output about a node, from a file or a folder; a backend says which files it wants.
 *
 * throws   InputError for a dump that is unreadable, of another kind, or cut short: nothing is concluded from a part
 */
export function readDumps(path: string, live: LiveBackend, prefix: ChainPrefix): readonly Observed[] {
  return readSource(sourceAt(path), live, prefix);
}

/** A dump as texts by the names of its files, which can be read again with a part left out. */
export interface DumpTexts {
  readonly kind: DumpSource['kind'];
  readonly path: string;
  readonly texts: ReadonlyMap<string, string>;
}

/** The same dump, with the texts of the files that the backend asked for. */
export function readDumpTexts(
  path: string,
  live: LiveBackend,
  prefix: ChainPrefix,
): { readonly observed: readonly Observed[]; readonly dump: DumpTexts } {
  const source = sourceAt(path);
  if (source.kind === 'file') {
    const texts = new Map([[basename(path), source.text]]);
    return { observed: readSource(source, live, prefix), dump: { kind: 'file', path, texts } };
  }
  const texts = new Map<string, string>();
  const read = (name: string) => {
    const text = source.read(name);
    if (text !== undefined) texts.set(name, text);
    return text;
  };
  const observed = readSource({ ...source, read }, live, prefix);
  return { observed, dump: { kind: 'folder', path, texts } };
}

/** Parses a dump whose texts are at hand. Throws as {@link readDumps}. */
export function readTexts(dump: DumpTexts, live: LiveBackend, prefix: ChainPrefix): readonly Observed[] {
  return readSource(sourceOf(dump), live, prefix);
}

export function sourceOf({ kind, path, texts }: DumpTexts): DumpSource {
  if (kind === 'folder') return { kind, path, read: (name) => texts.get(name) };
  return { kind, path, text: [...texts.values()].join('') };
}

function readSource(source: DumpSource, live: LiveBackend, prefix: ChainPrefix): readonly Observed[] {
  const { observed, problems } = live.readDump(source, prefix);
  if (problems.length === 0) return observed;
  throw new InputError(problems.map(({ path: at, code, message }) => fileProblem(at, code, message)));
}

/** The dumps at several paths, read as one mode's. Throws as {@link readDumps}. */
export function readAllDumps(
  paths: readonly string[],
  { mode, settings }: { readonly mode: Pick<Mode, 'live'>; readonly settings: Pick<Settings, 'chainPrefix'> },
): readonly Observed[] {
  return paths.flatMap((path) => readDumps(path, mode.live, settings.chainPrefix));
}

/** throws   InputError if the file is unreadable */
export function sourceAt(path: string): DumpSource {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new InputError([unreadable(file, error)]);
    }
  };
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    return { kind: 'file', path, text: read(path) };
  return {
    kind: 'folder',
    path,
    read(name) {
      const file = join(path, name);
      return statSync(file, { throwIfNoEntry: false }) === undefined ? undefined : read(file);
    },
  };
}
