import type { Family } from '../../../compiler/values/address.ts';
import { compareText } from '../../../compiler/values/names.ts';
import type { Phase } from '../../phase.ts';
import { type ChainChange, chainText, diffIn, diffTable, isEmptyDiff, type TableDiff, tableState } from './diff.ts';
import type { TableText } from '../text/document.ts';
import { halfwayFilter } from './halfway.ts';
import type { OwnChains } from '../own-chains.ts';
import { type Owners, ownersIn } from '../owners.ts';
import { leavesFirst, reachableChains } from '../trace/reach.ts';
import type { Ruleset } from '../rule.ts';
import {
  chainCost,
  cutChain,
  documentLimit,
  isEmptySection,
  lineCount,
  packUpTo,
  type RestoreDocument,
  type Section,
  sectionText,
} from './transaction.ts';

/** Kept as data until it is performed: a plan is shown, saved and tested without a kernel. */
export interface RestoreStep {
  readonly phase: Phase;
  readonly kind: 'restore';
  readonly document: RestoreDocument;
}

export interface PlanOptions {
  /** Chains of table nat that other programs' rules jump to: packets get there without slicewright's hooks. */
  readonly referenced?: readonly string[];
  /** Lines of a document, about. */
  readonly limit?: number;
}

/**
 * The ordered steps from one program to another.
 *
 * Promise
 *   - Empty exactly when the two are equal. After the last step the kernel holds the desired one.
 *   - Every prefix is safe. However many documents were taken, and however many tables of the next
 *     one, each packet gets its old verdict or its new one, never a third. So a plan may be
 *     abandoned anywhere, and the next plan starts from what is found.
 *   - A chain is written if and only if its lines differ. One changed endpoint is one document with
 *     that Service's chain, its new endpoint chains, and the deletion of the old ones.
 *
 * Goals that pull against each other
 *   - *One commit or many.* One commit per table is the simplest way to be atomic. But nft mode takes
 *     half a minute for a large node in one commit and four seconds in twenty, and holds the lock.
 *   - *Two tables.* A Service that loses its endpoints leaves nat and enters filter, and the tables
 *     commit apart.
 *   - *Chains refer to each other.* A chain must exist before a rule jumps to it, and no rule may
 *     jump to it when it is deleted.
 *
 * Settlement
 *   - A change that fits in one document goes in one: filter in between, nat, filter as wanted
 *     ({@link halfwayFilter}). Within a table everything commits at once, so there is no order to mind.
 *   - A larger change is cut by what packets can see.
 *       prepare   chains that no packet gets to yet, leaves first; in pieces, if need be. On a node
 *                 without slicewright's rules that is nearly everything, dispatch chains included.
 *       switch    Services that change only in their own chains, whole Services to a document: then
 *                 one document with the shared chains, the hooks, table filter around it, and those
 *                 Services whose rules in shared chains change too. Only this document may be long, and
 *                 only because of what must change together.
 *       remove    chains that no packet gets to any more, those that jump before those jumped to.
 *   - No undo: a refused table changed nothing, and no packet reaches what earlier documents prepared
 *     until the next plan uses or removes it.
 */
export function planRestores(
  observed: Ruleset,
  desired: Ruleset,
  own: OwnChains,
  options: PlanOptions = {},
): RestoreStep[] {
  const { family } = desired;
  const nat = diffIn('nat', observed, desired);
  const filter = { from: tableState(observed, 'filter'), to: tableState(desired, 'filter') };
  const halfway = isEmptyDiff(nat) ? filter.to : halfwayFilter(observed, desired, filter, own);
  const around: Around = {
    before: [
      sectionText('mangle', wholeSection(family, diffIn('mangle', observed, desired))),
      sectionText('filter', wholeSection(family, diffTable(family, filter.from, halfway))),
    ],
    after: [sectionText('filter', wholeSection(family, diffTable(family, halfway, filter.to)))],
  };

  const whole = wrap(around, sectionText('nat', wholeSection(family, nat)));
  if (whole.length === 0) return [];
  const limit = options.limit ?? documentLimit;
  if (lineCount(whole) <= limit) return [step(family, 'switch', whole)];
  const reached = reachableChains(tableState(observed, 'nat'), options.referenced);
  return planInPieces({ family, nat, around, reached, owners: ownersIn([desired, observed], own), own, limit });
}

interface LargeChange {
  readonly family: Family;
  readonly nat: TableDiff;
  readonly around: Around;
  /** Chains of table nat that packets get to now. */
  readonly reached: ReadonlySet<string>;
  readonly owners: Owners;
  readonly own: OwnChains;
  readonly limit: number;
}

