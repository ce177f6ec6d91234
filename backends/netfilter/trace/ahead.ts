import type { Family } from '../../../compiler/values/address.ts';
import { verdictsIn } from '../diff/ahead.ts';
import type { Hook, Ruleset } from '../rule.ts';
import { isKernelChain } from '../kernel-chains.ts';
import { parseRule } from '../text/parse-rule.ts';
import type { Foreign } from '../text/parse.ts';

/**
 * Targets that take a packet away from the rules behind them. An ACCEPT lets it reach the other tables' rules: it is named,
 * and not followed.
 */
const takes = / -j (?:DROP|REJECT|DNAT|REDIRECT|NETMAP|TPROXY|QUEUE|NFQUEUE)(?: |$)/;

/** The ruleset with those other programs' rules in front of its hooks that take packets, as packets meet them. */
export function withAhead(ruleset: Ruleset, foreign: Pick<Foreign, 'inFront'>): Ruleset {
  const ahead = verdictsIn(foreign, takes);
  if (ahead.length === 0) return ruleset;
  const hooks: Hook[] = [];
  const before = new Map<string, number>();
  const place = (chain: string, count: number): void => {
    for (const rule of ahead) {
      if (`${rule.table} ${rule.chain}` !== chain || rule.hooksBefore !== count) continue;
      if (isKernelChain(rule.chain)) hooks.push(asHook(ruleset.family, { ...rule, chain: rule.chain }));
    }
  };
  for (const hook of ruleset.hooks) {
    const chain = `${hook.table} ${hook.chain}`;
    const count = before.get(chain) ?? 0;
    place(chain, count);
    hooks.push(hook);
    before.set(chain, count + 1);
  }
  return { ...ruleset, hooks };
}

function asHook(family: Family, { table, chain, line }: Pick<Hook, 'table' | 'chain' | 'line'>): Hook {
  return { table, chain, line, rule: parseRule(family, line)?.rule, ofOthers: true };
}
