// Builds what is published: an entry that reads the command line, and chunks that are loaded when a command
// needs them, with everything of node_modules inside. So the package needs nothing else, starts with few files
// to read, and runs the versions that were tested.
import { execFileSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { createProgram } from '../agent/cli.ts';
import { outlinesOf } from '../agent/command-line/outline.ts';
import { extraFiles } from './install/extras.ts';
import { type Chunks, isHelpers, packChunks, type Packing, type Way, writePacked } from './packs.ts';

const output = {
  platform: 'node',
  target: 'node22.19',
  // V8 keeps the text of a loaded file with two bytes a character if one character is beyond Latin-1; so all output is
  // ASCII.
  charset: 'ascii',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none', // the licences are in a file of their own, whole
} satisfies BuildOptions;

/**
 * Builds into an empty `folder`; returns which source went into which file, paths from the project's root.
 *
 * Only ES modules can be split into chunks, but Node loads CommonJS a fifth faster: it does not resolve modules ahead
 * or read every export of Node's own modules, some of which load much when they are read. So the build first splits
 * chunks and then turns them into CommonJS one by one. The part that users' tests import stays an ES module, since
 * vitest is one: it loads the chunks by name.
 */
export async function buildPackage(folder: string): Promise<Metafile> {
  const program = await createProgram();
  const { metafile, outputFiles } = await build({
    ...output,
    entryPoints: { start: 'agent/start.ts', golden: 'agent/golden.ts' },
    external: ['vitest'],
    outdir: folder,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    define: {
      BUILD_COMMIT: JSON.stringify(gitCommit()) ?? 'undefined',
      COMMAND_OUTLINES: JSON.stringify(JSON.stringify(outlinesOf(program))),
    },
    plugins: [wholeModulesOfNode, credentialsAlone],
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  const texts = new Map(outputFiles.map(({ path, text }) => [relative('.', path), text]));
  const chunks: Chunks = { metafile, texts };
  const packing = packChunks(
    chunks,
    commonWays(metafile),
    new Set([join(folder, 'start.js'), join(folder, 'golden.js')]),
  );
  rmSync(folder, { recursive: true, force: true });
  await writeProgram(chunks, packing);
  writeFileSync(join(folder, 'golden.d.mts'), goldenTypes());
  const entry = join(folder, 'slicewright.js');
  writeFileSync(entry, launcherText(neededNode()));
  chmodSync(entry, 0o755);
  writePlugins(folder);
  for (const [name, text] of extraFiles(program, packageManifest().version)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(join(folder, 'LICENSES.txt'), licences(packagesIn(Object.keys(metafile.inputs))));
  return withPacks(metafile, packing);
}

/**
 * What most calls load: the first file, which sets up how the others are loaded; help, a status, and the rules of one node,
 * for each backend.
 */
function commonWays({ outputs }: Metafile): ReadonlyMap<string, Way> {
  const cli = ['agent/start.ts', 'agent/cli.ts'];
  const compile = [...cli, 'agent/command-line/rules.ts', 'agent/commands/compile.ts'];
  const backends = Object.values(outputs).flatMap(({ entryPoint = '' }) => {
    const [, name] = /^backends\/([^/]+)\/index\.ts$/.exec(entryPoint) ?? [];
    return name === undefined ? [] : [[name, [...compile, entryPoint]] as const];
  });
  return new Map<string, Way>([
    ['start', ['agent/start.ts']],
    ['help', cli],
    ['status', [...cli, 'agent/command-line/status.ts', 'agent/commands/status.ts']],
    ...backends,
  ]);
}

async function writeProgram(chunks: Chunks, packing: Packing): Promise<void> {
  const paths = [...chunks.texts.keys()].filter((path) => !isHelpers(chunks.metafile, path));
  for (const path of new Set(paths.map((chunk) => packing.get(chunk) ?? chunk))) {
    mkdirSync(dirname(path), { recursive: true });
    const isModule = path.endsWith('/golden.js');
    const text = await writePacked(chunks, packing, path, {
      ...output,
      format: isModule ? 'esm' : 'cjs',
      supported: { 'dynamic-import': isModule },
    });
    writeFileSync(isModule ? path.replace(/js$/, 'mjs') : path, text);
  }
}

/** Which source went into which file, where chunks were joined. */
function withPacks(metafile: Metafile, packing: Packing): Metafile {
  const outputs: Metafile['outputs'] = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (isHelpers(metafile, path)) continue;
    const file = packing.get(path) ?? path;
    const joined = outputs[file];
    outputs[file] =
      joined === undefined
        ? output
        : { ...joined, bytes: joined.bytes + output.bytes, inputs: { ...joined.inputs, ...output.inputs } };
  }
  return { ...metafile, outputs };
}

/**
 * The types of `slicewright/golden`, from the file that declares them. That file imports no other, so a user's compiler
 * needs only this one.
 */
function goldenTypes(): string {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-types-'));
  try {
    const options = [
      '--noEmit',
      'false',
      '--emitDeclarationOnly',
      '--declaration',
      '--outDir',
      folder,
      '--rootDir',
      '.',
    ];
    execFileSync('tsc', [...options, '-p', 'tools/golden-types.json']);
    const text = readFileSync(join(folder, 'agent/suite/vitest.d.ts'), 'utf8');
    if (/^\s*(import|export .* from)\b/m.test(text))
      throw new Error(`types of slicewright/golden name other files:\n${text}`);
    return text;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The commit that is built, with `-dirty` appended where files differ from it; undefined outside a git checkout. */
function gitCommit(): string | undefined {
  try {
    const words = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    return execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

/** The programs that kubectl looks for in PATH; in a checkout they stand beside `bin/slicewright`. */
function writePlugins(folder: string): void {
  for (const name of ['kubectl-slicewright', 'kubectl_complete-slicewright']) {
    const text = readFileSync(join('bin', name), 'utf8').replace('/slicewright"', '/slicewright.js"');
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
}

function packageManifest(): { readonly version: string; readonly engines: { readonly node: string } } {
  return JSON.parse(readFileSync('package.json', 'utf8')) as ReturnType<typeof packageManifest>;
}

/** The lowest Node version in `engines` of package.json: `22.19`. */
function neededNode(): string {
  return packageManifest().engines.node.replace('>=', '');
}

/**
 * The file that npm links to. A Node that is too old cannot even parse the program. So this file is read first: it uses
 * only JavaScript of 2009, and tells a person what to do.
 */
export function launcherText(needed: string): string {
  const [major = '0', minor = '0'] = needed.split('.');
  return `#!/usr/bin/env node
'use strict';
var found = process.versions.node.split('.');
if (Number(found[0]) < ${major} || (Number(found[0]) === ${major} && Number(found[1]) < ${minor})) {
  process.stderr.write('slicewright needs Node ${needed} or newer, and this is Node ' + process.versions.node + '\\n');
  process.exit(1);
}
require('./start.js');
`;
}

/**
 * commander imports whole modules of Node. As they are written, these imports would make an object with every export of
 * each, for each command. It loads node:child_process for subcommands that are programs of their own. There are none here,
 * and what that module brings with it (sockets, streams) is a good part of a command's start.
 */
const wholeModulesOfNode: Plugin = {
  name: 'whole-modules-of-node',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:(child_process|fs|path|process)$/ }, ({ importer, path }) =>
      importer.includes('/node_modules/commander/') ? { path, namespace: 'whole' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'whole' }, ({ path }) => {
      const whole = path === 'node:child_process' ? '{}' : `process.getBuiltinModule(${JSON.stringify(path)})`;
      return { contents: `export default ${whole};` };
    });
  },
};

/**
 * slicewright uses only one part of the Kubernetes client: reading a kubeconfig's addresses, trust and credentials. The
 * client's kinds, API calls and HTTP client would be five sixths of the code that an agent loads and keeps in memory.
 */
const credentialsAlone: Plugin = {
  name: 'credentials-alone',
  setup({ onResolve, onLoad, resolve }) {
    const inClient = /\/node_modules\/@kubernetes\/client-node\//;
    // The package does not declare that its modules have no effects on loading, although they have none: with this,
    // unused modules are left out.
    onResolve({ filter: /^(@kubernetes\/client-node$|\.)/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === inClient || !(inClient.test(from.importer) || path.startsWith('@'))) return undefined;
      return { ...(await resolve(path, { ...from, pluginData: inClient })), sideEffects: false };
    });
    onResolve({ filter: /^undici$/ }, ({ importer }) =>
      inClient.test(importer) ? { path: 'undici', namespace: 'unused', sideEffects: false } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: ['Agent', 'ProxyAgent', 'fetch'].map((name) => `export const ${name} = undefined;`).join('\n'),
    }));
  },
};

/** Folders of the packages that these files belong to, sorted: `node_modules/commander`. */
export function packagesIn(files: Iterable<string>): string[] {
  const folders = [...files].flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/** Bundled packages keep their licences. */
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
