// Rules about the files themselves: folders have READMEs, no file names a machine, and the
// lock file works with any registry.
import type { Breach } from './imports.ts';

/** Folders without a README.md that hold code, or are one golden case. */
export function folderBreaches(files: readonly string[]): readonly Breach[] {
  const known = new Set(files);
  const folders = new Set(files.filter(needsReadme).map((file) => file.slice(0, file.lastIndexOf('/'))));
  return [...folders]
    .filter((folder) => !known.has(`${folder}/README.md`))
    .sort()
    .map((folder) => ({ file: `${folder}/README.md`, line: 1, message: 'is missing: what for, may import, start at' }));
}

function needsReadme(file: string): boolean {
  return /\/[^/]*\.ts$/.test(file) && !file.endsWith('.hbs.ts') ? true : /^golden\/[^/]+\/objects\.yaml$/.test(file);
}

// Paths that exist on one machine only. Container and host paths that mean the same everywhere are allowed.
const machinePath = /(^|[\s"'`(=:])\/(work|root|home|Users)\//;

/** Lines that contain such a path. */
export function machinePathBreaches(file: string, text: string): readonly Breach[] {
  return text.split('\n').flatMap((line, index) => {
    const found = machinePath.exec(line);
    return found === null
      ? []
      : [{ file, line: index + 1, message: `names a path of one machine: ${line.trim().slice(0, 80)}` }];
  });
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, Manifest & { readonly resolved?: string; readonly integrity?: string; readonly link?: boolean }>
  >;
}

/**
 * Three faults of the lock file: a package names the place that it was fetched from, which ties every installation to
 * that registry; a package has no checksum, so that only this place vouches for it; or the lock file was made for
 * another package.json, so that set-up would quietly install something other than the tested versions.
 */
export function lockBreaches(lockText: string, manifestText: string): readonly Breach[] {
  const { packages } = JSON.parse(lockText) as LockFile;
  const messages = Object.entries(packages).flatMap(([name, entry]) => {
    if (name === '' || entry.link === true) return [];
    const registry = entry.resolved === undefined ? [] : [`${name} names its registry`];
    return entry.integrity === undefined ? [...registry, `${name} has no checksum`] : registry;
  });
  if (wantedText(packages['']) !== wantedText(JSON.parse(manifestText) as Manifest)) {
    messages.push('does not fit package.json: npm install --package-lock-only');
  }
  return messages.map((message) => ({ file: 'package-lock.json', line: 1, message }));
}

function wantedText({ dependencies = {}, devDependencies = {} }: Manifest = {}): string {
  const sorted = [dependencies, devDependencies].map((wanted) =>
    Object.keys(wanted)
      .sort()
      .map((name) => [name, wanted[name]]),
  );
  return JSON.stringify(sorted);
}
