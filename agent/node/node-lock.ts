import { createServer, type Server } from 'node:net';
import { type ChainPrefix, kubePrefix } from '../../compiler/settings.ts';
import { type Clock, sleep } from '../loop/clock.ts';

/**
 * A name in the kernel that one process of a network namespace can hold at a time. The kernel takes
 * it back when the process ends, however it ends, so nothing is left over and nothing goes stale.
 * One per prefix: agents that make chains of different names are not in each other's way.
 */
export function lockNameOf(prefix: ChainPrefix): string {
  return prefix === kubePrefix ? '\0slicewright-agent' : `\0slicewright-agent-${prefix}`;
}

export interface AgentLock {
  release(): Promise<void>;
}

/**
 * Waits until no other agent works on this network namespace: two with different ideas would undo
 * each other's work for ever. While an update replaces one by the next, the next waits here.
 *
 * clock    what waits between two tries
 * name     what one process holds at a time; see lockNameOf
 * onWait   told once, when another one is there
 * returns  undefined when the signal was aborted first
 */
export async function lockNode(
  onWait: () => void,
  signal: AbortSignal,
  clock: Clock,
  { name, retryMs = 500 }: { readonly name: string; readonly retryMs?: number },
): Promise<AgentLock | undefined> {
  let hasTold = false;
  while (!signal.aborted) {
    const server = await tryListen(name);
    if (server !== undefined) {
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    if (!hasTold) onWait();
    hasTold = true;
    await sleep(clock, retryMs, signal);
  }
  return undefined;
}

/** undefined: somebody else has it. */
function tryListen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    // Later ones are heard too, and are nothing: an accept that failed must not end the agent.
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      // Holding the name alone keeps no process alive.
      server.unref();
      resolve(server);
    });
  });
}
