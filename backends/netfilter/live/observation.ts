import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { Family } from '../../../compiler/values/address.ts';
import type { Phase } from '../../phase.ts';
import type { Run } from '../../command.ts';
import type { StaleFlows } from '../../conntrack.ts';
import { KernelError } from './errors.ts';
import { fingerprintOf } from '../diff/fingerprint.ts';
import { staleFlows } from './flows.ts';
import { type Mode, readTables, tablesText, type Tools } from './kernel.ts';
import { findModes, type Modes } from './mode.ts';
import { besideOthers, type Owner, ownerOf, withMark } from '../ownership.ts';
import type { OwnChains } from '../own-chains.ts';
import type { Foreign } from '../text/parse.ts';
import { type PlanOptions, planRestores, type RestoreStep } from '../diff/plan.ts';
import { markerOf } from '../prefix.ts';
import { chainKey, type ChainName, type Ruleset, type Table, tables } from '../rule.ts';
import { sectionText } from '../diff/transaction.ts';

/** What one family's kernel holds, and whose it is. */
export interface Observation {
  readonly family: Family;
  /** The names by which it was read. */
  readonly own: OwnChains;
  readonly tools: Tools;
  /** Slicewright's chains, or another program's chains of the same names. */
  readonly ruleset: Ruleset;
  readonly foreign: Foreign;
  readonly owner: Owner;
  /** Rules of Services in the other mode's tables as well: packets meet both. undefined: none. */
  readonly rival: { readonly tools: Tools; readonly owner: Owner } | undefined;
  /** The fingerprint of `ruleset`: a saved plan is for this state and no other. Made on first use. */
  readonly fingerprint: string;
}

/** What a plan starts from: of a kernel's state, as much as a dump of it shows too. */
export type Found = Pick<Observation, 'family' | 'ruleset' | 'foreign' | 'owner' | 'fingerprint'>;

/** The desired state. */
export interface Target {
  /** undefined: nothing of slicewright's. */
  readonly program: Ruleset | undefined;
  /** As compiled: an endpoint that still serves keeps its UDP connections. */
  readonly services: readonly ServicePortIR[];
}

export interface ForgetStep {
  readonly phase: Phase;
  readonly kind: 'forget-connections';
  readonly family: Family;
  readonly flows: readonly StaleFlows[];
}

export type NetfilterStep = RestoreStep | ForgetStep;

/** A plan for one family, for people, for a file and for `applyPlan`. */
export interface LivePlan {
  readonly family: Family;
  /** Before: only there does the plan apply. */
  readonly fingerprint: string;
  /** After: what a reading must show then. */
  readonly result: string;
  readonly observed: Ruleset;
  readonly desired: Ruleset;
  readonly steps: readonly NetfilterStep[];
}

/**
 * Reads one family's tables, in whatever mode holds them.
 *
 * inUse    the mode that was chosen before, which stays
 * throws   KernelError
 */
export async function observe(run: Run, family: Family, own: OwnChains, inUse?: Mode): Promise<Observation> {
  const { chosen, other }: Modes = await findModes(run, family, withMark(own), inUse);
  const rivalOwner = other === undefined ? 'nobody' : ownerOf(other.save.ruleset, own.prefix);
  const rival = other === undefined || rivalOwner === 'nobody' ? undefined : { tools: other.tools, owner: rivalOwner };
  return observation(chosen.tools, chosen.save, rival, own);
}

/** The same where the family may be absent; undefined: this machine has no tables of it. */
export function observePossible(run: Run, family: Family, own: OwnChains): Promise<Observation | undefined> {
  return ifPossible(() => observe(run, family, own));
}

/** undefined: this machine has no tables of the family that is read. */
export async function ifPossible(read: () => Promise<Observation>): Promise<Observation | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof KernelError && error.isAbsence) return undefined;
    throw error;
  }
}

/** The text of the tables that {@link observe} would choose; undefined: none is needed, and this machine has none. */
export async function recordTables(
  run: Run,
  family: Family,
  own: OwnChains,
  isNeeded: boolean,
): Promise<string | undefined> {
  const observed = isNeeded ? await observe(run, family, own) : await observePossible(run, family, own);
  return observed && tablesText(run, observed.tools, withMark(own));
}

/** Whether what is there goes where nothing is wanted: slicewright's own, and at a take-over the other program's. */
export function isToGo({ owner }: Pick<Observation, 'owner'>, { takeOver }: { readonly takeOver: boolean }): boolean {
  return owner === 'us' || (takeOver && owner === 'another writer');
}

