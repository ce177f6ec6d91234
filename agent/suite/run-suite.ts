import type { FoundCase } from './find.ts';
import type { CaseResult, CheckResult } from './result.ts';
import { type Choice, checksOf } from './run-case.ts';
import { accept, isAcceptable } from './write.ts';

/** Runs one case, from its files to its results. Writes nothing. */
export async function runCase(found: FoundCase, choice: Choice, nowMs: () => number): Promise<CaseResult> {
  const start = nowMs();
  const results: CheckResult[] = [];
  for (const check of checksOf(found, choice)) results.push({ check, outcome: await check.run(), isAccepted: false });
  return { found, results, ms: nowMs() - start };
}

/** Makes the results the expectations, wherever that is possible. */
export function acceptAll({ found, results, ms }: CaseResult): CaseResult {
  const accepted = results.map((result) => {
    if (!isAcceptable(result.outcome)) return result;
    accept(found, result.check.file, result.outcome);
    return { ...result, isAccepted: true };
  });
  return { found, results: accepted, ms };
}
