import type { Family } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { counted } from '../../../compiler/values/counted.ts';
import type { ApplyReport } from '../../backend.ts';
import type { Run } from '../../command.ts';
import { kernelProblem } from '../../errors.ts';
import { refusedService, staleConnections } from '../../planning/problems.ts';
import type { Scope, Target } from '../../target.ts';
import { ApplyError, type ApplyReport as RulesReport, applyTarget, refusalForOthers } from './apply.ts';
import { missingTool } from '../../netfilter/live/missing-tool.ts';
import type { Observation, Target as RulesTarget } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import { isGuarded } from '../../netfilter/loopback-guard.ts';
import { allowLocalNodePorts } from './local-node-ports.ts';

/** Why {@link applyReport} would change nothing. */
export async function refusalReport(
  run: Run,
  { family, takeOver }: Scope,
  observed: Observation,
  rules: RulesTarget,
  own: OwnChains,
): Promise<Diagnostic | undefined> {
  const refusal = refusalForOthers(observed, rules, own, { takeOver });
  if (refusal !== undefined) return kernelProblem(family, `apply-${refusal.reason}`, refusal.message);
  return missingTool(run, observed.tools);
}

/** Applies one family, opens node ports on 127.0.0.1 where they are asked for, and reports the outcome. */
export async function applyReport(
  run: Run,
  { family, takeOver, prefix }: Scope,
  observed: Observation,
  rules: RulesTarget,
  own: OwnChains,
  { node, services }: Target,
): Promise<ApplyReport> {
  let after: Observation | undefined;
  const report = await reportOf(family, 'apply', async () => {
    const applied = await applyTarget(run, observed, rules, own, { takeOver });
    after = applied.observed;
    return applied;
  });
  if (family !== 'IPv4' || after === undefined) return report;
  const problem = isGuarded(after.ruleset, prefix)
    ? await allowLocalNodePorts(run, node, services)
    : await exposedLoopback(run, observed, after);
  return problem === undefined ? report : { ...report, problems: [...report.problems, problem] };
}

/** verb   what was tried, in the codes of problems: `apply`, `cleanup` */
export async function reportOf(family: Family, verb: string, apply: () => Promise<RulesReport>): Promise<ApplyReport> {
  try {
    const report = await apply();
    return {
      isDone: report.quarantined.length === 0,
      done: report.documents > 0 ? doneText(report) : undefined,
      problems: problemsOf(family, report),
    };
  } catch (error) {
    if (!(error instanceof ApplyError)) throw error;
    const { reason, message } = error;
    return { isDone: false, done: undefined, problems: [kernelProblem(family, `${verb}-${reason}`, message)] };
  }
}

function doneText({ documents, lines, quarantined, forgotten }: RulesReport): string {
  const left = quarantined.length;
  const rest = left === 0 ? 'the desired rules' : `the desired rules, except for ${counted(left, 'Service port')}`;
  const flows = forgotten.found === 0 ? '' : `; ${counted(forgotten.found, 'kind')} of stale UDP connections removed`;
  return `applied in ${counted(documents, 'transaction')} of ${counted(lines, 'line')}; read back, the kernel holds ${rest}${flows}`;
}

function problemsOf(family: Family, { quarantined, forgotten }: RulesReport): Diagnostic[] {
  return [
    ...quarantined.map(({ service, rule, error }) => {
      const what =
        rule === undefined ? 'the kernel rejects its rules' : `the kernel rejects one of its rules:\n  ${rule}\n `;
      const rest = 'its previous rules are still in force, all other Services are applied';
      return refusedService(service, `${what}; ${rest}\n${error.message}`);
    }),
    ...staleConnections(family, forgotten),
  ];
}
