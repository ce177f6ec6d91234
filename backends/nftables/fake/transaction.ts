import type { Family } from '../../../compiler/values/address.ts';
import { checkProgram } from '../program/check.ts';
import { parseElement } from '../program/element.ts';
import { parsePriority } from '../program/hook.ts';
import { parseName } from '../program/names.ts';
import { parseDuration, parseType } from '../program/parse.ts';
import { parseRule } from '../program/parse-rule.ts';
import { type Chain, chainFromLines, type Hook, type HookName } from '../program/program.ts';
import { type FakeCommand, type Line, parseDocument } from './document.ts';
import {
  copyState,
  type FakeSet,
  type FakeState,
  type FakeTable,
  isLookedInto,
  isPointedTo,
  programOf,
  setsOf,
} from './state.ts';

/** The first complaint of a document that the kernel does not take, in nft's words. */
export interface Refusal {
  readonly complaint: string;
}

const exists = 'Could not process rule: File exists';
const missing = 'Could not process rule: No such file or directory';
const busy = 'Could not process rule: Device or resource busy';
/** What nft finds out by itself, from the sets that it has read before. */
const missingSet = 'No such file or directory';

/**
 * A document of commands for `nft -f -`, taken as a whole or not at all.
 *
 * holdsFreed  a chain that this very transaction freed still counts as busy, as in kernels before 6.4
 */
export function runDocument(state: FakeState, text: string, holdsFreed: boolean): FakeState | Refusal {
  const commands = parseDocument(text);
  if ('wrong' in commands) return { complaint: at(commands.wrong, commands.wrong.text, 'syntax error') };
  const next = copyState(state);
  // nft looks for sets before it talks to the kernel.
  const unknown = findUnknownSet(state, commands);
  if (unknown !== undefined) return unknown;
  let refusal: Refusal | undefined;
  for (const command of commands) {
    refusal ??= runCommand(next, command, holdsFreed ? state : undefined);
  }
  return refusal ?? findUnsound(next, commands) ?? next;
}

function findUnknownSet(state: FakeState, commands: readonly FakeCommand[]): Refusal | undefined {
  const known = new Set([...state].flatMap(([key, { sets }]) => [...sets.keys()].map((name) => `${key} ${name}`)));
  const tables = new Set(state.keys());
  for (const command of commands) {
    const key = `${command.family} ${command.table}`;
    if (command.object === 'table') {
      if (command.verb !== 'delete') tables.add(key);
    } else if (!tables.has(key)) {
      if (command.verb !== 'delete') return { complaint: at(command, command.table, missingSet) };
    } else if (command.object === 'set' || command.object === 'map') {
      if (command.verb === 'create') known.add(`${key} ${command.name}`);
    } else if (command.object === 'element') {
      if (!known.has(`${key} ${command.name}`)) return { complaint: at(command, command.name, missingSet) };
    } else if (command.object === 'rule') {
      const rule = parseRule(familyOf(command), command.rest);
      const names = (rule?.statements ?? []).flatMap(setsOf);
      const absent = names.find((name) => !known.has(`${key} ${name}`));
      if (absent !== undefined) return { complaint: at(command, `@${absent}`, missingSet) };
    }
  }
  return undefined;
}

function runCommand(state: FakeState, command: FakeCommand, before: FakeState | undefined): Refusal | undefined {
  const key = `${command.family} ${command.table}`;
  const table = state.get(key);
  if (command.object === 'table') return runTable(state, key, command);
  if (table === undefined) return refuse(command, command.table, missing);
  switch (command.object) {
    case 'set':
    case 'map':
      return command.verb === 'delete' ? deleteSet(table, command) : createSet(table, command);
    case 'chain':
      return runChain(table, command, before?.get(key));
    case 'rule': {
      const chain = table.chains.get(command.name);
      if (chain === undefined) return refuse(command, command.name, missing);
      const rule = parseRule(table.family, command.rest);
      if (rule === undefined) return refuse(command, command.text, 'syntax error');
      const targets = rule.statements.flatMap((statement) =>
        statement.kind === 'verdict' && 'chain' in statement.verdict ? [statement.verdict.chain as string] : [],
      );
      const absent = targets.find((target) => !table.chains.has(target));
      if (absent !== undefined) return refuse(command, absent, missing);
      table.chains.set(chain.name, chainFromLines(table.family, chain, [...chain.lines, command.rest]));
      return undefined;
    }
    case 'element':
      return runElements(table, command);
  }
}

function runTable(state: FakeState, key: string, command: FakeCommand): Refusal | undefined {
  const name = parseName(command.table);
  if (command.verb === 'delete') {
    return state.delete(key) ? undefined : refuse(command, command.table, missing);
  }
  if (command.verb === 'flush' || name === undefined) return refuse(command, command.text, 'syntax error');
  if (state.has(key)) return command.verb === 'create' ? refuse(command, command.table, exists) : undefined;
  state.set(key, { family: familyOf(command), name, sets: new Map(), chains: new Map() });
  return undefined;
}

