import { type Assembled, assemble } from '../../assemble.ts';
import type { PlaneOptions } from '../../backend.ts';
import { type ChangedUnits, type KnownUnits, lowerChanges, serviceChanges } from '../../changed-units.ts';
import { forgetConnections } from '../../conntrack.ts';
import { createIncrement, type Increment } from '../increment.ts';
import { iptables, lowerOptionsOf } from '../maker.ts';
import { type ApplyReport, applyTarget } from './apply.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import { isGuarded } from '../../netfilter/loopback-guard.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { fingerprintOf } from '../../netfilter/diff/fingerprint.ts';
import { holdBack } from './hold-back.ts';
import { type Mode, performRestore } from '../../netfilter/live/kernel.ts';
import { desiredRuleset, ifPossible, type Observation, observe, planLive } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { staysMarked } from '../../netfilter/ownership.ts';
import { ownersIn } from '../../netfilter/owners.ts';
import type { RestoreStep } from '../../netfilter/diff/plan.ts';
import { chainKey, type Ruleset, tables } from '../../netfilter/rule.ts';
import { jumpTarget } from '../../netfilter/text/lines.ts';
import { lineCount, type RestoreDocument } from '../../netfilter/diff/transaction.ts';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { canonicalJson } from '../../../compiler/values/canonical-json.ts';
import { formatDiagnostic } from '../../../compiler/values/diagnostic.ts';
import { servicePortText } from '../../../compiler/values/names.ts';
import { allowLocalNodePorts } from './local-node-ports.ts';
import { createDelays } from '../../plane/delays.ts';
import { createEarlyReading } from '../../plane/early-reading.ts';
import { type Depth, emptySync, type FamilyPlane, type FamilySync } from '../../plane/plane.ts';
import { isUsed, type Target } from '../../target.ts';
import { createAheadWatch } from '../../plane/ahead-watch.ts';
import { verdictsAhead } from '../../netfilter/diff/ahead.ts';
import { findDrift } from '../../netfilter/diff/drift.ts';
import { createHookGlance } from './glance.ts';
import { rememberUnits } from '../../units.ts';
import type { IptablesUnit, LowerOptions } from '../unit.ts';

export interface IptablesPlaneOptions extends PlaneOptions {
  readonly own: OwnChains;
}

/** What a sync adds to what is the same for all. */
type Done = Pick<FamilySync, 'depth' | 'documents' | 'lines' | 'drift' | 'remarks'> & {
  readonly written: ReadonlyMap<string, number>;
  readonly refused: readonly { readonly service: string; readonly message: string }[];
};

type Counted = Done & Pick<FamilySync, 'diagnostics'> & { readonly changed: ChangedUnits<IptablesUnit> };

/** What is in force, in the form that counts changes. */
interface Remembered extends KnownUnits<IptablesUnit> {
  readonly node: NodeContext;
  /** Of all Service ports, the very value. */
  readonly whole: LowerOptions;
  readonly of: Increment;
}

/**
 * One family's tables.
 *
 * The plane remembers what was applied last, with the observation that it led to, and plans a delta
 * from there without a new reading. After a delta that fails, the plane discards what it remembers
 * and reads the tables again.
 */
