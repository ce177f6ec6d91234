import { ask } from './ask.ts';
import type { Load, LoadFailure, LoadReport } from './station-protocol.ts';

export interface RunningLoad {
  /** Ends when every connection that was begun has ended. */
  stop(): Promise<LoadReport>;
}

/** Opens new connections all the time until it is told to stop, and keeps count. */
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
      const answer = await ask({ transport: 'tcp', ...target, timeoutMs: load.timeoutMs });
      connections++;
      if (answer.kind === 'answered') {
        const key = `${name} ${answer.by}`;
        answers[key] = (answers[key] ?? 0) + 1;
      } else {
        failures.push({ target: name, startedMs, endedMs: Date.now(), answer });
        // Refusals come back at once: without a pause a broken Service would fill the count.
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
