// The import rule: which folder may import which, and what the pure part must not use.

/** One breach of a rule of the project, as it is shown to a person. */
export interface Breach {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

interface Import {
  readonly line: number;
  readonly from: string;
  readonly typeOnly: boolean;
}

interface Layer {
  /** Files whose path starts with this; the first layer that matches a file applies. */
  readonly of: string;
  /** The folders that they may import besides their own. */
  readonly mayImport: readonly string[];
  readonly packages: 'any' | ReadonlySet<string>;
}

// zod parses a saved plan, diff compares lists of lines: both are functions of their arguments.
const purePackages = new Set(['node:net', 'node:crypto', 'handlebars/runtime.js', 'zod', 'diff']);

// The files directly in backends/ are the contract and the code that joins backends; backends share these folders.
const neutral = ['equivalence', 'host', 'planning', 'plane'].map((room) => `backends/${room}/`).concat('backends/*');

// compiler/ <- backends/netfilter/ <- backends/iptables/, backends/ipvs/ <- agent/
const layers: readonly Layer[] = [
  // It loads node:crypto by a function of node:process, because an import would load it for every command.
  { of: 'compiler/values/sha256.ts', mayImport: [], packages: new Set(['node:process']) },
  { of: 'compiler/', mayImport: [], packages: new Set(['node:net']) },
  { of: 'backends/run.ts', mayImport: ['backends/'], packages: 'any' },
  { of: 'backends/child.ts', mayImport: [], packages: 'any' },
  { of: 'backends/output-file.ts', mayImport: [], packages: 'any' },
  { of: 'backends/netfilter/', mayImport: ['compiler/', ...neutral], packages: purePackages },
  { of: 'backends/iptables/', mayImport: ['compiler/', 'backends/netfilter/', ...neutral], packages: purePackages },
  { of: 'backends/ipvs/', mayImport: ['compiler/', 'backends/netfilter/', ...neutral], packages: purePackages },
  { of: 'backends/nftables/', mayImport: ['compiler/', ...neutral], packages: purePackages },
  ...['equivalence', 'host', 'planning', 'plane'].map((folder) => ({
    of: `backends/${folder}/`,
    mayImport: ['compiler/', ...neutral],
    packages: purePackages,
  })),
  { of: 'backends/', mayImport: ['compiler/', 'backends/'], packages: purePackages },
  // Only the command line knows every command.
  ...['agent/cli.ts', 'agent/command-line/'].map((of) => ({
    of,
    mayImport: ['compiler/', 'backends/', 'agent/', 'controller/cli.ts', 'package.json'],
    packages: 'any' as const,
  })),
  // The version is written in one place.
  {
    of: 'agent/',
    mayImport: ['compiler/', ...neutral, 'package.json'],
    packages: 'any',
  },
  { of: 'controller/core/', mayImport: ['compiler/'], packages: purePackages },
  // Beside the agent, not under it: it shares the agent's code for reading API servers and for reporting a process's
  // state.
  {
    of: 'controller/',
    mayImport: [
      'compiler/',
      ...['sources', 'serving', 'terminal', 'input', 'telling'].map((room) => `agent/${room}/`),
      'agent/config/registry-watch.ts',
      'agent/loop/clock.ts',
      'agent/commands/failures.ts',
      'package.json',
    ],
    packages: 'any',
  },
];

/** Signs of a clock, randomness, a process or a log in code, and of a text order that depends on the machine. */
const impure =
  /\b(Date\.now|new Date\b|performance\.|Math\.random|randomUUID|randomBytes|process\.|console\.|setTimeout|setInterval|localeCompare|toLocale\w+|Intl\.|globalThis)/;

/** Folders that must not name a backend: a new backend needs no change there. */
const nameless = /^(agent|golden|tools)\//;

/** The configuration has keys of kube-proxy's modes by name, and kube-proxy's defaults for them. */
const valueLists = new Set(['agent/config/keys.ts', 'agent/config/agent.ts']);

/** The name of a backend as a value of its own. */
const backendName = /'(iptables|ipvs|nftables|toy)'/;

/** Places that name a backend and should not. */
export function nameBreaches(file: string, source: string): readonly Breach[] {
  if (!nameless.test(file) || testing.test(file) || valueLists.has(file) || file.startsWith('tools/check/')) return [];
  return source.split('\n').flatMap((text, index) => {
    const found = backendName.exec(text);
    if (found === null) return [];
    return [
      { file, line: index + 1, message: `knows the backend ${found[1]} by name: ask the list in backends/index.ts` },
    ];
  });
}

/** Tests and their helpers: they may import anything, and no other code may import them. */
const testing = /\.(test|fixture)\.ts$/;

/** Files in these folders are test code too: the folders have no other purpose. */
function isTesting(file: string): boolean {
  return testing.test(file) || file.startsWith('test/') || file.startsWith('golden/');
}

/**
 * Breaches of the import rule in one source file.
 *
 * file    path from the project's root
 * source  its text
 */
export function importBreaches(file: string, source: string): readonly Breach[] {
  if (isTesting(file)) return [];
  const layer = layers.find(({ of }) => file.startsWith(of));
  if (layer === undefined) return importsOfTests(file, source);
  const breaches: Breach[] = [];
  for (const { line, from, typeOnly } of importsOf(source)) {
    if (from.startsWith('.')) {
      const target = resolve(file, from);
      if (!mayImport(layer, target)) breaches.push({ file, line, message: `${layer.of} may not import ${target}` });
    } else if (layer.packages !== 'any' && !layer.packages.has(from) && !typeOnly) {
      breaches.push({ file, line, message: `${layer.of} may not import ${from} at run time` });
    }
  }
  if (layer.packages !== 'any') breaches.push(...impureLines(file, source));
  return [...breaches, ...serverLines(file, source)];
}

/** The only place that serves HTTP: here are the limits that keep a client from bringing the agent down. */
const listener = 'agent/serving/listener.ts';

function serverLines(file: string, source: string): readonly Breach[] {
  const found = /import[^;]*\bcreateServer\b[^;]*'node:http[s2]?'/.exec(source);
  if (found === null || file === listener) return [];
  const line = source.slice(0, found.index + found[0].length).split('\n').length;
  return [{ file, line, message: `servers for HTTP are opened by openListener (${listener})` }];
}

/** For a file that belongs to no layer: a tool. */
function importsOfTests(file: string, source: string): Breach[] {
  return importsOf(source)
    .map(({ line, from }) => ({ line, target: from.startsWith('.') ? resolve(file, from) : from }))
    .filter(({ target }) => testing.test(target))
    .map(({ line, target }) => ({ file, line, message: `only tests may import ${target}` }));
}

/**
 * Files of the agent that only tests use, but whose names do not show this.
 *
 * sources  the text of every source file, by its path from the project's root
 */
export function fixtureBreaches(sources: ReadonlyMap<string, string>): readonly Breach[] {
  const users = new Map<string, string[]>();
  for (const [file, source] of sources) {
    for (const { from } of importsOf(source)) {
      if (!from.startsWith('.')) continue;
      const target = resolve(file, from);
      users.set(target, [...(users.get(target) ?? []), file]);
    }
  }
  return [...users]
    .filter(([file, by]) => file.startsWith('agent/') && !isTesting(file) && by.every(isTesting))
    .map(([file]) => ({ file, line: 1, message: 'only tests import it: its name ends with .fixture.ts' }));
}

/** The files that a file imports, paths from the project's root. */
export function relativeImports(
  file: string,
  source: string,
): readonly { readonly target: string; readonly line: number }[] {
  return importsOf(source)
    .filter(({ from }) => from.startsWith('.'))
    .map(({ from, line }) => ({ target: resolve(file, from), line }));
}

function mayImport(layer: Layer, target: string): boolean {
  if (testing.test(target)) return false;
  if (target.startsWith(layer.of)) return true;
  return layer.mayImport.some((allowed) =>
    allowed.endsWith('/*') ? isDirectlyIn(target, allowed.slice(0, -1)) : target.startsWith(allowed),
  );
}

function isDirectlyIn(file: string, folder: string): boolean {
  return file.startsWith(folder) && !file.slice(folder.length).includes('/');
}

function impureLines(file: string, source: string): Breach[] {
  return source.split('\n').flatMap((text, index) => {
    const found = impure.exec(text.replace(/^\s*(\/\/|\*|\/\*).*/, ''));
    return found === null ? [] : [{ file, line: index + 1, message: `"${found[1]}" has no place in pure code` }];
  });
}

/** Static, dynamic and re-exporting imports; an import that spans lines counts at the line that names its module. */
function importsOf(source: string): readonly Import[] {
  const found: Import[] = [];
  const pattern =
    /^\s*(import|export)\b([^;'"()]*?)\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
  for (const match of source.matchAll(pattern)) {
    const from = match[3] ?? match[4] ?? match[5] ?? '';
    const line = source.slice(0, match.index + match[0].length).split('\n').length;
    found.push({ line, from, typeOnly: /^\s*type\b/.test(match[2] ?? '') });
  }
  return found;
}

function resolve(file: string, relative: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of relative.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}