export function createIptablesPlane(options: IptablesPlaneOptions): FamilyPlane {
  const { run, own, scope } = options;
  const { family, prefix, takeOver } = scope;
  const maker = rememberUnits(iptables);
  // Checking the whole program for slicewright's own mistakes takes longer than all else of a small change,
  // and the kernel rejects them too: deltas go unchecked, and each full sync checks all.
  const unchecked = { ...maker, check: () => [] };
  const delays = createDelays<string>(options.nowMs, options.delayTimes);
  let believed: Observation | undefined;
  /** Chosen by the first reading, for good: a tool that vanishes must not move the rules to other tables. */
  let mode: Mode | undefined;
  const read = () => observe(run, family, own, mode);
  const early = createEarlyReading(read, options.nowMs);
  const ahead = createAheadWatch();
  const glanceAt = createHookGlance(family, run);
  let hasNodePorts = false;
  let increment: Remembered | undefined;

  /** The quick way of a delta: what changed is counted. undefined: it takes comparing programs. */
  async function count(from: Observation, wanted: Target): Promise<Counted | 'refused' | undefined> {
    const remembered = increment;
    if (remembered === undefined || delays.list().length > 0) return undefined;
    const { node, of } = remembered;
    if (node !== wanted.node && canonicalJson(node) !== canonicalJson(wanted.node)) return undefined;
    const changed = changedUnits(remembered, wanted);
    const change = changed && of.change(changed.units);
    if (changed === undefined || change === undefined) return undefined;
    increment = undefined;
    believed = undefined;
    const documents = change.document === undefined ? [] : [change.document];
    try {
      for (const document of documents) await performRestore(run, from.tools, staysMarked(document, prefix));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return 'refused';
    }
    const flows = documents.length === 0 ? [] : change.staleFlows(changed.services);
    change.commit();
    const { services } = wanted;
    increment = { ...remembered, services, complaints: changed.complaints };
    believed = withRules(from, of.ruleset());
    const { problem } = await forgetConnections(run, family, flows);
    const remarks = problem === undefined ? [] : [problem];
    return { ...deltaDone(documents, remarks), diagnostics: [...changed.complaints.values()].flat(), changed };
  }

  /** undefined: the cluster has become large, or is no longer large, so all Service ports are lowered again. */
  function changedUnits(remembered: Remembered, wanted: Target): ChangedUnits<IptablesUnit> | undefined {
    const { of, whole } = remembered;
    const changes = serviceChanges(remembered, wanted);
    let known = of.knownEndpoints();
    for (const [id, port] of changes) {
      known += (port === 'gone' ? 0 : port.known.length) - (of.units.get(id)?.known ?? 0);
    }
    if (lowerOptionsOf(known).endpointComments !== whole.endpointComments) return undefined;
    return lowerChanges(remembered, changes, (ir) => unchecked.lower(ir, wanted.node, whole));
  }

  /** All that is wanted is in force: the next change is counted from here. */
  function remember(
    from: Observation,
    { services, node }: Target,
    { program, units }: Assembled<IptablesUnit, Ruleset>,
  ) {
    const desired = desiredRuleset(from, { program, services }, own);
    const referenced = new Set(
      from.foreign.references.map(({ table, line }) => chainKey(table, jumpTarget(line) ?? '')),
    );
    const of = createIncrement(desired, units, node, own, referenced);
    if (of === undefined) return;
    const whole = lowerOptionsOf(of.knownEndpoints());
    const said = services.map((ir) => [ir.id, maker.lower(ir, node, whole).diagnostics] as const);
    const complaints = new Map(said.filter(([, diagnostics]) => diagnostics.length > 0));
    increment = { services, node, whole, of, units: of.units, complaints };
    believed = withRules(from, of.ruleset());
  }

  async function full(
    program: Ruleset | undefined,
    wanted: Target,
    held: ReadonlySet<string>,
    reading: Promise<Observation>,
  ): Promise<Done> {
    const before = believed;
    believed = undefined;
    const start = await reading;
    mode = start.tools.mode;
    const drift = [
      ...(before === undefined ? [] : findDrift(before.ruleset, start.ruleset)),
      ...ahead.look(verdictsAhead(start.foreign)),
    ];
    const target = { program: program && heldBack(start, program, held, own), services: wanted.services };
    const taken: RestoreDocument[] = [];
    const onStep = ({ document }: RestoreStep) => void taken.push(document);
    const report = await applyTarget(run, start, target, own, { takeOver, onStep });
    believed = report.observed;
    const { documents, lines } = report;
    const { remarks, refused } = saidOf(report);
    const exposed = await exposedLoopback(run, start, report.observed);
    const said = exposed === undefined ? remarks : [...remarks, formatDiagnostic(exposed)];
    return { depth: 'full', documents, lines, written: countWritten(taken), drift, remarks: said, refused };
  }

  /** undefined: the delta failed, and what was remembered is discarded. */
  async function delta(
    from: Observation,
    program: Ruleset,
    wanted: Target,
    held: ReadonlySet<string>,
  ): Promise<Done | undefined> {
    const target = { program: heldBack(from, program, held, own), services: wanted.services };
    const plan = planLive(from, target, own);
    const restores = plan.steps.filter((step) => step.kind === 'restore');
    believed = undefined;
    const remarks: string[] = [];
    try {
      for (const { document } of restores) await performRestore(run, from.tools, staysMarked(document, prefix));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return undefined;
    }
    believed = withRules(from, plan.desired);
    for (const step of plan.steps) {
      if (step.kind !== 'forget-connections') continue;
      const { problem } = await forgetConnections(run, family, step.flows);
      if (problem !== undefined) remarks.push(problem);
    }
    return deltaDone(
      restores.map(({ document }) => document),
      remarks,
    );
  }

  /** With the first node port, and at every reading: the sysctl is the machine's, and may be set back. */
  async function openLocalNodePorts(
    { node, services }: Target,
    depth: Depth,
    changed: readonly ServicePortIR[] = services,
  ): Promise<string[]> {
    const before = hasNodePorts;
    const hasMore = changed.some(({ frontends }) => frontends.some(({ kind }) => kind === 'nodePort'));
    hasNodePorts = hasMore || (before && changed !== services);
    // `allowLocalNodePorts` looks through all Service ports. Skip that if there is no node port,
    // or if a delta comes after there was one already.
    if (family !== 'IPv4' || !hasNodePorts || (before && depth === 'delta')) return [];
    if (believed === undefined || !isGuarded(believed.ruleset, prefix)) return [];
    const problem = await allowLocalNodePorts(run, node, services);
    return problem === undefined ? [] : [formatDiagnostic(problem)];
  }

  function said(
    { depth, documents, lines, written, drift, remarks }: Done,
    diagnostics: FamilySync['diagnostics'],
    deltaRefused: boolean,
    released: readonly string[],
  ): FamilySync {
    const rules = increment?.of.rules() ?? (believed === undefined ? new Map() : countRules(believed.ruleset));
    return {
      ...{ depth, documents, lines, written, drift, remarks, diagnostics, deltaRefused, released },
      rules,
      quarantined: delays.list(),
      againInMs: delays.nextInMs(),
    };
  }

  return {
    family,
    beginReading: early.begin,
    async sync(wanted, depth) {
      const used = isUsed(wanted);
      const unused = used ? undefined : await ifPossible(early.take);
      if (!used && unused === undefined) return emptySync(depth);
      const counted = depth === 'delta' && used && believed !== undefined ? await count(believed, wanted) : undefined;
      if (counted !== undefined && counted !== 'refused') {
        const remarks = await openLocalNodePorts(wanted, 'delta', counted.changed.services);
        return said({ ...counted, remarks: [...counted.remarks, ...remarks] }, counted.diagnostics, false, []);
      }
      const quick = counted === 'refused' || (depth === 'delta' && used && believed !== undefined);
      // The tools list the rules while the program is made.
      const reading = unused !== undefined ? Promise.resolve(unused) : quick ? undefined : early.take();
      // The code that awaits the reading handles its failure; until then the failure must not count as unhandled.
      reading?.catch(() => {});
      const assembled = assemble(depth === 'full' ? maker : unchecked, wanted.services, wanted.node);
      const { program, diagnostics } = assembled;
      const meanings = meaningsOf(wanted.services);
      const held = delays.held(meanings);
      increment = undefined;
      const done =
        (quick && believed !== undefined ? await delta(believed, program, wanted, held) : undefined) ??
        (await full(used ? program : undefined, wanted, held, reading ?? read()));
      const released = delays.settle(done.refused, meanings);
      const remarks = [...done.remarks, ...(await openLocalNodePorts(wanted, done.depth))];
      if (used && believed !== undefined && held.size === 0 && done.refused.length === 0) {
        remember(believed, wanted, assembled);
      }
      return said({ ...done, remarks }, diagnostics, quick && done.depth === 'full', released);
    },

    async glance() {
      return believed && glanceAt(believed.tools.iptables, believed.ruleset.hooks);
    },
  };
}

