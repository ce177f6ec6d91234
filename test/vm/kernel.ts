import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '../netns/processes.ts';

/** A kernel unpacked from its package, not installed. */
export interface Kernel {
  readonly image: string;
  readonly version: string;
  /** Holds `lib/modules/VERSION`, with the indexes that modprobe reads. */
  readonly root: string;
}

/** Packages that depend on the current kernel of Debian and of Ubuntu. Debian's small "cloud" kernel lacks 9p. */
const metapackages = ['linux-image-amd64', 'linux-image-generic'];

/**
 * The distribution's own kernel, fetched once into `cache`; needs no privilege.
 * Throws with the tool's message if it cannot be fetched.
 */
export function fetchKernel(cache: string): Kernel {
  const root = join(cache, 'kernel');
  if (!existsSync(root)) {
    const partial = `${root}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    for (const name of kernelPackages()) call('apt-get', ['download', '-qq', name], partial);
    for (const file of globSync(join(partial, '*.deb'))) {
      call('dpkg', ['-x', file, partial], partial);
      rmSync(file);
    }
    call('depmod', ['-b', partial, versionIn(partial)], partial);
    renameSync(partial, root);
  }
  const version = versionIn(root);
  return { root, version, image: join(root, 'boot', `vmlinuz-${version}`) };
}

/** The image package to which the metapackage leads, and packages that hold its modules separately. */
function kernelPackages(): string[] {
  for (const metapackage of metapackages) {
    const found = dependencies(metapackage).filter((name) => /^linux-(image|modules|modules-extra)-\d/.test(name));
    const image = found.find((name) => name.startsWith('linux-image-'));
    if (image === undefined) continue;
    const modules = dependencies(image).filter((name) => /^linux-modules-\d/.test(name));
    return [...new Set([...found, ...modules])].sort();
  }
  throw new Error(`apt knows none of ${metapackages.join(', ')}: run apt-get update`);
}

function dependencies(name: string): string[] {
  try {
    const text = call('apt-cache', ['depends', '--no-recommends', '--no-suggests', name], '/');
    return [...text.matchAll(/Depends: (\S+)/g)].map((match) => match[1]!);
  } catch {
    return [];
  }
}

function versionIn(root: string): string {
  const [version] = readdirSync(join(root, 'lib', 'modules'));
  if (version === undefined) throw new Error(`the kernel package holds no modules: ${root}`);
  return version;
}

function call(file: string, args: readonly string[], cwd: string): string {
  return execFileSync(file, args, { cwd, env: environment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
