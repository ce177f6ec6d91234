// Rules about the files themselves: folders explain themselves, nothing names a machine, and the
// lock file holds for any registry.
import type { Breach } from './imports.ts';

/** Folders that hold code, or are one golden case, without a README.md. */
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

// Paths that exist on one machine only. Container and host paths that mean the same everywhere are fine.
const machinePath = /(^|[\s"'`(=:])\/(work|root|home|Users)\//;

/** Lines that name a place on one machine. */
export function machinePathBreaches(file: string, text: string): readonly Breach[] {
  return text.split('\n').flatMap((line, index) => {
    const found = machinePath.exec(line);
    return found === null
      ? []
      : [{ file, line: index + 1, message: `names a path of one machine: ${line.trim().slice(0, 80)}` }];
  });
}

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly resolved?: string; readonly integrity?: string; readonly link?: boolean }>
  >;
}

/**
 * Packages that name where they were fetched from, which ties every installation to that registry, or that have
 * no checksum, which would make the place all that vouches for them.
 */
export function lockBreaches(text: string): readonly Breach[] {
  const { packages } = JSON.parse(text) as LockFile;
  return Object.entries(packages).flatMap(([name, entry]) => {
    const lines: string[] = [];
    if (entry.resolved !== undefined) lines.push(`${name} names its registry`);
    if (name !== '' && entry.link !== true && entry.integrity === undefined) lines.push(`${name} has no checksum`);
    return lines.map((message) => ({ file: 'package-lock.json', line: 1, message }));
  });
}
