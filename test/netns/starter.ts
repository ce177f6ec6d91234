import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CommandResult, Run } from '../../backends/command.ts';
import { environment } from './processes.ts';

/** A process that stays in a namespace and starts commands there. */
export interface Starter {
  /** Each command is killed after `limitMs`, or up to a second later. */
  run(limitMs: number): Run;
  /** Kills the commands that still run. */
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('starter.pl', import.meta.url));

/** enter: the command that starts another one in the namespace. */
export function openStarter([file, ...args]: readonly [string, ...string[]]): Starter {
  const child = spawn(file, [...args, 'perl', program], {
    env: environment,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<CommandResult>>();
  let lastId = 0;
  let complaints = '';
  let isOver = false;
  const replies = createReplyReader(({ id, result }) => {
    waiting.get(id)?.resolve(result);
    waiting.delete(id);
  });
  child.stdout.on('data', replies);
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  // `close`, which comes after the last reply, reports why it ended.
  child.stdin.on('error', () => {});
  child.on('error', (error) => (complaints += error.message));
  child.on('close', () => {
    isOver = true;
    for (const wait of waiting.values()) wait.reject(gone());
    waiting.clear();
  });
  const gone = () => new Error(`the process that starts commands in the namespace ended: ${complaints.trim()}`);

  return {
    run: (limitMs) => (name, words, input) => {
      if (isOver) return Promise.reject(gone());
      const id = ++lastId;
      const wait = Promise.withResolvers<CommandResult>();
      waiting.set(id, wait);
      child.stdin.write(requestOf(id, Math.ceil(limitMs / 1000), [name, ...words, input ?? '']));
      return wait.promise;
    },
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}

/** A line and the bytes whose number it gives; see the program. */
function requestOf(id: number, limitSeconds: number, texts: readonly string[]): Buffer {
  const parts = texts.map((text) => Buffer.from(text, 'utf8'));
  return Buffer.concat([
    Buffer.from(`${[id, limitSeconds, ...parts.map(({ length }) => length)].join(' ')}\n`),
    ...parts,
  ]);
}

interface Reply {
  readonly id: number;
  readonly result: CommandResult;
}

/** Takes bytes as they arrive and calls `take` for each complete reply. */
function createReplyReader(take: (reply: Reply) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let length = 0;
  let needed = 0;
  return (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < needed) return;
    let rest = Buffer.concat(chunks);
    for (;;) {
      const lineEnd = rest.indexOf('\n');
      if (lineEnd === -1) break;
      const [id = '', status = '', ...lengths] = rest.toString('latin1', 0, lineEnd).split(' ');
      const [stdoutLength = 0, stderrLength = 0] = lengths.map(Number);
      const stderrStart = lineEnd + 1 + stdoutLength;
      needed = stderrStart + stderrLength;
      if (rest.length < needed) break;
      const stdout = rest.toString('utf8', lineEnd + 1, stderrStart);
      const stderr = rest.toString('utf8', stderrStart, needed);
      take({ id: Number(id), result: resultOf(status, stdout, stderr) });
      rest = rest.subarray(needed);
      needed = 0;
    }
    chunks = [rest];
    length = rest.length;
  };
}

function resultOf(status: string, stdout: string, stderr: string): CommandResult {
  switch (status) {
    case 'not-found':
    case 'no-permission':
    case 'timeout':
    case 'killed':
      return { exitCode: undefined, stdout, stderr, failure: status };
    default:
      return { exitCode: Number(status), stdout, stderr };
  }
}
