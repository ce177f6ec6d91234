import { ask } from './ask.ts';
import type { Load, LoadFailure, LoadReport } from './station-protocol.ts';

export interface RunningLoad {
  /** Ends when every open connection has ended. */
  stop(): Promise<LoadReport>;
}

/**
 * Each connection has a port that no recent connection had. For two minutes the kernel remembers a
 * connection to a Service that did not exist, translated to nowhere; a connection from the same port
 * then goes nowhere again, whatever the present rules are.
 */
const ports = { first: 10_000, last: 32_000 };
let nextPort = ports.first;

function takePort(): number {
  const port = nextPort;
  nextPort = port < ports.last ? port + 1 : ports.first;
  return port;
}

/** Opens new connections continuously until it is stopped, and counts them. */
export function startLoad(load: Load): RunningLoad {
  let stopped = false;
  let connections = 0;
  const answers: Record<string, number> = {};
  const failures: LoadFailure[] = [];

  async function work(first: number): Promise<void> {
    for (let turn = first; !stopped; turn++) {
      const target = load.targets[turn % load.targets.length];
      if (target === undefined) return;
      const name = target.address.includes(':')
        ? `[${target.address}]:${target.port}`
        : `${target.address}:${target.port}`;
      const startedMs = Date.now();
      const { timeoutMs, resets = false } = load;
      const answer = await ask({ transport: 'tcp', ...target, timeoutMs, resets, fromPort: takePort() });
      connections++;
      if (answer.kind === 'answered') {
        const key = `${name} ${answer.by}`;
        answers[key] = (answers[key] ?? 0) + 1;
      } else {
        failures.push({ target: name, startedMs, endedMs: Date.now(), answer });
        // Refusals come back at once: without a pause, a broken Service would dominate the count.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  const workers = Array.from({ length: load.workers }, (_, i) => work(i));
  return {
    async stop() {
      stopped = true;
      await Promise.all(workers);
      return { connections, answers, failures };
    },
  };
}
