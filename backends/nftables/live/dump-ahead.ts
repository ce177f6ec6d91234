import type { Family } from '../../../compiler/values/address.ts';
import { parseJsonListing } from '../program/parse-json.ts';
import { familyOfWord, parseListing } from '../program/parse.ts';
import { familyWord } from '../program/print-rule.ts';
import type { Chain, Hook, NftProgram } from '../program/program.ts';
import { takesPackets } from './ahead.ts';

/**
 * Rules of other tables in a listing that take packets before a program sees them: a base chain each, with these rules alone.
 * Of base chains only; what they jump to is not looked at, as in the other modes.
 */
export function aheadInDump(text: string, family: Family, own: NftProgram): readonly Chain[] {
  const parse = text.trimStart().startsWith('{') ? parseJsonListing : parseListing;
  const word = familyWord(family);
  const tables = parse(text, (one) => (one === 'inet' ? family : one === word ? familyOfWord(one) : undefined));
  const hooks = [...own.chains.values()].flatMap(({ hook }) => hook ?? []);
  return [...(tables ?? [])].flatMap(([key, { program }]) => {
    if (key === `${word} ${own.table}`) return [];
    return [...program.chains.values()].flatMap((chain) => {
      const { hook } = chain;
      return hook === undefined || !isBefore(hook, hooks) ? [] : takingOf(key, family, chain, hook, hooks);
    });
  });
}

function isBefore({ at, priority }: Hook, hooks: readonly Hook[]): boolean {
  return hooks.some((hook) => hook.at === at && priority <= hook.priority);
}

function takingOf(table: string, family: Family, chain: Chain, hook: Hook, hooks: readonly Hook[]): Chain[] {
  const places = chain.lines.flatMap((line, i) => (takesPackets(line, hook, hooks, family) ? [i] : []));
  if (places.length === 0) return [];
  return [
    {
      name: `${table}, chain ${chain.name}` as Chain['name'],
      hook,
      ofOthers: true,
      lines: places.map((i) => chain.lines[i] ?? ''),
      rules: places.map((i) => chain.rules[i]),
    },
  ];
}

/** The program behind other programs' chains: chains of equal priority go first, since their order is unknown. */
export function behind(ahead: readonly Chain[], program: NftProgram): NftProgram {
  if (ahead.length === 0) return program;
  return { ...program, chains: new Map([...ahead.map((chain) => [chain.name, chain] as const), ...program.chains]) };
}
