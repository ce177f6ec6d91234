import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { canonicalJson } from '../../../compiler/values/canonical-json.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { type ServicePortId, servicePortText } from '../../../compiler/values/names.ts';
import { assemble } from '../../assemble.ts';
import type { PlaneOptions } from '../../backend.ts';
import { forgetConnections } from '../../conntrack.ts';
import { createAheadWatch } from '../../plane/ahead-watch.ts';
import { createDelays } from '../../plane/delays.ts';
import { emptySync, type FamilyPlane, type FamilySync } from '../../plane/plane.ts';
import { isUsed, type Target } from '../../target.ts';
import { rememberUnits } from '../../units.ts';
import { nftables } from '../maker.ts';
import { createIncrement, type Increment } from '../plan/increment.ts';
import { planDifference } from '../plan/plan.ts';
import { familyWord } from '../program/print-rule.ts';
import type { NftProgram } from '../program/program.ts';
import type { Maker } from '../../maker.ts';
import type { NftablesUnit } from '../unit.ts';
import { readAhead } from './ahead.ts';
import { applyWanted, desiredOf, type Wanted } from './apply.ts';
import { NftError } from './errors.ts';
import { staleFlows } from './flows.ts';
import { glanceAtTable, type Observation, observe, observePossible } from './observe.ts';
import { findDrift } from './parts.ts';
import { lineCount, perform } from './perform.ts';
import { planSteps } from './steps.ts';

type Done = Pick<FamilySync, 'depth' | 'documents' | 'lines' | 'drift' | 'remarks'> & {
  readonly refused: readonly { readonly service: string; readonly message: string }[];
};

type Counted = Done & Pick<FamilySync, 'diagnostics'>;

/**
 * One family's table.
 *
 * What was applied last is remembered, and a delta is planned from there: between two readings that memory is the truth. The
 * kernel checks it, since a transaction creates and deletes and so fails as a whole where the table is another one.
 */
