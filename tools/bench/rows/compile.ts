import { fileURLToPath } from 'node:url';
import { runWithin } from '../../../test/netns/processes.ts';
import type { Figure } from '../figures.ts';
import type { Shape } from '../objects.ts';
import type { CompileReply, CompileRequest } from './compile-once.ts';
import { type Chosen, endpointsEach, type Row } from './row.ts';

const program = fileURLToPath(new URL('compile-once.ts', import.meta.url));

/** Each measurement runs in a separate process that has compiled nothing before, like an agent at its start. */
export const compileRow: Row = {
  name: 'compile',
  about: 'JSON to objects, objects to Service ports, Service ports to a program as text; nothing known before',
  axis: 'Services',
  sizes: [100, 1_000, 5_000, 10_000, 20_000],
  measure: (services, options) => compiled({ services, endpointsEach, clusters: 1 }, services, options),
};

/** The same number of Services and endpoints at every size; only the number of clusters that share them grows. */
export const clustersRow: Row = {
  name: 'clusters',
  about: 'compile from nothing: 500 Services with 100 endpoints each, which so many clusters offer',
  axis: 'clusters',
  sizes: [1, 2, 5, 10, 20],
  async *measure(clusters, options) {
    if (100 % clusters !== 0) throw new Error(`100 endpoints cannot be divided among ${clusters} clusters`);
    yield* compiled({ services: 500, endpointsEach: 100 / clusters, clusters }, clusters, options);
  },
};

async function* compiled(shape: Shape, at: number, { rounds, modes }: Chosen): AsyncGenerator<Figure> {
  const backends = [...new Set(modes.map(({ backend }) => backend))];
  const [parsed, made]: [CompileReply[], CompileReply[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    parsed.push(await once({ kind: 'parse', shape, backends }));
    made.push(await once({ kind: 'compile', shape, backends }));
  }
  const figure = (what: string, replies: readonly CompileReply[], name: string, wanted?: string) => ({
    ...{ what, mode: undefined, unit: 'CPU ms' as const, at, ...(wanted && { wanted }) },
    samples: replies.map(({ cpuMs }) => cpuMs[name] ?? NaN),
  });
  yield figure('parse: JSON to objects', parsed, 'parse');
  const compile = figure('compile from nothing', made, 'compile', 'slope at most 1.05');
  yield compile;
  const endpoints = shape.services * shape.endpointsEach * shape.clusters;
  yield {
    ...compile,
    unit: 'endpoints a CPU second',
    samples: compile.samples.map((cpuMs) => (endpoints * 1_000) / cpuMs),
    wanted: 'at least 40,000 at 10,000 Services',
  };
  for (const backend of backends) yield { ...figure('make and print the program', made, backend), mode: backend };
}

async function once(request: CompileRequest): Promise<CompileReply> {
  const { exitCode, stdout, stderr } = await runWithin(600_000)(process.execPath, [program, JSON.stringify(request)]);
  if (exitCode !== 0) throw new Error(`${program}: ${stderr}`);
  return JSON.parse(stdout) as CompileReply;
}
