// A process that parses or compiles once and reports the CPU that this took. See compile.ts.
import { parseRegistry } from '../../../agent/input/registry.ts';
import { keepCodeCheap } from '../../../agent/node/compiled-code.ts';
import { keepHeapSmall } from '../../../agent/node/memory.ts';
import { byName } from '../../../backends/index.ts';
import { createChangeReader } from '../../../compiler/change.ts';
import { recognise } from '../../../compiler/model/kinds.ts';
import { defaultSettings } from '../../../compiler/settings.ts';
import { wantedOfAll } from '../cluster.ts';
import { fanIn, registryObject, type Shape } from '../objects.ts';

export interface CompileRequest {
  readonly kind: 'parse' | 'compile';
  readonly shape: Shape;
  readonly backends: readonly string[];
}

/** CPU of this process with all its threads, for each action. */
export interface CompileReply {
  readonly cpuMs: Readonly<Record<string, number>>;
}

// As the agent does at its start.
keepHeapSmall();
keepCodeCheap();
const { kind, shape, backends } = JSON.parse(process.argv[2] ?? '') as CompileRequest;
const cpuMs: Record<string, number> = {};
if (kind === 'parse') parseAll();
else await compileAll();
console.log(JSON.stringify({ cpuMs } satisfies CompileReply));

/** Lists as an API server sends them, cluster by cluster. */
function parseAll(): void {
  const texts = fanIn(shape).map(({ cluster, objects }) => ({ cluster, text: JSON.stringify(objects) }));
  const read = createChangeReader({ settings: defaultSettings });
  taking('parse', () => {
    for (const { cluster, text } of texts) {
      for (const raw of JSON.parse(text) as unknown[]) {
        const object = recognise(raw);
        if (object !== undefined) read({ gone: false, object }, cluster);
      }
    }
  });
}

async function compileAll(): Promise<void> {
  const clusters = fanIn(shape);
  const registry =
    shape.clusters === 1 ? undefined : parseRegistry(registryObject(shape.clusters, []), 'the bench registry');
  const wanted = taking('compile', () => wantedOfAll(clusters, registry));
  for (const name of backends) {
    const backend = await byName(name);
    taking(name, () => backend.make(wanted).text());
  }
}

function taking<T>(name: string, action: () => T): T {
  const before = process.cpuUsage();
  const result = action();
  const { user, system } = process.cpuUsage(before);
  cpuMs[name] = (user + system) / 1_000;
  return result;
}