export function createNftablesPlane({ run, scope, nowMs, delayTimes }: PlaneOptions): FamilyPlane {
  const { family, takeOver } = scope;
  const maker = rememberUnits(nftables);
  // Going through the whole program for flaws of slicewright's takes longer than all else of a small change, and the kernel
  // refuses them too: deltas go unchecked, and each full sync checks all.
  const unchecked = { ...maker, check: () => [] };
  const delays = createDelays<string>(nowMs, delayTimes);
  const ahead = createAheadWatch();
  let believed: Observation | undefined;
  let increment: { readonly node: NodeContext; readonly of: Increment } | undefined;

  /** The quick way of a delta: what changed is counted. undefined: it takes comparing programs. */
  async function count(from: Observation, target: Target): Promise<Counted | 'refused' | undefined> {
    const isSameNode = increment?.node === target.node || canonicalJson(increment?.node) === canonicalJson(target.node);
    if (increment === undefined || !isSameNode || delays.list().length > 0) return undefined;
    const { units, diagnostics } = unitsOf(unchecked, target);
    const change = increment.of.changeTo(units);
    // Which connections of UDP are stale is found by comparing programs.
    if (change === undefined || change.changed.some((id) => id.includes('/UDP/'))) return undefined;
    const remembered = increment;
    const steps = change.isEmpty ? [] : [planDifference(remembered.of.program, change.difference)];
    increment = undefined;
    believed = undefined;
    let documents = 0;
    try {
      if (steps.length > 0) documents = await perform(run, family, steps);
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      return 'refused';
    }
    change.commit();
    increment = remembered;
    believed = { ...from, program: remembered.of.program };
    return { depth: 'delta', documents, lines: lineCount(steps), drift: [], remarks: [], refused: [], diagnostics };
  }

  async function full(wanted: Wanted, held: ReadonlySet<string>): Promise<Done> {
    const before = believed;
    believed = undefined;
    const start = await observe(run, scope);
    const strange = wanted.assembled && (await readAhead(run, wanted.assembled.program));
    const drift = [
      ...(before === undefined ? [] : findDrift(before.program, start.program)),
      ...(strange === undefined ? [] : ahead.look(strange)),
    ];
    const outcome = await applyWanted(run, scope, start, wanted, held, false);
    believed = outcome.observed;
    const { documents, lines, disturbances, forgotten, quarantined } = outcome;
    const remarks = forgotten.problem === undefined ? [] : [forgotten.problem];
    if (disturbances > 0) remarks.push(`another writer changed the table ${disturbances} times while it was written`);
    const refused = quarantined.map(({ service, rule, message }) => ({
      service,
      message: rule === undefined ? message : `${rule}\n${message}`,
    }));
    return { depth: 'full', documents, lines, drift, remarks, refused };
  }

  /** undefined: it did not go through, and nothing is believed any more. */
  async function delta(from: Observation, wanted: Wanted, held: ReadonlySet<string>): Promise<Done | undefined> {
    const desired = desiredOf(from.program, wanted, held);
    const steps = planSteps(from, desired, takeOver);
    believed = undefined;
    let documents = 0;
    try {
      if (steps.length > 0) documents = await perform(run, family, steps);
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      return undefined;
    }
    believed = { ...from, program: desired, kubeProxy: undefined };
    const flows = documents === 0 ? [] : staleFlows(from.program, desired, wanted.services);
    const { problem } = await forgetConnections(run, family, flows);
    const remarks = problem === undefined ? [] : [problem];
    return { depth: 'delta', documents, lines: lineCount(steps), drift: [], remarks, refused: [] };
  }

  function said(
    { depth, documents, lines, drift, remarks }: Done,
    diagnostics: FamilySync['diagnostics'],
    deltaRefused: boolean,
    released: readonly string[] = [],
  ): FamilySync {
    return {
      ...{ depth, documents, lines, drift, remarks, diagnostics, deltaRefused, released },
      rules: countRules(believed?.program),
      written: undefined,
      quarantined: delays.list(),
      againInMs: delays.nextInMs(),
    };
  }

  return {
    family,
    async sync(target, depth) {
      const used = isUsed(target);
      if (!used && (await observePossible(run, scope)) === undefined) return emptySync(depth);
      const counted = depth === 'delta' && used && believed !== undefined ? await count(believed, target) : undefined;
      if (counted !== undefined && counted !== 'refused') return said(counted, counted.diagnostics, false);
      const assembled = assemble(depth === 'full' ? maker : unchecked, target.services, target.node);
      const wanted: Wanted = { assembled: used ? assembled : undefined, node: target.node, services: target.services };
      const meanings = meaningsOf(target);
      const held = delays.held(meanings);
      const quick = counted === 'refused' || (depth === 'delta' && used && believed !== undefined);
      increment = undefined;
      const done =
        (quick && believed !== undefined ? await delta(believed, wanted, held) : undefined) ??
        (await full(wanted, held));
      const released = delays.settle(done.refused, meanings);
      if (used && held.size === 0 && done.refused.length === 0) {
        const of = createIncrement(assembled.program, assembled.units, target.node);
        increment = of && { node: target.node, of };
        if (of !== undefined && believed !== undefined) believed = { ...believed, program: of.program };
      }
      return said(done, assembled.diagnostics, quick && done.depth === 'full', released);
    },

    async glance() {
      return believed?.program === undefined ? undefined : glanceAtTable(run, family, believed.table);
    },
  };
}

/** Every Service port lowered, those that did not change from memory. */
function unitsOf(maker: Maker<NftablesUnit, NftProgram>, { services, node }: Target) {
  const units = new Map<ServicePortId, NftablesUnit>();
  const diagnostics: Diagnostic[] = [];
  for (const ir of services) {
    const lowered = maker.lower(ir, node, undefined);
    units.set(ir.id, lowered.unit);
    diagnostics.push(...lowered.diagnostics);
  }
  return { units, diagnostics };
}

/** What each Service port means now, by the name that comments bear: ports of one name share their fate. */
function meaningsOf({ services }: Target): Map<string, string> {
  const meanings = new Map<string, string>();
  for (const { service, portName, hash } of services) {
    const text = servicePortText(service, portName);
    meanings.set(text, `${meanings.get(text) ?? ''} ${hash}`);
  }
  return meanings;
}

function countRules(program: NftProgram | undefined): ReadonlyMap<string, number> {
  if (program === undefined) return new Map();
  const rules = [...program.chains.values()].reduce((sum, { lines }) => sum + lines.length, 0);
  return new Map([[`${familyWord(program.family)} ${program.table}`, rules]]);
}
