import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../agent/loop/clock.ts';
import { through, runWithin } from '../netns/processes.ts';
import { memberSettings } from '../packets/program.ts';
import type { ProcessOptions, ProcessReply, ProcessRequest } from './agent-client.ts';
import { startFieldAgent } from './field.ts';

// The program of agent-client.ts: an agent in a process of its own, to be measured and killed.
const options = JSON.parse(process.argv[2] ?? '') as ProcessOptions;
const start = () =>
  startFieldAgent({
    ...(options.mode === undefined ? {} : { mode: options.mode }),
    run: through(runWithin(300_000), options.enter),
    own: { url: options.own },
    others: Object.fromEntries(Object.entries(options.others).map(([name, url]) => [name, { url }])),
    nodeName: 'member2-node',
    settings: memberSettings,
    times: options.times,
    clock: systemClock,
    keepsEvents: false,
    onEvent: (event) => {
      if (event.kind === 'synced') tell({ kind: 'synced', depth: event.sync.depth, latenciesMs: event.latenciesMs });
      if (event.kind === 'sync-failed') tell({ kind: 'failed', message: event.error.message });
    },
  });
let agent = options.waits === true ? undefined : start();

process.on('message', (message) => {
  switch ((message as ProcessRequest).kind) {
    case 'memory':
      return tell({ kind: 'memory', bytes: liveBytes() });
    case 'go':
      agent ??= start();
      return;
    case 'stop':
      void Promise.resolve(agent?.stop()).then(() => process.disconnect());
  }
});

// It ends with the process that started it, however that one ended.
process.on('disconnect', () => process.exit());
tell({ kind: 'loaded' });

function tell(reply: ProcessReply): void {
  process.send?.(reply);
}

/** Bytes in use: garbage was collected before. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
