import type { Chain, Element, NftProgram, NftSet } from '../program/program.ts';
import type { Statement } from '../program/rule.ts';

/** How two programs of one table differ, by set, element and chain. */
export interface Difference {
  readonly sets: {
    readonly created: readonly NftSet[];
    readonly deleted: readonly NftSet[];
  };
  /** Elements of sets that stay. A changed element is deleted and created. */
  readonly elements: readonly {
    readonly set: NftSet;
    readonly created: readonly Element[];
    readonly deleted: readonly Element[];
  }[];
  readonly chains: {
    readonly created: readonly Chain[];
    /** Are there, and get other rules. */
    readonly rewritten: readonly Chain[];
    readonly deleted: readonly Chain[];
  };
}

/**
 * What leads from one program to another; `undefined` where only a new table does: a chain begins at another hook, or
 * something was found that no command of a program removes.
 * A set that changes its type is deleted and created; then all chains that look into it are written again.
 */
export function diffPrograms(observed: NftProgram, desired: NftProgram): Difference | undefined {
  if (observed.strange !== undefined) return undefined;
  const createdSets: NftSet[] = [];
  const deletedSets: NftSet[] = [];
  const elements: Difference['elements'][number][] = [];
  const replaced = new Set<string>();
  for (const set of desired.sets.values()) {
    const found = observed.sets.get(set.name);
    if (found === undefined) {
      createdSets.push(set);
    } else if (!isSameType(found, set)) {
      deletedSets.push(found);
      createdSets.push(set);
      replaced.add(set.name);
    } else if (found.elements !== set.elements) {
      const change = diffElements(found, set);
      if (change !== undefined) elements.push(change);
    }
  }
  for (const set of observed.sets.values()) if (!desired.sets.has(set.name)) deletedSets.push(set);

  const created: Chain[] = [];
  const rewritten: Chain[] = [];
  for (const chain of desired.chains.values()) {
    const found = observed.chains.get(chain.name);
    if (found === undefined) created.push(chain);
    else if (!isSameHook(found, chain)) return undefined;
    else if (!isSameLines(found.lines, chain.lines) || looksInto(chain, replaced)) rewritten.push(chain);
  }
  const deleted = [...observed.chains.values()].filter(({ name }) => !desired.chains.has(name));
  return { sets: { created: createdSets, deleted: deletedSets }, elements, chains: { created, rewritten, deleted } };
}

function isSameType(a: NftSet, b: NftSet): boolean {
  return (
    a.data === b.data &&
    a.protocol === b.protocol &&
    a.counted === b.counted &&
    a.key.join() === b.key.join() &&
    a.dynamic?.timeoutSeconds === b.dynamic?.timeoutSeconds &&
    a.dynamic?.size === b.dynamic?.size
  );
}

function isSameHook({ hook: a }: Chain, { hook: b }: Chain): boolean {
  return a?.type === b?.type && a?.at === b?.at && a?.priority === b?.priority;
}

export function isSameLines(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((line, i) => line === b[i]));
}

function diffElements(found: NftSet, wanted: NftSet): Difference['elements'][number] | undefined {
  const created: Element[] = [];
  const deleted: Element[] = [];
  for (const element of wanted.elements.values()) {
    const there = found.elements.get(element.key);
    if (there === element || there?.text === element.text) continue;
    if (there !== undefined) deleted.push(there);
    created.push(element);
  }
  for (const element of found.elements.values()) if (!wanted.elements.has(element.key)) deleted.push(element);
  return created.length + deleted.length === 0 ? undefined : { set: wanted, created, deleted };
}

function looksInto({ rules }: Chain, sets: ReadonlySet<string>): boolean {
  if (sets.size === 0) return false;
  return rules.some((rule) => (rule?.statements ?? []).some((statement) => sets.has(setOf(statement) ?? '')));
}

function setOf(statement: Statement): string | undefined {
  switch (statement.kind) {
    case 'inSet':
    case 'dportInSet':
    case 'update':
      return statement.set;
    case 'verdictMap':
    case 'dnatMap':
      return statement.map;
    default:
      return undefined;
  }
}
