import { posix } from 'node:path';
import type { DebianPackage } from './debian.ts';
import { elfNeeds } from './elf.ts';
import { type Entry, link, type Tree } from './entry.ts';

/*
 * An image of whole packages is four times as large: iproute2 alone brings perl, through debconf. So the image contains
 * only the programs that slicewright starts, the libraries that their ELF headers name, and a few files that they read.
 * If no package has such a library, the build fails, for any architecture, without starting a program.
 */

/** The files wanted from Debian's packages. */
export interface Wanted {
  /** Names in `bin` and `sbin`. */
  readonly programs: readonly string[];
  /** Files that programs and libraries read or load by themselves. */
  readonly files: readonly RegExp[];
  /** Programs from elsewhere that use Debian's libraries. */
  readonly others: readonly Uint8Array[];
}

export interface Selection {
  /** The packages from which a file was taken. */
  readonly packages: readonly DebianPackage[];
  readonly tree: Tree;
}

/** throws  if no package has a wanted program, or a library that a program needs */
export function selectFiles(packages: readonly DebianPackage[], wanted: Wanted): Selection {
  const all = new Map(
    packages.flatMap((owner) => [...owner.tree].map(([path, entry]) => [mergedPath(path), { owner, entry }] as const)),
  );
  const libraries = librariesIn(all.keys());
  const taken = new Map<string, Entry>();
  const owners = new Set<DebianPackage>();

  function take(path: string, why: string): void {
    if (taken.has(path)) return;
    const found = all.get(path);
    if (found === undefined) throw new Error(`${why} needs ${path}, which is in no package`);
    const { owner, entry } = found;
    taken.set(path, entry);
    if (entry.kind === 'folder') return;
    if (!owners.has(owner)) {
      owners.add(owner);
      takeCopyright(`usr/share/doc/${owner.name}`);
    }
    if (entry.kind === 'link') take(linkedPath(path, entry.target), `/${path}`);
    else takeNeeds(entry.bytes, `/${path}`);
  }

  function takeNeeds(bytes: Uint8Array, why: string): void {
    const { interpreter, libraries: needed = [] } = elfNeeds(bytes) ?? {};
    if (interpreter !== undefined) take(mergedPath(interpreter.slice(1)), why);
    for (const name of needed) take(libraries.get(name) ?? name, why);
  }

  /** A licence goes with its package. Packages of one source often link to the folder of one of them. */
  function takeCopyright(documents: string): void {
    const found = all.get(documents)?.entry;
    if (found?.kind === 'link') {
      taken.set(documents, found);
      takeCopyright(linkedPath(documents, found.target));
    } else take(`${documents}/copyright`, documents);
  }

  const programs = new Map(
    [...all.keys()].flatMap((path) => (programPath.test(path) ? [[posix.basename(path), path]] : [])),
  );
  for (const name of wanted.programs) take(programs.get(name) ?? name, 'the image');
  for (const path of all.keys()) if (wanted.files.some((pattern) => pattern.test(path))) take(path, 'the image');
  for (const bytes of wanted.others) takeNeeds(bytes, 'a program of others');
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) {
    if ([...taken.keys()].some((path) => path.startsWith(`usr/${name}/`))) taken.set(name, link(`usr/${name}`));
  }
  return { packages: packages.filter((each) => owners.has(each)), tree: taken };
}

const programPath = /^usr\/s?bin\/[^/]+$/;

/** Libraries by the names that ELF headers use, from the loader's own folders, which it searches without a cache. */
function librariesIn(paths: Iterable<string>): ReadonlyMap<string, string> {
  const found = [...paths].filter((path) => /^usr\/lib(64)?\/([^/]+-linux-gnu\/)?[^/]+\.so[^/]*$/.test(path));
  return new Map(found.map((path) => [posix.basename(path), path]));
}

/** Packages from before the merge of /usr still use /bin and /lib, which are links in every later Debian. */
export function mergedPath(path: string): string {
  return path.replace(/^(bin|sbin|lib|lib64)(?=\/)/, 'usr/$1');
}

/** Where a link leads, as a path from the root. */
export function linkedPath(path: string, target: string): string {
  const absolute = target.startsWith('/') ? target : posix.join('/', posix.dirname(path), target);
  return mergedPath(posix.normalize(absolute).slice(1));
}
