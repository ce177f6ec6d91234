import type { Family } from '../../../compiler/values/address.ts';
import type { Name } from '../program/names.ts';
import type { Chain, Element, NftProgram, NftSet } from '../program/program.ts';
import { statementTargets } from '../program/check.ts';
import type { Statement } from '../program/rule.ts';

/** A table in the kernel: like a program, but it changes, and keeps the order in which things were made. */
export interface FakeTable {
  readonly family: Family;
  readonly name: Name;
  readonly sets: Map<string, FakeSet>;
  readonly chains: Map<string, Chain>;
}

export interface FakeSet extends NftSet {
  readonly elements: Map<string, Element>;
}

/** By `ip slicewright`. */
export type FakeState = Map<string, FakeTable>;

/** What a transaction works on: the kernel takes all of it or nothing. */
export function copyState(state: FakeState): FakeState {
  return new Map(
    [...state].map(([key, table]) => [
      key,
      {
        ...table,
        sets: new Map([...table.sets].map(([name, set]) => [name, { ...set, elements: new Map(set.elements) }])),
        chains: new Map(table.chains),
      },
    ]),
  );
}

export function programOf({ family, name, sets, chains }: FakeTable): NftProgram {
  return { family, table: name, sets, chains };
}

/** Whether a rule or an element points to a chain: such a chain cannot be deleted. */
export function isPointedTo(table: FakeTable, chain: string): boolean {
  const program = programOf(table);
  for (const other of table.chains.values()) {
    if (other.name === chain) continue;
    const statements = other.rules.flatMap((rule) => rule?.statements ?? []);
    const direct = statements.filter(({ kind }) => kind !== 'verdictMap');
    if (direct.some((statement) => statementTargets(program, statement).includes(chain))) return true;
  }
  return [...table.sets.values()].some(({ elements }) =>
    [...elements.values()].some(({ data }) => data !== undefined && 'chain' in data && data.chain === chain),
  );
}

/** Whether a rule looks into a set, or fills it. */
export function isLookedInto(table: FakeTable, set: string): boolean {
  return [...table.chains.values()].some(({ rules }) =>
    rules.some((rule) => (rule?.statements ?? []).some((statement) => setsOf(statement).includes(set))),
  );
}

export function setsOf(statement: Statement): string[] {
  switch (statement.kind) {
    case 'inSet':
    case 'dportInSet':
    case 'update':
      return [statement.set];
    case 'verdictMap':
    case 'dnatMap':
      return [statement.map];
    default:
      return [];
  }
}
