import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { environment } from './processes.ts';
import type { Answer, Load, LoadReport, Question, Reply, Request, Server } from './station-protocol.ts';

/** The part of a test that acts inside a namespace. */
export interface Station {
  /** Resolves once clients can reach it. */
  serve(server: Server): Promise<void>;
  ask(question: Question): Promise<Answer>;
  /** Opens connections continuously, until {@link stopLoad}. */
  startLoad(load: Load): Promise<void>;
  stopLoad(): Promise<LoadReport>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('station.ts', import.meta.url));

/** enter: the command that starts another one in the namespace. */
export async function openStation([file, ...args]: readonly [string, ...string[]]): Promise<Station> {
  const child = spawn(file, [...args, process.execPath, program], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  child.on('message', (message) => {
    const reply = message as Reply;
    const wait = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.kind === 'done') wait?.resolve(reply.value);
    else wait?.reject(new Error(reply.message));
  });
  child.on('exit', () => {
    for (const wait of waiting.values()) wait.reject(new Error('the process in the namespace ended'));
    waiting.clear();
  });

  function request(what: Request): Promise<unknown> {
    const id = ++lastId;
    const wait = Promise.withResolvers<unknown>();
    waiting.set(id, wait);
    child.send({ id, request: what }, (error) => error && wait.reject(error));
    return wait.promise;
  }
  return {
    serve: async (server) => void (await request({ kind: 'serve', server })),
    ask: async (question) => (await request({ kind: 'ask', question })) as Answer,
    startLoad: async (load) => void (await request({ kind: 'startLoad', load })),
    stopLoad: async () => (await request({ kind: 'stopLoad' })) as LoadReport,
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
