import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * Kills these processes and waits until they have ended. A test that failed leaves them running, and its second try then
 * finds a lock that is held or a port that is taken.
 */
export async function endAll(children: Set<ChildProcess>): Promise<void> {
  const running = [...children].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  children.clear();
  await Promise.all(
    running.map((child) => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      return exited;
    }),
  );
}
