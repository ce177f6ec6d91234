import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { LocalNetwork } from './network.ts';
import { environment } from './processes.ts';

const program = fileURLToPath(new URL('listener.ts', import.meta.url));

/**
 * Listens in a namespace, but serves in this process: a socket belongs to the namespace where it was made, whichever
 * process holds it. So nodes can reach objects of the test as if they were in the namespace.
 */
export async function listenOn(network: LocalNetwork, host: string, address: string, port: number): Promise<Server> {
  const [file, ...enter] = network.enter(host);
  const child = spawn(file, [...enter, process.execPath, program, address, String(port)], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const listened = once(child, 'message').then(([, server]) => server as Server);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`nobody can listen on ${address}:${port} of ${host}: it ended with ${String(code)}`);
  });
  failed.catch(() => {});
  const server = await Promise.race([listened, failed]);
  child.send('taken');
  return server;
}
