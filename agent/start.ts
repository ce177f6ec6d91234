/**
 * Where `slicewright` starts: lets Node keep compiled code between runs, a sixth of a command's time,
 * then reads the command line.
 *
 * What is kept runs with our rights the next time. So it is kept only in the user's own cache folder,
 * below folders that nobody else can write to, and not at all for root with another user's home.
 * NODE_DISABLE_COMPILE_CACHE=1 switches it off.
 */
import { type Stats, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';

// Node would take the certificate of every server then, an identity provider's too. Nobody asks for that by a variable here:
// a kubeconfig says so for its own server.
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];

const { HOME, XDG_CACHE_HOME } = process.env;
const caches = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'));
if (caches && isOursAlone(caches)) enableCompileCache(join(caches, 'slicewright'));

void import('./cli.ts');

/** Whether a folder, or the one that it would be made in, belongs to us and only we can write to it. */
function isOursAlone(folder: string): boolean {
  const found = statusOf(folder) ?? statusOf(dirname(folder));
  return found !== undefined && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** undefined: not there, or not for us to see, as the home of whoever ran sudo may be. */
function statusOf(folder: string): Stats | undefined {
  try {
    return statSync(folder);
  } catch {
    return undefined;
  }
}
