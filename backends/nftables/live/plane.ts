import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { canonicalJson } from '../../../compiler/values/canonical-json.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { counted } from '../../../compiler/values/counted.ts';
import { type ServicePortId, servicePortIn, servicePortText } from '../../../compiler/values/names.ts';
import { assemble, type Assembled } from '../../assemble.ts';
import type { PlaneOptions } from '../../backend.ts';
import { forgetConnections } from '../../conntrack.ts';
import { createAheadWatch } from '../../plane/ahead-watch.ts';
import { createDelays } from '../../plane/delays.ts';
import { createEarlyReading } from '../../plane/early-reading.ts';
import { emptySync, type FamilyPlane, type FamilySync } from '../../plane/plane.ts';
import { isUsed, type Target } from '../../target.ts';
import { rememberUnits } from '../../units.ts';
import { nftables } from '../maker.ts';
import { compareUnits, createIncrement, type Increment, sumOfRules } from '../plan/increment.ts';
import { planDifference } from '../plan/plan.ts';
import { tableName } from '../program/names.ts';
import { familyWord } from '../program/print-rule.ts';
import type { NftProgram } from '../program/program.ts';
import type { NftablesUnit } from '../unit.ts';
import { readAhead } from './ahead.ts';
import { applyWanted, desiredOf, type Wanted } from './apply.ts';
import { NftError } from './errors.ts';
import { staleFlows, staleFlowsBetween, udpFrontendsOf } from './flows.ts';
import { holdBack } from './held-back.ts';
import { ifPossible, listTables, lookAtTable, type Observation, observePossible, readListed } from './observe.ts';
import { findDrift } from './parts.ts';
import { lineCount, perform } from './perform.ts';
import { planSteps } from './steps.ts';

type Done = Pick<FamilySync, 'depth' | 'documents' | 'lines' | 'drift' | 'remarks'> & {
  readonly refused: readonly { readonly service: string; readonly message: string }[];
};

type Counted = Done & Pick<FamilySync, 'diagnostics'>;

/** A kernel that was read, before it is taken apart. */
interface Reading {
  /** known: a program that most likely is in force. Throws NftError. */
  readonly observed: (known: NftProgram | undefined) => Observation;
  /** Rules of other programs that come first; undefined: they were not looked for. */
  readonly strange: Awaited<ReturnType<typeof readAhead>>;
}

/** What is in force, in the form that counts changes. */
interface Remembered {
  /** The list of Service ports, the very value. */
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
  readonly of: Increment;
  /** The diagnostics from lowering Service ports; most have none. */
  readonly complaints: Map<ServicePortId, readonly Diagnostic[]>;
}

/**
 * One family's table.
 *
 * What was applied last is remembered, and a delta is planned from there: between two readings that memory is the truth. The
 * kernel checks it, since a transaction creates and deletes and so fails as a whole where what it is about is not as it was. The
 * rest of the table is read by the next full sync, which ends with a reading that shows what it wrote.
 */
