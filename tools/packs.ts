// Joins the chunks that esbuild split into few larger files. esbuild makes a chunk for each set of `import()`s that reach
// it, two hundred in all, of which a command needs a hundred. Each file costs a command a third of a millisecond, and each
// call from one file to another a look-up of an export.
import { createHash } from 'node:crypto';
import { basename, posix } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';

/** What esbuild made in a first pass: ES modules that import each other. Paths as in the metafile, from the project's root. */
export interface Chunks {
  readonly metafile: Metafile;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * Some code that one process loads: the sources where it enters. Chunks that the same ways need, and no others, become one
 * file. So on each of these ways no process loads code that it does not need; a process on another way may.
 */
export type Way = readonly string[];

/** Which chunks become which file: path of the chunk → path of the file, for chunks that are joined with others. */
export type Packing = ReadonlyMap<string, string>;

/**
 * Chunks that no way needs stay as they are, as does a file that others call by its name (`named`).
 *
 * No two files need each other: a chunk that imports another is on no way on which that other is not.
 */
export function packChunks({ metafile, texts }: Chunks, ways: ReadonlyMap<string, Way>, named: Set<string>): Packing {
  const outputs = metafile.outputs;
  const entries = new Map(Object.entries(outputs).map(([path, { entryPoint }]) => [entryPoint, path]));
  const needed = new Map(
    [...ways].map(([name, way]) => [
      name,
      closure(
        metafile,
        way.map((source) => entries.get(source)!),
      ),
    ]),
  );
  const members = new Map<string, string[]>();
  for (const path of Object.keys(outputs)) {
    const name = [...needed].flatMap(([way, paths]) => (paths.has(path) ? [way] : [])).join('-');
    if (name !== '' && !named.has(path)) members.set(name, [...(members.get(name) ?? []), path]);
  }
  const digest = createHash('sha256');
  for (const text of texts.values()) digest.update(text);
  const build = digest.digest('hex').slice(0, 8);
  return new Map(
    [...members].flatMap(([name, paths]) =>
      paths.length < 2
        ? []
        : paths.map((path) => [path, posix.join(posix.dirname(paths[0]!), `${name}-${build}.js`)] as const),
    ),
  );
}

/** What is loaded with these files, without what they load later. */
function closure({ outputs }: Metafile, paths: readonly string[]): Set<string> {
  const found = new Set<string>();
  const add = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    for (const one of outputs[path]?.imports ?? []) if (one.kind === 'import-statement' && !one.external) add(one.path);
  };
  paths.forEach(add);
  return found;
}

/**
 * One of the files, in the format that `options` say.
 *
 * path   of a pack, or of a chunk that stays as it is
 */
export async function writePacked(
  chunks: Chunks,
  packing: Packing,
  path: string,
  options: BuildOptions,
): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    entryPoints: [path],
    bundle: true,
    write: false,
    // A library looks for import.meta and does without it; and each chunk imports the helpers, whether it needs them or not.
    logOverride: { 'empty-import-meta': 'silent', 'ignored-bare-import': 'silent' },
    plugins: [joining(chunks, packing, path)],
  });
  return outputFiles[0]!.text;
}

