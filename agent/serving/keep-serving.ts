import { type Clock, sleep } from '../loop/clock.ts';
import type { Log } from '../telling/log.ts';
import type { BindAddress } from './bind-address.ts';
import type { RunningServer } from './listener.ts';

/** source: kube-proxy restarts its health server this long after a failure */
const againMs = 5_000;

/**
 * Opens a server, and keeps trying while its port is taken: most likely by the agent that this
 * one replaces. Rules do not wait for it.
 *
 * bind      undefined: no server is wanted
 * returns   undefined if it never opened
 */
export async function keepServing(
  name: string,
  bind: BindAddress | undefined,
  open: (bind: BindAddress) => Promise<RunningServer>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  let told = '';
  while (bind !== undefined && !signal.aborted) {
    try {
      const server = await open(bind);
      log.info({ server: name, host: bind.host, port: server.port }, 'listening');
      return server;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== told) log.error({ server: name, host: bind.host, port: bind.port }, `cannot listen: ${problem}`);
      told = problem;
      await sleep(clock, againMs, signal);
    }
  }
  return undefined;
}