export function createNftablesPlane({ run, scope, nowMs, delayTimes }: PlaneOptions): FamilyPlane {
  const { family, takeOver } = scope;
  const maker = rememberUnits(nftables);
  // Going through the whole program for flaws of slicewright's takes longer than all else of a small change, and the kernel
  // refuses them too: deltas go unchecked, and each full sync checks all.
  const unchecked = { ...maker, check: () => [] };
  const delays = createDelays<string>(nowMs, delayTimes);
  const ahead = createAheadWatch();
  const early = createEarlyReading(read, nowMs);
  let believed: Observation | undefined;
  let increment: Remembered | undefined;

  /** The quick way of a delta: what changed is counted. undefined: it takes comparing programs. */
  async function countChanges(from: Observation, target: Target): Promise<Counted | 'refused' | undefined> {
    const remembered = increment;
    if (remembered === undefined || isAboutHeld(remembered, target)) return undefined;
    const isSameNode = remembered.node === target.node || canonicalJson(remembered.node) === canonicalJson(target.node);
    if (!isSameNode) return undefined;
    const { of, complaints } = remembered;
    const lowered = changedUnits(remembered, target);
    const change = of.change(lowered.units);
    if (change === undefined) return undefined;
    const steps = change.isEmpty ? [] : [planDifference(of.program, change.difference)];
    const old = udpFrontendsOf(of.program, change.gone);
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
    for (const [id, diagnostics] of lowered.complaints) complaints.set(id, diagnostics);
    increment = { ...remembered, services: target.services };
    believed = { ...from, program: of.program };
    const flows =
      documents === 0 ? [] : staleFlowsBetween(old, udpFrontendsOf(of.program, change.come), lowered.services);
    const { problem } = await forgetConnections(run, family, flows);
    const remarks = problem === undefined ? [] : [problem];
    const diagnostics = [...complaints.values()].flat();
    return { depth: 'delta', documents, lines: lineCount(steps), drift: [], remarks, refused: [], diagnostics };
  }

  /** Whether a held Service port changes, or may be tried again; also true if it is unknown which ports change. */
  function isAboutHeld({ services }: Remembered, { since }: Target): boolean {
    const held = delays.list();
    if (held.length === 0) return false;
    if (since?.services !== services || held.some(({ retryInMs }) => retryInMs <= 0)) return true;
    const names = new Set(held.map(({ service }) => service));
    return [...since.changes.keys()].some((id) => names.has(servicePortIn(id)));
  }

  /** What is in force after a sync that went through, so that the next change can be counted. */
  function remember(
    target: Target,
    { program, units }: Pick<Assembled<NftablesUnit, NftProgram>, 'program' | 'units'>,
  ) {
    if (believed === undefined) return;
    const held = new Set(delays.list().map(({ service }) => service));
    const inForce = held.size === 0 ? { program, units } : holdBack(believed.program, units, held, target.node);
    const of = createIncrement(inForce.program, inForce.units, target.node);
    if (of === undefined) return;
    increment = { services: target.services, node: target.node, of, complaints: complaintsOf(target) };
    believed = { ...believed, program: of.program };
  }

  /** Service ports that may have changed since the increment, lowered: by the history of the list, else all are looked at. */
  function changedUnits({ services, of, complaints: known }: Remembered, target: Target) {
    const { since } = target;
    const complaints = new Map<ServicePortId, readonly Diagnostic[]>();
    const lower = (ir: ServicePortIR): NftablesUnit => {
      const { unit, diagnostics } = unchecked.lower(ir, target.node, undefined);
      if (diagnostics.length > 0 || known.has(ir.id)) complaints.set(ir.id, diagnostics);
      return unit;
    };
    if (since?.services === services) {
      const changes = [...since.changes];
      const units = new Map(changes.map(([id, port]) => [id, port === 'gone' ? port : lower(port)] as const));
      for (const [id, port] of changes) if (port === 'gone' && known.has(id)) complaints.set(id, []);
      return { units, complaints, services: changes.flatMap(([, port]) => (port === 'gone' ? [] : [port])) };
    }
    const all = new Map(target.services.map((ir) => [ir.id, lower(ir)]));
    for (const id of known.keys()) if (!all.has(id)) complaints.set(id, []);
    return { units: compareUnits(of.units, all), complaints, services: target.services };
  }

  async function read(): Promise<Reading> {
    const others = readAhead(run, { family, table: tableName(scope.prefix) });
    const [listed, strange] = await Promise.all([listTables(run, scope), others]);
    return { observed: (known) => readListed(scope, listed, known), strange };
  }

  /** Of a family that no Service uses. undefined: this machine has no nftables for it. */
  async function readUnused(): Promise<Reading | undefined> {
    const begun = early.takeBegun();
    const observation =
      begun === undefined
        ? await observePossible(run, scope)
        : await ifPossible(async () => (await begun).observed(undefined));
    return observation && { observed: () => observation, strange: undefined };
  }

  async function full(wanted: Wanted, held: ReadonlySet<string>, reading: Promise<Reading>): Promise<Done> {
    const before = believed;
    believed = undefined;
    const { observed, strange } = await reading;
    const start = observed(wanted.assembled?.program);
    const drift = [
      ...(before === undefined ? [] : findDrift(before.program, start.program)),
      ...(strange === undefined ? [] : ahead.look(strange)),
    ];
    const outcome = await applyWanted(run, scope, start, wanted, held, 'one look');
    believed = outcome.observed;
    const { documents, lines, disturbances, forgotten, quarantined } = outcome;
    const remarks = forgotten.problem === undefined ? [] : [forgotten.problem];
    if (disturbances > 0)
      remarks.push(`another program changed the table ${counted(disturbances, 'time')} during a write`);
    const refused = quarantined.map(({ service, rule, message }) => ({
      service,
      message: rule === undefined ? message : `${rule}\n${message}`,
    }));
    return { depth: 'full', documents, lines, drift, remarks, refused };
  }

  /** undefined: the delta failed, and what was remembered is discarded. */
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

  function complaintsOf({ services, node }: Target): Remembered['complaints'] {
    const complaints: Remembered['complaints'] = new Map();
    for (const ir of services) {
      const { diagnostics } = maker.lower(ir, node, undefined);
      if (diagnostics.length > 0) complaints.set(ir.id, diagnostics);
    }
    return complaints;
  }

  function said(
    { depth, documents, lines, drift, remarks }: Done,
    diagnostics: FamilySync['diagnostics'],
    deltaRefused: boolean,
    released: readonly string[] = [],
  ): FamilySync {
    return {
      ...{ depth, documents, lines, drift, remarks, diagnostics, deltaRefused, released },
      rules: countRules(believed?.program, increment?.of),
      written: undefined,
      quarantined: delays.list(),
      againInMs: delays.nextInMs(),
    };
  }

  return {
    family,
    beginReading: early.begin,
    async sync(target, depth) {
      const used = isUsed(target);
      const unused = used ? undefined : await readUnused();
      if (!used && unused === undefined) return emptySync(depth);
      const counted =
        depth === 'delta' && used && believed !== undefined ? await countChanges(believed, target) : undefined;
      if (counted !== undefined && counted !== 'refused') return said(counted, counted.diagnostics, false);
      const quick = counted === 'refused' || (depth === 'delta' && used && believed !== undefined);
      // nft reads while the program is made.
      const reading = unused !== undefined ? Promise.resolve(unused) : quick ? undefined : early.take();
      // The code that awaits the reading handles its failure; until then the failure must not count as unhandled.
      reading?.catch(() => {});
      const assembled = assemble(depth === 'full' ? maker : unchecked, target.services, target.node);
      const wanted: Wanted = { assembled: used ? assembled : undefined, node: target.node, services: target.services };
      const meanings = meaningsOf(target);
      const held = delays.held(meanings);
      increment = undefined;
      const done =
        (quick && believed !== undefined ? await delta(believed, wanted, held) : undefined) ??
        (await full(wanted, held, reading ?? read()));
      const released = delays.settle(done.refused, meanings);
      if (used) remember(target, assembled);
      return said(done, assembled.diagnostics, quick && done.depth === 'full', released);
    },

    async glance() {
      if (believed?.program === undefined) return undefined;
      const { table } = believed;
      return (await lookAtTable(run, family, table)) === 'gone' ? `table ${familyWord(family)} ${table}` : undefined;
    },
  };
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

function countRules(program: NftProgram | undefined, increment: Increment | undefined): ReadonlyMap<string, number> {
  if (program === undefined) return new Map();
  const rules = increment?.program === program ? increment.ruleCount() : sumOfRules(program.chains.values());
  return new Map([[`${familyWord(program.family)} ${program.table}`, rules]]);
}
