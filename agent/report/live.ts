import type { Backend, Made } from '../../backends/backend.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { sortDiagnostics } from '../../compiler/values/diagnostic.ts';
import type { PlaceOf } from '../input/place.ts';
import { targetsOf } from '../planning/targets.ts';
import type { Answer } from '../serving/listener.ts';
import { policy, reportPage } from './page.ts';
import { reportedServices } from './services.ts';

/** Lets all other waiting work run. */
const breathe = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** The agent's knowledge about its Services. */
export interface Known {
  readonly node: string;
  readonly backend: Backend;
  readonly compilation: () => Compilation;
  readonly placeOf: PlaceOf;
}

/** The most characters of graphs, tables and rules: a page of many Services takes an agent no more than a few ten MB. */
const maxDetails = 8 * 1024 * 1024;

/**
 * The page of a running agent, as of now. Between two Services, and between two stages, the agent's other work
 * runs.
 * Other pages may not show it in a frame, and browsers may not store it.
 */
export async function liveReport({ node, backend, compilation: compile, placeOf }: Known): Promise<Answer> {
  const compilation = compile();
  await breathe();
  const targets = targetsOf(compilation);
  const made = new Map<Family, Made>();
  for (const family of families) {
    made.set(family, backend.make(targets[family]));
    await breathe();
  }
  const diagnostics = [...compilation.diagnostics, ...[...made.values()].flatMap((one) => one.diagnostics)];
  const services = reportedServices(
    compilation,
    sortDiagnostics(diagnostics),
    ({ family, id }) => made.get(family)?.rulesOf(id) ?? '',
    { isMeant: () => true, isAbsentMeant: () => true },
  );
  const title = `Services of ${node}`;
  const body = await reportPage(
    { ...services, title, node, backend: backend.name, comparison: undefined, placeOf },
    { maxDetails, breathe },
  );
  return {
    status: 200,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `${policy}; frame-ancestors 'none'`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    },
    body,
  };
}
