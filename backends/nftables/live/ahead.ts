import type { Family } from '../../../compiler/values/address.ts';
import type { Run } from '../../command.ts';
import type { RuleAhead } from '../../plane/ahead-watch.ts';
import type { Danger } from '../../planning/dangers.ts';
import { standingHooks } from '../node-chains.ts';
import { parsePriority } from '../program/hook.ts';
import { parseName } from '../program/names.ts';
import { familyWord } from '../program/print-rule.ts';
import type { Hook } from '../program/program.ts';
import type { Observation } from './observe.ts';

/** More base chains than that are left unread: a reading stays cheap whatever other programs do. */
const mostChains = 32;

/** The longest text of a rule that is kept, in characters. */
const longestRule = 300;

/** A base chain of another program, at a hook that slicewright uses. */
interface StrangeChain {
  /** `inet`, or the family's own word. */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly at: string;
  readonly priority: number;
  readonly drops: boolean;
}

type Ordered = Pick<StrangeChain, 'type' | 'at' | 'priority'>;

/** Which table is slicewright's. */
export type OwnTable = Pick<Observation, 'family' | 'table'>;

/**
 * Other programs' rules that decide over packets before slicewright's table sees them: in base chains of other tables, of the same
 * family or inet, with an earlier or the same priority at a hook that slicewright has. Reading costs a listing of chain heads
 * (20 ms beside 10,000 Services) and one chain of rules for each of theirs.
 *
 * Rules in chains that they jump to are not looked at, as in the other modes, nor do names count that nft would not take.
 *
 * returns  undefined where nft does not list chains: then nothing is known
 */
export async function readAhead(run: Run, own: OwnTable): Promise<readonly RuleAhead[] | undefined> {
  const heads = await run('nft', ['list', 'chains']);
  if (heads.exitCode !== 0) return undefined;
  const ahead: RuleAhead[] = [];
  for (const { chain } of strangeChains(heads.stdout, own).slice(0, mostChains)) {
    const { family, table, name } = chain;
    const listed = await run('nft', ['-t', 'list', 'chain', family, table, name]);
    // It may be gone by now.
    if (listed.exitCode === 0) ahead.push(...decidingRules(chain, listed.stdout.split('\n'), own.family));
  }
  return ahead;
}

/** The same of a listing of everything, `nft list ruleset`. */
export function aheadIn(listing: string, own: OwnTable): readonly RuleAhead[] {
  return strangeChains(listing, own).flatMap(({ chain, lines }) => decidingRules(chain, lines, own.family));
}

/** As dangers of a plan: one for each chain. */
export function aheadDangers(ahead: readonly RuleAhead[]): Danger[] {
  return [...Map.groupBy(ahead, ({ where }) => where)].map(([where, found]) => ({
    code: 'foreign-in-front',
    message: `${found.length === 1 ? "another program's rule comes" : `${found.length} rules of other programs come`} before slicewright's in ${where} and may decide first: ${found[0]?.rule}`,
  }));
}

function decidingRules(chain: StrangeChain, lines: readonly string[], family: Family): RuleAhead[] {
  const where = `table ${chain.family} ${chain.table}, chain ${chain.name}`;
  const rules = rulesIn(lines).filter((rule) => decides(rule, chain) && isOf(family, rule));
  return [...(chain.drops ? ['policy drop'] : []), ...rules].map((rule) => ({
    where,
    rule: rule.slice(0, longestRule),
  }));
}

const tableLine = /^table (\S+) (\S+) \{/;
const chainLine = /^\tchain (\S+) \{/;
const hookLine = /^\t\ttype (\S+) hook (\S+) priority ([^;]+); policy (\w+);/;

/** Other programs' base chains that packets meet before slicewright's, with their lines. */
function strangeChains(listing: string, own: OwnTable) {
  const word = familyWord(own.family);
  const found: { readonly chain: StrangeChain; readonly lines: string[] }[] = [];
  let table: readonly [family: string, name: string] | undefined;
  let name: string | undefined;
  let lines: string[] = [];
  for (const line of listing.split('\n')) {
    const [, family, ofTable] = tableLine.exec(line) ?? [];
    if (family !== undefined && ofTable !== undefined) table = [family, ofTable];
    if (/^\t\S/.test(line)) {
      name = chainLine.exec(line)?.[1];
      lines = [];
    }
    lines.push(line);
    const [, type, at, priorityText = '', policy] = hookLine.exec(line) ?? [];
    const priority = parsePriority(priorityText);
    if (table === undefined || type === undefined || at === undefined || priority === undefined) continue;
    if (table[0] !== 'inet' && (table[0] !== word || table[1] === own.table)) continue;
    // nft reads its arguments as one command: only what is a name gets there.
    const names = [parseName(table[1]), parseName(name)] as const;
    if (names[0] === undefined || names[1] === undefined) continue;
    const chain = { family: table[0], table: names[0], name: names[1], type, at, priority, drops: policy === 'drop' };
    if (isBefore(chain)) found.push({ chain, lines });
  }
  return found;
}

function isBefore({ at, priority }: StrangeChain): boolean {
  return standingHooks.some((hook) => hook.at === at && priority <= hook.priority);
}

/** A rule with a long set in it may fill several lines. Counters keep counting, and are no part of the rule. */
function rulesIn(lines: readonly string[]): string[] {
  const rules: string[] = [];
  for (const line of lines) {
    if (/^\t\t\s/.test(line) && rules.length > 0) rules.push(`${rules.pop()} ${line.trim()}`);
    else if (/^\t\t\S/.test(line) && !hookLine.test(line) && !line.startsWith('\t\tcomment "')) rules.push(line.trim());
  }
  return rules.map((rule) => rule.replaceAll(/\bcounter packets \d+ bytes \d+/g, 'counter'));
}

/** Quoted text may hold anything, so it is ignored; but iptables-nft quotes a target that nft does not know. */
function plain(rule: string): string {
  return rule.replaceAll(/xt target "([A-Z]+)"/g, (_, target: string) => `xt ${target}`).replaceAll(/"[^"]*"/g, '""');
}

const ends = /(?:^|[ :])(?:drop|reject|queue|tproxy)(?:[ ,]|$)|xt (?:REJECT|NFQUEUE|TPROXY)\b/;
const translates = /(?:^| )(?:dnat|redirect)(?: |$)|xt (?:DNAT|REDIRECT|NETMAP)\b/;

/**
 * Whether a rule takes packets from slicewright's rules: a dropped packet is gone, and a connection's first translation counts.
 * An accept ends only its own chain, and the kernel goes on with the next one at the hook.
 */
function decides(rule: string, { type, at, priority }: Ordered, hooks: readonly Hook[] = standingHooks): boolean {
  const text = plain(rule);
  if (ends.test(text)) return true;
  const isNat =
    type === 'nat' && hooks.some((hook) => hook.type === 'nat' && hook.at === at && priority <= hook.priority);
  return isNat && translates.test(text);
}

/** Whether a rule of a base chain takes packets of a family from the chains behind it. */
export function takesPackets(rule: string, hook: Hook, hooks: readonly Hook[], family: Family): boolean {
  return isOf(family, rule) && decides(rule, hook, hooks);
}

/** In a table of inet, a rule may be for the other family alone. */
function isOf(family: Family, rule: string): boolean {
  const other = family === 'IPv4' ? /(?:^| )(?:ip6|icmpv6) |nfproto ipv6\b/ : /(?:^| )(?:ip|icmp) |nfproto ipv4\b/;
  return !other.test(plain(rule));
}
