import { chainFromLines } from '../chain.ts';
import { isKernelChain } from '../kernel-chains.ts';
import { chainKey, type Hook, parseChainName, type Ruleset, type Table } from '../rule.ts';
import { parseRule } from '../text/parse-rule.ts';
import type { TableText } from '../text/document.ts';
import type { RestoreDocument } from './transaction.ts';

/**
 * The state of slicewright's chains after a document was performed as iptables-restore with `--noflush` performs it: the
 * outcome of a saved plan, and what a failed document has left.
 *
 * committed  how many of the document's tables were; all by default
 * returns    undefined: a kernel refuses it, because a line asks for what is not there
 */
export function outcomeOf(
  before: Ruleset,
  { tables }: RestoreDocument,
  committed = tables.length,
): Ruleset | undefined {
  const draft = createDraft(before);
  const isTaken = tables.slice(0, committed).every((table) => draft.perform(table));
  return isTaken ? draft.ruleset() : undefined;
}

/** `-I CHAIN 7 …`: the verb, the chain, the place of a rule, and what follows. */
const commandForm = /^-([AIDX]) (\S+)(?: (\d{1,7})(?= |$))?(.*)$/;

function createDraft({ family, chains: before, hooks: found }: Ruleset) {
  /** Lines of the chains that were touched; undefined: deleted. */
  const touched = new Map<string, string[] | undefined>();
  let hooks = found;

  const linesOf = (key: string): string[] | undefined => {
    if (touched.has(key)) return touched.get(key);
    const lines = before.get(key)?.lines;
    return lines === undefined ? undefined : put(key, [...lines]);
  };
  const put = (key: string, lines: string[]): string[] => {
    touched.set(key, lines);
    return lines;
  };

  function performLine(table: Table, line: string): boolean {
    const [, verb, chain = '', place, rest = ''] = commandForm.exec(line) ?? [];
    const rule = `-A ${chain}${rest}`;
    if (isKernelChain(chain)) return performHook(table, chain, verb, rule);
    const key = chainKey(table, chain);
    const lines = linesOf(key);
    if (lines === undefined) return false;
    switch (verb) {
      case 'A':
        lines.push(rule);
        return true;
      case 'I': {
        const at = Number(place ?? 1) - 1;
        if (at < 0 || at > lines.length) return false;
        lines.splice(at, 0, rule);
        return true;
      }
      case 'D': {
        const at = lines.indexOf(rule);
        if (at < 0) return false;
        lines.splice(at, 1);
        return true;
      }
      case 'X':
        touched.set(key, undefined);
        return lines.length === 0;
      default:
        return false;
    }
  }

  function performHook(table: Table, chain: Hook['chain'], verb: string | undefined, line: string): boolean {
    const hook: Hook = { table, chain, line, rule: parseRule(family, line)?.rule };
    if (verb === 'I') hooks = [hook, ...hooks];
    else if (verb !== 'D') return false;
    else {
      const at = hooks.findIndex((one) => one.table === table && one.chain === chain && one.line === line);
      if (at < 0) return false;
      hooks = hooks.toSpliced(at, 1);
    }
    return true;
  }

  return {
    perform({ name, declared, lines }: TableText): boolean {
      for (const chain of declared) put(chainKey(name, chain), []);
      return lines.every((line) => performLine(name, line));
    },
    ruleset(): Ruleset {
      const chains = new Map(before);
      touched.forEach((lines, key) => {
        const [table, text] = key.split(' ') as [Table, string];
        const name = parseChainName(text);
        if (lines === undefined || name === undefined) chains.delete(key);
        else chains.set(key, chainFromLines(family, table, name, lines));
      });
      return { family, chains, hooks };
    },
  };
}