function deltaDone(documents: readonly RestoreDocument[], remarks: readonly string[]): Done {
  return {
    depth: 'delta',
    documents: documents.length,
    lines: documents.reduce((sum, document) => sum + lineCount(document.tables), 0),
    written: countWritten(documents),
    drift: [],
    remarks,
    refused: [],
  };
}

function withRules({ family, own, tools, foreign, rival }: Observation, ruleset: Ruleset): Observation {
  return {
    family,
    own,
    tools,
    foreign,
    rival,
    owner: 'us',
    ruleset,
    // A pass over all rules, for which no delta has time: made if it is ever asked for.
    get fingerprint() {
      return fingerprintOf(ruleset);
    },
  };
}

function heldBack({ ruleset }: Observation, program: Ruleset, held: ReadonlySet<string>, own: OwnChains): Ruleset {
  return holdBack(ruleset, program, held, ownersIn([program, ruleset], own));
}

function saidOf({ forgotten, disturbances, quarantined }: ApplyReport) {
  const remarks = forgotten.problem === undefined ? [] : [forgotten.problem];
  if (disturbances > 0)
    remarks.push(`another program changed slicewright's chains ${disturbances} times during a write`);
  const refused = quarantined.map(({ service, rule, error }) => ({
    service,
    message: rule === undefined ? error.message : `${rule}\n${error.message}`,
  }));
  return { remarks, refused };
}

/** What each Service port means now, by the name that comments bear: ports of one name share their fate. */
function meaningsOf(services: readonly ServicePortIR[]): Map<string, string> {
  const meanings = new Map<string, string>();
  for (const { service, portName, hash } of services) {
    const text = servicePortText(service, portName);
    meanings.set(text, `${meanings.get(text) ?? ''} ${hash}`);
  }
  return meanings;
}

/** Counts as kube-proxy counts its own: rules of its chains, not the jumps to them. */
function countRules({ chains }: Ruleset): Map<string, number> {
  const counts = noRules();
  for (const { table, lines } of chains.values()) counts.set(table, (counts.get(table) ?? 0) + lines.length);
  return counts;
}

/** Jumps from chains of the kernel are inserted (`-I`), so what is appended are rules of slicewright's chains. */
function countWritten(documents: readonly RestoreDocument[]): Map<string, number> {
  const counts = noRules();
  for (const { name, lines } of documents.flatMap((document) => document.tables)) {
    const rules = lines.filter((line) => line.startsWith('-A ')).length;
    counts.set(name, (counts.get(name) ?? 0) + rules);
  }
  return counts;
}

function noRules(): Map<string, number> {
  return new Map(tables.map((table) => [table, 0]));
}
