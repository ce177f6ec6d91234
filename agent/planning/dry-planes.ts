import type { Observed } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Mode } from '../../backends/index.ts';
import type { FamilyPlane } from '../../backends/plane/plane.ts';
import type { Target } from '../../backends/target.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { Settings } from '../../compiler/settings.ts';
import { families } from '../../compiler/values/address.ts';
import { createDryPlane } from './dry-run.ts';
import type { Io } from '../terminal/io.ts';
import { paintOf } from '../terminal/paint.ts';
import { makeReport, reportText } from './report.ts';
import type { ClusterOf } from './fact-texts.ts';
import { scopeOf } from './plan-kernel.ts';
import { readDumps } from '../input/dumps.ts';

/**
 * Planes that plan and never write; each plan is printed as `slicewright plan` prints it.
 *
 * against   dumps that the first plans start from; empty: the kernel
 * signal    aborted: nothing more is printed. A reading in progress was most likely cut short, and a plan from a
 *           part would be wrong
 * throws    InputError for dumps that cannot be used
 */
export function dryPlanes(
  against: readonly string[],
  io: Io,
  run: Run,
  { live }: Mode,
  settings: Settings,
  signal: AbortSignal,
): FamilyPlane[] {
  const dumps = against.flatMap((path) => readDumps(path, live, settings.chainPrefix));
  return families.map((family) => {
    const scope = scopeOf(family, settings, false);
    const nothing = (source: string) => live.nothing(scope, source);
    const start = async (): Promise<Observed> => {
      if (dumps.length > 0) return dumps.find((one) => one.family === family) ?? nothing('nothing');
      return (await live.observe(run, scope, true)) ?? nothing('nothing');
    };
    return createDryPlane({
      ...{ family, start, nothing },
      onPlan(plan, target) {
        if (signal.aborted) return;
        void io.out(
          reportText(makeReport({ plan, remains: [] }, clustersIn(target)), paintOf(io), { withRules: true }),
        );
      },
    });
  });
}

function clustersIn({ services }: Target): ClusterOf {
  const endpoints = services.flatMap(({ pools }) => [...pools.cluster, ...pools.local]);
  const clusters = new Map(endpoints.map((endpoint) => [endpointText(endpoint), endpoint.cluster ?? 'local'] as const));
  return (text) => clusters.get(text);
}
