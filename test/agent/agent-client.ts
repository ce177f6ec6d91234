import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoopTimes } from '../../agent/loop/family-loop.ts';
import { environment } from '../netns/processes.ts';

export interface ProcessOptions {
  /** The command that starts another command on the node. */
  readonly enter: readonly [string, ...string[]];
  /** URLs of API servers. */
  readonly own: string;
  readonly others: Readonly<Record<string, string>>;
  readonly times: Partial<LoopTimes>;
  /** The backend's name; absent: iptables. */
  readonly mode?: string;
  /** The process is loaded but does nothing until `go`, like an agent that waits for the node's lock. */
  readonly waits?: boolean;
}

export type ProcessRequest = { readonly kind: 'memory' | 'stop' | 'go' };
export type ProcessReply =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'synced'; readonly depth: 'full' | 'delta'; readonly latenciesMs: readonly number[] }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'memory'; readonly bytes: number };

/** An agent in a process of its own. */
export interface AgentProcess {
  /** Bytes in use on its heap. */
  memory(): Promise<number>;
  /** Starts the work of an agent that waits. */
  go(): void;
  stop(): Promise<void>;
  /** Kills it as an out-of-memory killer would. */
  kill(): Promise<void>;
}

const program = fileURLToPath(new URL('agent-process.ts', import.meta.url));

export function startAgentProcess(options: ProcessOptions, onReply: (reply: ProcessReply) => void): AgentProcess {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const waiting: ((bytes: number) => void)[] = [];
  child.on('message', (message) => {
    const reply = message as ProcessReply;
    if (reply.kind === 'memory') waiting.shift()?.(reply.bytes);
    else onReply(reply);
  });
  return {
    memory: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.send({ kind: 'memory' } satisfies ProcessRequest);
      }),
    go: () => void child.send({ kind: 'go' } satisfies ProcessRequest),
    async stop() {
      child.send({ kind: 'stop' } satisfies ProcessRequest);
      await exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
