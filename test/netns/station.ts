/**
 * A process in one namespace that serves and asks there for a test. It ends when the
 * channel to the test closes, however the test ended.
 */
import { flushCompileCache } from 'node:module';
import { serve } from './serve.ts';
import { ask } from './ask.ts';
import { startLoad, type RunningLoad } from './load.ts';
import type { Envelope, Reply, Request } from './station-protocol.ts';

let load: RunningLoad | undefined;

async function perform(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'serve':
      return serve(request.server);
    case 'ask':
      return ask(request.question);
    case 'startLoad':
      load = startLoad(request.load);
      return undefined;
    case 'stopLoad': {
      if (load === undefined) throw new Error('no load is running here');
      const report = await load.stop();
      load = undefined;
      return report;
    }
  }
}

async function answer({ id, request }: Envelope): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, kind: 'done', value: (await perform(request)) ?? null };
  } catch (error) {
    reply = { id, kind: 'error', message: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(reply);
}

process.on('message', (message) => void answer(message as Envelope));
process.on('disconnect', () => process.exit());
// An interrupt on the terminal reaches every process of the group; the test decides how to react.
process.on('SIGINT', () => {});
// Node would write compiled code only when it ends, and many stations begin before the first one ends.
flushCompileCache();
