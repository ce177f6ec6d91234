import type { Run } from '../../command.ts';
import { canonicalLine } from '../../netfilter/text/canonical.ts';
import { type Hook, type Table, tables } from '../../netfilter/rule.ts';
import type { Family } from '../../../compiler/values/address.ts';

/** Looks whether hooks are in place. Returns the missing one; undefined: those that it looked at are in place. */
export type HookGlance = (command: string, hooks: readonly Hook[]) => Promise<string | undefined>;

/**
 * A look at one kernel chain of each table, at the next one with each call: a command a table,
 * which costs milliseconds where reading the tables costs seconds.
 *
 * A program that flushes a table, as a firewall does when it is reloaded, removes all hooks in it, so any
 * chain shows it. A single hook that is deleted is found when its chain's turn comes.
 */
export function createHookGlance(family: Family, run: Run): HookGlance {
  const turns = new Map<Table, number>();

  async function look(command: string, table: Table, hooks: readonly Hook[]): Promise<string | undefined> {
    const chains = [...new Set(hooks.map(({ chain }) => chain))];
    const turn = turns.get(table) ?? 0;
    turns.set(table, turn + 1);
    const chain = chains[turn % chains.length];
    if (chain === undefined) return undefined;
    const { exitCode, stdout } = await run(command, ['-w', '5', '-t', table, '-S', chain]);
    // If another program holds the lock, or the tool fails, nothing is known about the rules.
    if (exitCode !== 0) return undefined;
    const wanted = hooks.filter((hook) => hook.chain === chain);
    return missingHook(family, wanted, stdout);
  }

  return async (command, hooks) => {
    for (const table of tables) {
      const missing = await look(
        command,
        table,
        hooks.filter((hook) => hook.table === table),
      );
      if (missing !== undefined) return missing;
    }
    return undefined;
  };
}

/** listed: what `iptables -S CHAIN` prints. */
function missingHook(family: Family, hooks: readonly Hook[], listed: string): string | undefined {
  const found = new Set(
    listed
      .split('\n')
      .filter((line) => line.startsWith('-A '))
      .map((line) => canonicalLine(family, line)),
  );
  const missing = hooks.find(({ line }) => !found.has(canonicalLine(family, line)));
  return missing && `${missing.table} ${missing.line}`;
}
