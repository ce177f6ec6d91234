import { packTar, unpackTar } from 'modern-tar';

/** One entry of the image's file system. Owner and group are root everywhere. */
export type Entry =
  | { readonly kind: 'file'; readonly mode: number; readonly mtime: number; readonly bytes: Uint8Array }
  | { readonly kind: 'link'; readonly mtime: number; readonly target: string }
  | { readonly kind: 'folder'; readonly mode: number; readonly mtime: number };

/** By path from the root, without a slash at either end: `usr/bin/ls`. */
export type Tree = ReadonlyMap<string, Entry>;

export function file(content: string | Uint8Array, mtime: number, mode = 0o644): Entry {
  return {
    kind: 'file',
    mode,
    mtime,
    bytes: typeof content === 'string' ? new TextEncoder().encode(content) : content,
  };
}

export const link = (target: string): Entry => ({ kind: 'link', mtime: 0, target });

export const folder = (mode = 0o755): Entry => ({ kind: 'folder', mode, mtime: 0 });

/**
 * The same bytes for the same tree, whatever the order in which it was made: sorted, with every folder above a path,
 * and without owners' names.
 */
export async function tarOf(tree: Tree): Promise<Uint8Array> {
  const whole = new Map(tree);
  for (const path of tree.keys()) {
    for (const above of foldersAbove(path)) if (!whole.has(above)) whole.set(above, folder());
  }
  const sorted = [...whole].sort(([one], [other]) => (one < other ? -1 : 1));
  return packTar(
    sorted.map(([path, entry]) => {
      const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(entry.mtime * 1000) };
      switch (entry.kind) {
        case 'file':
          return {
            header: { name: path, type: 'file' as const, mode: entry.mode, size: entry.bytes.length, ...owner },
            body: entry.bytes,
          };
        case 'link':
          return {
            header: { name: path, type: 'symlink' as const, mode: 0o777, size: 0, linkname: entry.target, ...owner },
          };
        case 'folder':
          return { header: { name: `${path}/`, type: 'directory' as const, mode: entry.mode, size: 0, ...owner } };
      }
    }),
  );
}

/** throws  for devices and other entries that no package of the image has */
export async function treeOf(tar: Uint8Array): Promise<Tree> {
  const tree = new Map<string, Entry>();
  for (const { header, data } of await unpackTar(tar)) {
    const path = plainPath(header.name);
    if (path !== '') tree.set(path, entryOf(header, data, tree));
  }
  return tree;
}

type Unpacked = Awaited<ReturnType<typeof unpackTar>>[number];

function entryOf(
  { type, name, mode = 0o644, mtime, linkname = '' }: Unpacked['header'],
  data: Unpacked['data'],
  tree: Tree,
): Entry {
  const seconds = Math.floor((mtime?.getTime() ?? 0) / 1000);
  switch (type) {
    case 'file':
      return { kind: 'file', mode, mtime: seconds, bytes: data ?? new Uint8Array() };
    case 'symlink':
      return { kind: 'link', mtime: seconds, target: linkname };
    case 'directory':
      return { kind: 'folder', mode, mtime: seconds };
    case 'link': {
      const linked = tree.get(plainPath(linkname));
      if (linked === undefined) throw new Error(`${name} is a hard link to ${linkname}, which is not before it`);
      return linked;
    }
    default:
      throw new Error(`${name} is a ${type}: an image has files, links and folders`);
  }
}

function plainPath(name: string): string {
  return name
    .replace(/^\.?\/+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
}

function foldersAbove(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}
