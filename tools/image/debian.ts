import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { execa } from 'execa';
import { treeOf, type Tree } from './entry.ts';

/** Debian's name; npm and OCI use other names for some. */
export type Architecture = 'amd64' | 'arm64';

/** A package, as its .deb describes it. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The whole control paragraph, as dpkg keeps it. */
  readonly control: string;
  readonly tree: Tree;
}

/** Debian's own lists on this machine, in the order in which apt reads them. Other sources of apt are not used. */
const sourceFiles = [
  '/etc/apt/sources.list',
  '/etc/apt/sources.list.d/debian.sources',
  '/etc/apt/sources.list.d/ubuntu.sources',
];

/**
 * Packages with all their dependencies, for any architecture: nothing is installed, and none of their scripts runs. apt
 * chooses, fetches and verifies, from this machine's sources and with its keys, as for a machine without any package.
 *
 * folder   where apt keeps lists and packages; the next time it fetches only what is new
 * returns  the packages, by name
 */
export async function fetchDebian(
  names: readonly string[],
  architecture: Architecture,
  folder: string,
): Promise<DebianPackage[]> {
  const apt = await emptyMachine(architecture, resolve(folder));
  await apt(['update']);
  // apt prints only packages that it would fetch, so it is given an empty folder.
  const { stdout } = await apt([
    'install',
    '--print-uris',
    '-o',
    `Dir::Cache::archives=${resolve(folder, 'empty')}`,
    ...names,
  ]);
  await apt(['install', '--download-only', ...names]);
  // 'http://…/cat_1_amd64.deb' cat_1_amd64.deb 123 MD5Sum:…
  const files = [...stdout.matchAll(/^'[^']+' (\S+\.deb) /gm)].map(([, name = '']) => name);
  const packages = await Promise.all(files.map((name) => readDeb(join(folder, 'archives', name))));
  return packages.sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function emptyMachine(architecture: Architecture, folder: string) {
  const at = (name: string) => join(folder, name);
  for (const name of ['lists/partial', 'archives/partial', 'empty/partial', 'sources'])
    mkdirSync(at(name), { recursive: true });
  const sources = sourceFiles.filter((path) => existsSync(path));
  if (sources.length === 0) throw new Error(`apt has no sources of Debian here: none of ${sourceFiles.join(', ')}`);
  for (const path of sources)
    copyFileSync(path, join(at('sources'), basename(path).replace(/^sources\.list$/, 'main.list')));
  writeFileSync(at('status'), '');
  const options = {
    'Dir::State': folder,
    'Dir::State::lists': at('lists'),
    'Dir::State::status': at('status'),
    'Dir::State::extended_states': at('extended_states'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': at('archives'),
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': at('sources'),
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const words = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return (command: readonly string[]) =>
    execa('apt-get', ['-y', '-qq', ...words, ...command], { env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' } });
}

async function readDeb(path: string): Promise<DebianPackage> {
  const [{ stdout: control }, { stdout: tar }] = await Promise.all([
    execa('dpkg-deb', ['--field', path]),
    execa('dpkg-deb', ['--fsys-tarfile', path], { encoding: 'buffer', maxBuffer: 1 << 30 }),
  ]);
  const [name, version, architecture] = ['Package', 'Version', 'Architecture'].map((field) => fieldOf(control, field));
  if (name === undefined || version === undefined || architecture === undefined) throw new Error(`${path} has no name`);
  return { name, version, architecture, control, tree: await treeOf(tar) };
}

/** One line of a control paragraph. */
export function fieldOf(control: string, field: string): string | undefined {
  return new RegExp(`^${field}: (.*)$`, 'm').exec(control)?.[1];
}
