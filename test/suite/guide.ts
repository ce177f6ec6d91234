import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testCommand, type TestOptions, type TestWorld } from '../../agent/commands/test.ts';
import { systemClock } from '../../agent/loop/clock.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { rewrite } from '../helpers/rewrite.ts';

const original = fileURLToPath(new URL('../../examples/golden', import.meta.url));

/** A copy of the guide's suite, for one test to change. */
export interface Guide {
  readonly root: string;
  path(file: string): string;
  read(file: string): string;
  write(file: string, text: string): void;
  /** Replaces text; the text must be there. */
  edit(file: string, from: string, to: string): void;
  /** Every file's text, by its path in the suite. */
  all(): Readonly<Record<string, string>>;
  remove(): void;
}

export function copyGuide(): Guide {
  const root = mkdtempSync(join(tmpdir(), 'slicewright-suite-'));
  cpSync(original, root, { recursive: true });
  const path = (file: string) => join(root, file);
  const read = (file: string) => readFileSync(path(file), 'utf8');
  return {
    root,
    path,
    read,
    write: (file, text) => rewrite(path(file), text),
    edit(file, from, to) {
      if (!read(file).includes(from)) throw new Error(`${file} has no ${from}`);
      rewrite(path(file), read(file).replace(from, to));
    },
    all: () =>
      Object.fromEntries(
        readdirSync(root, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
          .sort()
          .map((file) => [file, read(file)]),
      ),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Calls the command as a process would, without a terminal and without CI's variables. */
export async function runTest(
  folders: readonly string[],
  options: Partial<TestOptions> = {},
  world: Partial<TestWorld> = {},
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const io = memoryIo();
  const status = await testCommand(folders, { output: 'text', ...options }, io, {
    environment: {},
    clock: systemClock,
    signal: () => new AbortController().signal,
    keys: undefined,
    showsProgress: false,
    folder: '/',
    ...world,
  });
  return { status, ...io.written };
}
