import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LocalNetwork } from '../netns/network.ts';
import { endsWithUs, environment } from '../netns/processes.ts';

const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));

/** `slicewright` as a process on the node. */
export interface NodeCommand {
  readonly child: ChildProcess;
  /** Its standard error so far. */
  said(): string;
  readonly exited: Promise<number | null>;
}

interface StartOptions {
  /** A file descriptor to write standard error to, instead of `said`. */
  readonly stderr?: number | 'pipe';
  /** The command that starts it, such as `prlimit --nofile=40`. */
  readonly before?: readonly string[];
  /** Options of Node. */
  readonly flags?: readonly string[];
}

export function startOnNode(
  network: LocalNetwork,
  args: readonly string[],
  { stderr = 'pipe', before = [], flags = [] }: StartOptions = {},
): NodeCommand {
  const [file, ...enter] = network.enter('member2-node');
  const child = spawn(file, [...enter, ...before, ...endsWithUs, process.execPath, ...flags, program, ...args], {
    env: environment,
    stdio: ['ignore', 'ignore', stderr],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return { child, said: () => said, exited };
}
