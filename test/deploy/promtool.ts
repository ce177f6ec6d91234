import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `make setup` puts promtool here if it is not in PATH. */
const own = fileURLToPath(new URL('../../.tools/prometheus/promtool', import.meta.url));

/** Why promtool cannot be run; undefined: it can. */
export function lacksPromtool(): string | undefined {
  try {
    execFileSync(program(), ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'the program promtool is missing (make setup brings it, Debian package prometheus has it)';
  }
}

function program(): string {
  return existsSync(own) ? own : 'promtool';
}

/**
 * The output of promtool for files, in a separate folder.
 *
 * files   text by name
 * throws  Error with promtool's output, where it found a fault
 */
export function promtool(files: Readonly<Record<string, string>>, ...args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-promtool-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return execFileSync(program(), args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
