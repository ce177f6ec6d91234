import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';

/** In such a folder other users may make files, and remove only their own: `/tmp`. */
const sticky = 0o1000;
const othersWrite = 0o022;

/**
 * The folder to keep compiled code in. Such code runs with this process's rights the next time, so it is only kept in the
 * user's own cache folder, and only if no other user but root could put a file there or another folder in its place: the path
 * is the real one, without links, and no other user can replace a folder on it. If `slicewright` itself is a link, it is never
 * followed.
 *
 * uid      of this process
 * returns  undefined: nothing is kept, as for root with another user's home
 */
export function compileCacheFolder(
  { HOME, XDG_CACHE_HOME }: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): string | undefined {
  const caches = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
  const real = caches && isAbsolute(caches) && realFolder(caches);
  if (!real || uid === undefined || !isSafe(real, uid)) return undefined;
  const folder = join(real, 'slicewright');
  const found = statusOf(folder);
  return found === undefined || isOwn(found, uid) ? folder : undefined;
}

/** The folder without links; one that is not there yet, in the real folder where it would be made. */
function realFolder(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // A link that leads nowhere is not a folder yet to be made.
    if (statusOf(path) !== undefined) return undefined;
  }
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return undefined;
  }
}

/** Owned by this user, or to be made in such a folder; the folders above it belong to this user or root. */
function isSafe(folder: string, uid: number): boolean {
  const found = statusOf(folder);
  if (found === undefined) return statusOf(dirname(folder)) !== undefined && isSafe(dirname(folder), uid);
  if (!isOwn(found, uid)) return false;
  for (let above = dirname(folder); ; above = dirname(above)) {
    const status = statusOf(above);
    if (status === undefined || (status.uid !== uid && status.uid !== 0)) return false;
    if ((status.mode & othersWrite) !== 0 && (status.mode & sticky) === 0) return false;
    if (above === dirname(above)) return true;
  }
}

function isOwn(found: Stats, uid: number): boolean {
  return found.isDirectory() && found.uid === uid && (found.mode & othersWrite) === 0;
}

/** undefined: missing, or not readable for this user, as the home of another user who ran sudo may be. */
function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