function createSet(table: FakeTable, command: FakeCommand): Refusal | undefined {
  const name = parseName(command.name);
  if (table.sets.has(command.name)) return refuse(command, command.name, exists);
  const parts = (/^\{ (.*); \}$/.exec(command.rest)?.[1] ?? '').split('; ');
  const words = new Map(parts.map((one) => [one.slice(0, one.indexOf(' ')), one.slice(one.indexOf(' ') + 1)]));
  const word = words.has('typeof') ? 'typeof' : 'type';
  const type = parseType(table.family, word, words.get(word) ?? '');
  if (name === undefined || type === undefined) return refuse(command, command.text, 'syntax error');
  const timeoutSeconds = parseDuration(words.get('timeout') ?? '') ?? 0;
  const dynamic = words.has('flags') ? { dynamic: { size: Number(words.get('size')), timeoutSeconds } } : {};
  const counted = parts.includes('counter') ? { counted: true as const } : {};
  const set: FakeSet = { name, ...type, ...dynamic, ...counted, elements: new Map() };
  table.sets.set(name, set);
  return undefined;
}

function deleteSet(table: FakeTable, command: FakeCommand): Refusal | undefined {
  if (!table.sets.has(command.name)) return refuse(command, command.name, missing);
  if (isLookedInto(table, command.name)) return refuse(command, command.name, busy);
  table.sets.delete(command.name);
  return undefined;
}

function runChain(table: FakeTable, command: FakeCommand, before: FakeTable | undefined): Refusal | undefined {
  const chain = table.chains.get(command.name);
  if (command.verb === 'create' || command.verb === 'add') {
    const name = parseName(command.name);
    if (chain !== undefined) return command.verb === 'create' ? refuse(command, command.name, exists) : undefined;
    if (name === undefined) return refuse(command, command.text, 'syntax error');
    table.chains.set(name, { name, hook: hookOf(command.rest), lines: [], rules: [] });
    return undefined;
  }
  if (chain === undefined) return refuse(command, command.name, missing);
  if (command.verb === 'flush') {
    table.chains.set(chain.name, { ...chain, lines: [], rules: [] } satisfies Chain);
    return undefined;
  }
  const stillPointedTo = isPointedTo(table, chain.name) || (before !== undefined && isPointedTo(before, chain.name));
  if (stillPointedTo) return refuse(command, command.name, busy);
  table.chains.delete(chain.name);
  return undefined;
}

function hookOf(rest: string): Hook | undefined {
  const match = /^\{ type (nat|filter) hook (\S+) priority (\S+); policy accept; \}$/.exec(rest);
  const priority = parsePriority(match?.[3] ?? '');
  if (match === null || priority === undefined) return undefined;
  return { type: match[1] as Hook['type'], at: match[2] as HookName, priority };
}

function runElements(table: FakeTable, command: FakeCommand): Refusal | undefined {
  const set = table.sets.get(command.name);
  if (set === undefined) return refuse(command, command.name, missing);
  for (const line of command.elements) {
    const isDeleted = command.verb === 'delete';
    const element = parseElement(table.family, isDeleted ? { ...set, data: 'none' } : set, line.text);
    if (element === undefined) return refuse(line, line.text, 'syntax error');
    if (isDeleted) {
      if (!set.elements.delete(element.key)) return refuse(line, element.key, missing);
      continue;
    }
    const there = set.elements.get(element.key);
    if (there !== undefined && (command.verb === 'create' || there.text !== element.text)) {
      return refuse(line, element.key, exists);
    }
    const { data } = element;
    if (data !== undefined && 'chain' in data && !table.chains.has(data.chain))
      return refuse(line, element.key, missing);
    set.elements.set(element.key, element);
  }
  return undefined;
}

/** What the kernel looks at when it has all of a transaction: circles, and actions where they make no sense. */
function findUnsound(state: FakeState, commands: readonly FakeCommand[]): Refusal | undefined {
  const last = commands.findLast(({ object }) => object === 'rule' || object === 'element');
  for (const table of state.values()) {
    for (const problem of checkProgram(programOf(table))) {
      if (last === undefined) continue;
      if (problem.endsWith(' is a cycle')) return refuse(last, last.text, 'Could not process rule: Too many links');
      if (problem.includes(': reached from ')) {
        return refuse(last, last.text, 'Could not process rule: Operation not supported');
      }
    }
  }
  return undefined;
}

function refuse(line: Line, what: string, why: string): Refusal {
  return { complaint: at(line, what, why) };
}

function at(line: Line, what: string, why: string): string {
  // The name of an object follows its table's, and both may be the same word.
  const text = line.whole ?? line.text;
  const place = text === what ? 0 : Math.max(0, text.lastIndexOf(what));
  const underline = `${' '.repeat(place)}${'^'.repeat(what.length)}`;
  return `/dev/stdin:${line.number}:${place + 1}-${place + what.length}: Error: ${why}\n${text}\n${underline}\n`;
}

function familyOf({ family }: Pick<FakeCommand, 'family'>): Family {
  return family === 'ip' ? 'IPv4' : 'IPv6';
}