/** Reads the same tables again. */
export async function observeAgain(run: Run, { tools, rival }: Observation, own: OwnChains): Promise<Observation> {
  return observation(tools, await readTables(run, tools, withMark(own)), rival, own);
}

function observation(
  tools: Tools,
  { ruleset, foreign }: { readonly ruleset: Ruleset; readonly foreign: Foreign },
  rival: Observation['rival'],
  own: OwnChains,
): Observation {
  const { family } = tools;
  return {
    family,
    own,
    tools,
    ruleset,
    foreign,
    owner: ownerOf(ruleset, own.prefix),
    rival,
    get fingerprint() {
      return fingerprintOf(ruleset);
    },
  };
}

/** The desired rules beside other programs' rules. On a node with no rule of slicewright's there is nothing to remove. */
export function desiredRuleset(
  { ruleset, foreign, owner }: Found,
  { program }: Target,
  { prefix }: OwnChains,
): Ruleset {
  return program === undefined && owner === 'nobody' ? ruleset : besideOthers(program, ruleset, foreign, prefix);
}

export function planLive(
  observed: Found,
  target: Target,
  own: OwnChains,
  desired = desiredRuleset(observed, target, own),
  limit?: number,
): LivePlan {
  const { family, ruleset, foreign } = observed;
  const restores = planMarked(ruleset, desired, withMark(own), {
    referenced: referencedChains(foreign),
    ...(limit === undefined ? {} : { limit }),
  });
  const flows = staleFlows(ruleset, desired, target.services, own);
  const forget: ForgetStep = { phase: 'drain', kind: 'forget-connections', family, flows };
  const steps: NetfilterStep[] = [
    ...restores.filter(({ phase }) => phase !== 'remove'),
    ...(flows.length > 0 ? [forget] : []),
    ...restores.filter(({ phase }) => phase === 'remove'),
  ];
  return {
    family,
    get fingerprint() {
      return observed.fingerprint;
    },
    get result() {
      return fingerprintOf(desired);
    },
    observed: ruleset,
    desired,
    steps,
  };
}

/** Chains of table nat that other programs' rules lead to. */
function referencedChains({ references }: Foreign): string[] {
  return references.filter(({ table }) => table === 'nat').map(({ line }) => line.split(' ').at(-1) ?? '');
}

/**
 * Slicewright's mark exists from before the first of its chains until after the last: if a plan is interrupted, the next
 * one knows that the remaining chains are slicewright's.
 */
function planMarked(observed: Ruleset, desired: Ruleset, own: OwnChains, options: PlanOptions): RestoreStep[] {
  const marker = markerOf(own.prefix);
  const comes = tables.filter((table) => hasChain(desired, table, marker) && !hasChain(observed, table, marker));
  const goes = tables.filter((table) => hasChain(observed, table, marker) && !hasChain(desired, table, marker));
  const marked = withChains(desired, observed, goes, marker);
  const claimed = withChains(observed, desired, comes, marker);
  return [
    ...markStep(desired.family, 'prepare', comes, marker),
    ...planRestores(claimed, marked, own, options),
    ...markStep(desired.family, 'remove', goes, marker),
  ];
}

function hasChain({ chains }: Ruleset, table: Table, name: ChainName): boolean {
  return chains.has(chainKey(table, name));
}

function withChains(ruleset: Ruleset, source: Ruleset, of: readonly Table[], name: ChainName): Ruleset {
  if (of.length === 0) return ruleset;
  const marks = of.flatMap((table) => source.chains.get(chainKey(table, name)) ?? []);
  return {
    ...ruleset,
    chains: new Map([...ruleset.chains, ...marks.map((chain) => [chainKey(chain.table, chain.name), chain] as const)]),
  };
}

function markStep(
  family: Family,
  phase: 'prepare' | 'remove',
  marked: readonly Table[],
  marker: ChainName,
): RestoreStep[] {
  if (marked.length === 0) return [];
  const section =
    phase === 'prepare'
      ? { chains: [{ name: marker, declared: true, lines: [] }], hooks: [], deleted: [] }
      : { chains: [], hooks: [], deleted: [marker] };
  return [{ phase, kind: 'restore', document: { family, tables: marked.map((table) => sectionText(table, section)) } }];
}
