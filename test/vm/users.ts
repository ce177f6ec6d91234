import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * The test files that use the shared machine now: a file named for each network, with the process that opened it.
 */

const folder = fileURLToPath(new URL('../../.cache/vm-users/', import.meta.url));
let count = 0;

/** Marks a network of this process as open; the returned function removes the mark. */
export function enterMachine(): () => void {
  mkdirSync(folder, { recursive: true });
  const file = `${folder}${process.pid}-${count++}`;
  writeFileSync(file, '');
  return () => rmSync(file, { force: true });
}

/** The longest wait; after that, a test that wants the machine for itself shares it. */
const patienceMs = 600_000;

/** Waits until no other test file has a network on the machine. A file whose process has ended does not count. */
export async function untilAlone(): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  while (others() > 0 && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 500));
}

function others(): number {
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder).filter((name) => {
    const pid = Number(name.split('-')[0]);
    return pid !== process.pid && isAlive(pid);
  }).length;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