/** Reads chunks as modules of one file, and what is in other files as theirs. */
function joining(chunks: Chunks, packing: Packing, file: string): Plugin {
  const { metafile, texts } = chunks;
  const used = importedNames(chunks, packing);
  const fileOf = (path: string): string => packing.get(path) ?? path;
  const relative = (path: string): string => {
    const found = posix.relative(posix.dirname(file), path);
    return found.startsWith('.') ? found : `./${found}`;
  };
  const isPack = metafile.outputs[file] === undefined;
  /** `import("./a.js")` of a chunk that is part of a pack: the pack holds what the chunk exports under one name. */
  const withLaterLoads = (path: string): string =>
    texts.get(path)!.replace(/\bimport\("(\.[^"]*)"\)/g, (written, to: string) => {
      const target = posix.join(posix.dirname(path), to);
      return packing.has(target) ? `import("${relative(fileOf(target))}").then(p=>p.${prefixOf(target)})` : written;
    });
  return {
    name: 'joining',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, importer, kind, namespace }) => {
        if (kind === 'entry-point') return { path: file, namespace: 'file-itself' };
        if (!path.startsWith('.')) return { path, external: true };
        if (namespace === 'elsewhere' || kind === 'dynamic-import') return { path, external: true };
        const target = posix.join(isPack && namespace === 'file-itself' ? '.' : posix.dirname(importer), path);
        if (isHelpers(metafile, target)) return { path: target, namespace: 'chunk', sideEffects: false };
        if (fileOf(target) === file) return { path: target, namespace: 'chunk' };
        return packing.has(target)
          ? { path: target, namespace: 'elsewhere' }
          : { path: relative(target), external: true };
      });
      onLoad({ filter: /.*/, namespace: 'file-itself' }, () => ({
        contents: isPack ? exportsOf(chunks, packing, file) : withLaterLoads(file),
      }));
      onLoad({ filter: /.*/, namespace: 'chunk' }, ({ path }) => ({ contents: withLaterLoads(path) }));
      onLoad({ filter: /.*/, namespace: 'elsewhere' }, ({ path }) => {
        const names = [...(used.get(path) ?? [])].map((name) => `${prefixOf(path)}_${name} as ${name}`);
        return { contents: `export {${names.join(',')}} from "${relative(fileOf(path))}";` };
      });
    },
  };
}

/** Whether a chunk has only the helpers of esbuild. Each file gets those that it needs, so that it loads no file for them. */
export function isHelpers({ outputs }: Metafile, path: string): boolean {
  const { inputs = {}, imports = [], entryPoint } = outputs[path] ?? {};
  return outputs[path] !== undefined && entryPoint === undefined && Object.keys(inputs).length + imports.length === 0;
}

/** What a pack exports: the names that other files import from its chunks, each behind the name of its chunk. */
function exportsOf(chunks: Chunks, packing: Packing, file: string): string {
  const used = importedNames(chunks, packing);
  const later = new Set(
    Object.values(chunks.metafile.outputs).flatMap(({ imports }) =>
      imports.flatMap(({ kind, path }) => (kind === 'dynamic-import' ? [path] : [])),
    ),
  );
  return [...packing]
    .flatMap(([path, into]) => {
      if (into !== file) return [];
      const from = JSON.stringify(`./${path}`);
      const names = [...(used.get(path) ?? [])].map((name) => `${name} as ${prefixOf(path)}_${name}`);
      return [
        `import ${from};`,
        names.length > 0 ? `export {${names.join(',')}} from ${from};` : '',
        later.has(path) ? `export * as ${prefixOf(path)} from ${from};` : '',
      ];
    })
    .join('\n');
}

/** By chunk, the names that chunks of other files import from it. The texts are esbuild's, so their imports have one form. */
function importedNames(
  { metafile: { outputs }, texts }: Chunks,
  packing: Packing,
): ReadonlyMap<string, ReadonlySet<string>> {
  const used = new Map<string, Set<string>>();
  for (const [path, text] of texts) {
    for (const [, names = '', from = ''] of text.matchAll(/\bimport\{([^}]*)\}from"(\.[^"]*)"/g)) {
      const target = posix.join(posix.dirname(path), from);
      if ((packing.get(target) ?? target) === (packing.get(path) ?? path)) continue;
      for (const word of names.split(',')) {
        const name = word.split(' as ')[0]!.trim();
        if (outputs[target]?.exports.includes(name)) used.set(target, (used.get(target) ?? new Set()).add(name));
      }
    }
  }
  return used;
}

/** A name for JavaScript: `chunk_A2EJQX32`. */
function prefixOf(path: string): string {
  return basename(path, '.js').replace(/\W/g, '_');
}
