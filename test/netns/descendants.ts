import { existsSync, readFileSync } from 'node:fs';

/** All processes that a process started, and those started by them: all must be gone when it is gone. */
export function descendantsOf(pid: number | undefined): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

/** A dead process stays as a zombie until the process that inherited it collects it. */
export function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/status`;
  return existsSync(path) && !/^State:\s+Z/m.test(readFileSync(path, 'utf8'));
}
