import * as z from 'zod';
import type { ChainPrefix } from '../../../compiler/settings.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { LoadedPlan, PlanStart } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { schemaProblems, tamperedPlan } from '../../planning/problems.ts';
import type { Scope } from '../../target.ts';
import type { Transaction } from '../plan/command.ts';
import { outcomeOf } from '../plan/outcome.ts';
import { checkProgram } from '../program/check.ts';
import { tableName } from '../program/names.ts';
import { reportOf } from './apply-report.ts';
import { NftError } from './errors.ts';
import { nftablesVocabulary } from '../vocabulary.ts';
import { kubeProxyTable, type Observation, observe } from './observe.ts';
import { lineCount, perform } from './perform.ts';
import { fingerprintOf } from './fingerprint.ts';
import { family, loadTransaction, transaction } from './saved-commands.ts';

const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
const familyPlan = z.strictObject({ family, fingerprint, result: fingerprint, steps: z.array(transaction).max(2) });

interface SavedPlan {
  readonly family: Family;
  readonly fingerprint: string;
  readonly result: string;
  readonly steps: readonly Transaction[];
}

export function loadPlan(parsed: unknown, prefix: ChainPrefix): LoadedPlan {
  const result = familyPlan.safeParse(parsed);
  if (!result.success) return { kind: 'refused', problems: schemaProblems(result.error) };
  const strange: string[] = [];
  const steps: Transaction[] = [];
  for (const saved of result.data.steps) {
    const isOurs = saved.family === result.data.family && isOwnTable(saved, prefix);
    if (!isOurs) strange.push(`table ${saved.table}`);
    const loaded = loadTransaction(saved);
    if ('strange' in loaded) strange.push(...loaded.strange);
    else steps.push(loaded);
  }
  if (strange.length > 0) {
    const problems = strange.map((text) => ({
      path: [],
      message: `slicewright would not write ${JSON.stringify(text.slice(0, 200))}`,
    }));
    return { kind: 'refused', problems };
  }
  const plan: SavedPlan = { ...result.data, steps };
  return { kind: 'plan', family: plan.family, start: (run, scope) => startOf(plan, run, scope) };
}

/** Why a plan must not be performed, whatever the kernel holds; undefined: it leads to the state that it names, a program. */
function misleading(
  { family: its, steps, result }: SavedPlan,
  observed: Observation & Pick<Scope, 'prefix'>,
): Diagnostic | undefined {
  let { program, kubeProxy } = observed;
  for (const step of steps) {
    const outcome = outcomeOf(step.table === kubeProxyTable ? kubeProxy : program, step);
    if (outcome === undefined) return tamperedPlan(its, []);
    if (step.table === kubeProxyTable) kubeProxy = outcome.program;
    else program = outcome.program;
  }
  if (fingerprintOf({ ...observed, program, kubeProxy }) !== result) return tamperedPlan(its, []);
  if (program === undefined) return undefined;
  const strange = nftablesVocabulary(its, observed).strangeParts(program);
  const wrong = strange.length === 0 ? checkProgram(program) : strange;
  return wrong.length === 0 ? undefined : tamperedPlan(its, wrong);
}

/** slicewright's own, or a kube-proxy's as a whole. */
function isOwnTable({ table, commands }: z.output<typeof transaction>, prefix: ChainPrefix): boolean {
  if (table === tableName(prefix)) return true;
  return table === kubeProxyTable && commands.every(({ kind }) => kind === 'deleteTable');
}

async function startOf(plan: SavedPlan, run: Run, scope: Scope): Promise<PlanStart> {
  const observed = await observe(run, scope);
  const isTakingOver = plan.steps.some(({ table }) => table === kubeProxyTable);
  const refusal =
    fingerprintOf(observed) !== plan.fingerprint
      ? kernelProblem(plan.family, 'apply-changed', 'the table has changed since the plan was made: make a new plan')
      : isTakingOver && !scope.takeOver
        ? kernelProblem(plan.family, 'apply-another-writer', 'the plan takes over from a kube-proxy: use --take-over')
        : misleading(plan, { ...observed, prefix: scope.prefix });
  return {
    refusal,
    perform: () =>
      reportOf(plan.family, 'apply', async () => {
        const documents = plan.steps.length === 0 ? 0 : await perform(run, plan.family, plan.steps);
        if (fingerprintOf(await observe(run, scope)) !== plan.result) {
          const what = 'the result differs from the plan: another program changed the table meanwhile';
          throw new NftError(plan.family, { reason: 'disturbed' }, `${what}; plan again`);
        }
        const forgotten = { found: 0, problem: undefined };
        return { documents, lines: lineCount(plan.steps), quarantined: [], forgotten, disturbances: 0 };
      }),
  };
}
