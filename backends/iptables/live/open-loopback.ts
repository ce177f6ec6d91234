import { mayServeLoopback } from '../../../compiler/ir/build-node-context.ts';
import type { Settings } from '../../../compiler/settings.ts';
import type { Run } from '../../command.ts';
import { BackendError } from '../../errors.ts';
import { type Preparation, sysctlPreparation } from '../../host/preparation.ts';
import { ensureSysctls } from '../../host/sysctl.ts';
import { makeChain } from '../../netfilter/chain.ts';
import { type Observation, observe } from '../../netfilter/live/observation.ts';
import { guardRule, isGuarded, routeLocalnet } from '../../netfilter/loopback-guard.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { chainUnder } from '../../netfilter/prefix.ts';
import { chainKey, type Ruleset } from '../../netfilter/rule.ts';
import { nodeChain } from '../names.ts';
import { hooksTo } from '../node-chains.ts';
import { applyTarget, ApplyError } from './apply.ts';

/**
 * `--init-only`: lets connections to 127.0.0.1 leave for an endpoint on another node, if node ports at 127.0.0.1 may be
 * wanted. The agent that starts later may not make the setting, and it may start at any time. So the guard is put in force
 * first, beside all other rules; without the guard, the setting is not made.
 */
export async function openLoopback(run: Run, settings: Settings, own: OwnChains): Promise<readonly Preparation[]> {
  if (!mayServeLoopback(settings)) return [];
  const problem = await guard(run, own);
  if (problem !== undefined) return [refusal(problem)];
  const outcomes = await ensureSysctls(run, new Map([[routeLocalnet, '1']]));
  return outcomes.map((outcome) => sysctlPreparation(outcome, 'route-localnet'));
}

/** returns   why the guard is not in force; undefined: it is */
async function guard(run: Run, own: OwnChains): Promise<string | undefined> {
  try {
    const observed = await observe(run, 'IPv4', own);
    if (isGuarded(observed.ruleset, own.prefix)) return undefined;
    const report = await applyTarget(run, observed, { program: withGuard(observed, own), services: [] }, own);
    return isGuarded(report.observed.ruleset, own.prefix) ? undefined : 'it was removed again at once';
  } catch (error) {
    if (error instanceof ApplyError || error instanceof BackendError) return error.message;
    throw error;
  }
}

/** What is there and the guard. */
function withGuard({ ruleset }: Observation, { prefix }: OwnChains): Ruleset {
  const name = chainUnder(nodeChain.firewall, prefix);
  const chain = makeChain('IPv4', 'filter', name, [guardRule]);
  const missing = hooksTo(nodeChain.firewall, 'IPv4', prefix).filter(
    (hook) => !ruleset.hooks.some(({ table, line }) => table === hook.table && line === hook.line),
  );
  return {
    ...ruleset,
    chains: new Map([...ruleset.chains, [chainKey('filter', name), chain]]),
    hooks: [...ruleset.hooks, ...missing],
  };
}

function refusal(problem: string): Preparation {
  const why = 'it would let neighbours of this node reach what listens on 127.0.0.1 (CVE-2020-8558)';
  const message = `was not set: ${why}, and the rule that blocks them could not be made: ${problem}`;
  return {
    kind: 'failed',
    object: { kind: 'sysctl', name: routeLocalnet },
    code: 'route-localnet',
    isNeeded: false,
    message,
  };
}