function planInPieces({ family, nat, around, reached, owners, own, limit }: LargeChange): RestoreStep[] {
  const texts = (changes: readonly ChainChange[]) => changes.map((change) => chainText(family, change));
  const natOnly = (section: Partial<Section>) => [
    sectionText('nat', { chains: [], hooks: [], deleted: [], ...section }),
  ];

  const free = [...nat.created, ...nat.changed.filter(({ name }) => !reached.has(name))];
  const prepared = leavesFirst(fromAbove(free, own), ({ to }) => to).flatMap(({ name, to }) =>
    cutChain({ name, declared: true, lines: to }, limit),
  );
  const bound = nat.changed.filter(({ name }) => reached.has(name));
  const { apart, together } = groupByService(bound, owners, touchedServices(nat, around, owners));
  const switched = wrap(around, sectionText('nat', { chains: texts(together), hooks: nat.hooks, deleted: [] }));
  const deleted = leavesFirst(fromAbove(nat.deleted, own), ({ from }) => from).reverse();

  const documents = {
    prepare: packUpTo(prepared, chainCost, limit).map((chains) => natOnly({ chains })),
    switch: [
      ...packUpTo(apart.map(texts), (chains) => sum(chains.map(chainCost)), limit).map((groups) =>
        natOnly({ chains: groups.flat() }),
      ),
      ...(switched.length > 0 ? [switched] : []),
    ],
    remove: packUpTo(deleted, () => 2, limit).map((chains) => natOnly({ deleted: chains.map(({ name }) => name) })),
  };
  return (['prepare', 'switch', 'remove'] as const).flatMap((phase) =>
    documents[phase].map((tables) => step(family, phase, tables)),
  );
}

/** Sections of other tables before and after that of nat in one document. */
interface Around {
  readonly before: readonly TableText[];
  readonly after: readonly TableText[];
}

function wrap({ before, after }: Around, nat: TableText): TableText[] {
  return [...before, nat, ...after].filter((section) => !isEmptySection(section));
}

function step(family: Family, phase: Phase, tables: readonly TableText[]): RestoreStep {
  return { phase, kind: 'restore', document: { family, tables } };
}

function wholeSection(family: Family, { created, changed, deleted, hooks }: TableDiff): Section {
  return {
    chains: [...created, ...changed].map((change) => chainText(family, change)),
    hooks,
    deleted: deleted.map(({ name }) => name),
  };
}

/**
 * Shared chains first: walked from there, a Service's chains are met together, in the order of its
 * frontends. In nft mode a rule that jumps to a chain of the same document costs a third of one
 * that jumps to a chain of an earlier one.
 */
function fromAbove(changes: readonly ChainChange[], { isServiceChain }: OwnChains): ChainChange[] {
  const shared: ChainChange[] = [];
  const ofOne: ChainChange[] = [];
  for (const change of changes) (isServiceChain(change.name) ? ofOne : shared).push(change);
  return shared.concat(ofOne);
}

/** Services with a rule that comes or goes in a chain that all share: their own chains must change with it. */
function touchedServices(nat: TableDiff, { before, after }: Around, owners: Owners): Set<string> {
  const touched = new Set<string>();
  const add = (table: 'nat' | 'filter', line: string): void => {
    const service = owners.ofLine(table, line);
    if (service !== undefined) touched.add(service);
  };
  for (const { name, from, to } of nat.changed) {
    if (owners.ofChain('nat', name) !== undefined) continue;
    const stands = new Set(from);
    const stays = new Set(to);
    for (const line of from) if (!stays.has(line)) add('nat', line);
    for (const line of to) if (!stands.has(line)) add('nat', line);
  }
  for (const { lines } of [...before, ...after]) for (const line of lines) add('filter', line);
  return touched;
}

/** Chains of each Service that can change by itself; all others, which must change together. */
function groupByService(
  changes: readonly ChainChange[],
  owners: Owners,
  touched: ReadonlySet<string>,
): { readonly apart: readonly (readonly ChainChange[])[]; readonly together: readonly ChainChange[] } {
  const services = Map.groupBy(changes, ({ name }) => owners.ofChain('nat', name));
  const apart = [...services].filter((group): group is [string, ChainChange[]] => {
    const [service] = group;
    return service !== undefined && !touched.has(service);
  });
  const alone = new Set(apart.flatMap(([, members]) => members));
  return {
    apart: apart.sort(([a], [b]) => compareText(a, b)).map(([, members]) => members),
    together: changes.filter((change) => !alone.has(change)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
