// Builds what is published: one entry, a chunk for each command that is loaded when it is called,
// everything of node_modules inside. So the package needs nothing else, starts with few files to
// read, and runs the versions that were tested.
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

// Chunks are ES modules; packages in the older form inside them ask for Node's modules by `require`.
const requireForOldPackages = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";

/**
 * Node's own modules, without `import`: that reads every export of them, and some exports load
 * much on being read (fs.promises, crypto.webcrypto, process.report). It was half of a command's start.
 */
const lazyNodeModules: Plugin = {
  name: 'lazy-node-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'node-module' }));
    onLoad({ filter: /.*/, namespace: 'node-module' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * commander loads node:child_process for subcommands that are programs of their own. There are none
 * here, and what that module brings with it (sockets, streams) is a good part of a command's start.
 */
const noProgramsAsSubcommands: Plugin = {
  name: 'no-programs-as-subcommands',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]node_modules[\\/]commander[\\/]/.test(importer)
        ? { path: 'child_process', namespace: 'absent' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'export default {};' }));
  },
};

/** Builds into an empty `folder`; returns which source went into which file, paths from the project's root. */
export async function buildPackage(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    entryPoints: { slicewright: 'agent/cli.ts' },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    charset: 'utf8',
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [noProgramsAsSubcommands, lazyNodeModules],
    legalComments: 'none', // the licences are in a file of their own, whole
    banner: { js: requireForOldPackages },
    chunkNames: 'chunks/[name]-[hash]',
    metafile: true,
    logLevel: 'warning',
  });
  const entry = join(folder, 'slicewright.js');
  writeFileSync(entry, `#!/usr/bin/env node\n${readFileSync(entry, 'utf8')}`);
  chmodSync(entry, 0o755);
  writeFileSync(join(folder, 'LICENSES.txt'), licences(packagesIn(Object.keys(metafile.inputs))));
  return metafile;
}

/** Folders of the packages that these files belong to, sorted: `node_modules/commander`. */
export function packagesIn(files: Iterable<string>): string[] {
  const folders = [...files].flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/** What is built in keeps its licence. */
function licences(packages: readonly string[]): string {
  const texts = packages.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name: string;
      version: string;
      license?: string;
    };
    const files = globSync(join(folder, '{LICENSE,LICENCE,license,licence,NOTICE}*')).sort();
    return [
      `${name} ${version} (${license ?? 'see below'})`,
      ...files.map((file) => readFileSync(file, 'utf8').trim()),
    ];
  });
  return texts.map((parts) => parts.join('\n\n')).join(`\n\n${'-'.repeat(78)}\n\n`);
}

if (import.meta.main) {
  const { outputs } = await buildPackage('dist');
  const sizes = Object.values(outputs).map(({ bytes }) => bytes);
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  console.log(`dist: ${sizes.length} files, ${(total / 1024).toFixed(0)} KiB`);
}
