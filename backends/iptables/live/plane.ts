import { assemble } from '../../assemble.ts';
import type { PlaneOptions } from '../../backend.ts';
import { forgetConnections } from '../../conntrack.ts';
import { iptables } from '../maker.ts';
import { type ApplyReport, applyTarget } from './apply.ts';
import { exposedLoopback } from '../../netfilter/live/exposed-loopback.ts';
import { isGuarded } from '../../netfilter/loopback-guard.ts';
import { KernelError } from '../../netfilter/live/errors.ts';
import { fingerprintOf } from '../../netfilter/diff/fingerprint.ts';
import { holdBack } from './hold-back.ts';
import { type Mode, performRestore } from '../../netfilter/live/kernel.ts';
import { type Observation, observe, observePossible, planLive } from '../../netfilter/live/observation.ts';
import type { OwnChains } from '../../netfilter/own-chains.ts';
import { staysMarked } from '../../netfilter/ownership.ts';
import { ownersIn } from '../../netfilter/owners.ts';
import type { RestoreStep } from '../../netfilter/diff/plan.ts';
import { type Ruleset, tables } from '../../netfilter/rule.ts';
import { lineCount, type RestoreDocument } from '../../netfilter/diff/transaction.ts';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import { formatDiagnostic } from '../../../compiler/values/diagnostic.ts';
import { servicePortText } from '../../../compiler/values/names.ts';
import { allowLocalNodePorts } from './local-node-ports.ts';
import { createDelays } from '../../plane/delays.ts';
import { type Depth, emptySync, type FamilyPlane, type FamilySync } from '../../plane/plane.ts';
import { isUsed, type Target } from '../../target.ts';
import { createAheadWatch } from '../../plane/ahead-watch.ts';
import { verdictsAhead } from '../../netfilter/diff/ahead.ts';
import { findDrift } from '../../netfilter/diff/drift.ts';
import { createHookGlance } from './glance.ts';
import { rememberUnits } from '../../units.ts';

export interface IptablesPlaneOptions extends PlaneOptions {
  readonly own: OwnChains;
}

/** What a sync adds to what is the same for all. */
type Done = Pick<FamilySync, 'depth' | 'documents' | 'lines' | 'drift' | 'remarks'> & {
  readonly written: ReadonlyMap<string, number>;
  readonly refused: readonly { readonly service: string; readonly message: string }[];
};

/**
 * One family's tables.
 *
 * What was applied last is remembered with the observation that it led to, and a delta is planned
 * from there: between two readings our memory is the truth. Whatever a delta does not go through
 * with is no truth any more, and is followed by a reading.
 */
export function createIptablesPlane(options: IptablesPlaneOptions): FamilyPlane {
  const { run, own, scope } = options;
  const { family, prefix, takeOver } = scope;
  const maker = rememberUnits(iptables);
  // Going through the whole program for flaws of ours takes longer than all else of a small change,
  // and the kernel refuses them too: deltas go unchecked, and each full sync checks all.
  const unchecked = { ...maker, check: () => [] };
  const delays = createDelays<string>(options.nowMs, options.delayTimes);
  let believed: Observation | undefined;
  /** Chosen by the first reading, for good: a tool that vanishes must not move the rules to other tables. */
  let mode: Mode | undefined;
  const ahead = createAheadWatch();
  const glanceAt = createHookGlance(family, run);
  let hasNodePorts = false;

  async function full(program: Ruleset | undefined, wanted: Target, held: ReadonlySet<string>): Promise<Done> {
    const before = believed;
    believed = undefined;
    const start = await observe(run, family, own, mode);
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

  /** undefined: it did not go through, and nothing is believed any more. */
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
    const lines = restores.reduce((sum, { document }) => sum + lineCount(document.tables), 0);
    const written = countWritten(restores.map(({ document }) => document));
    return { depth: 'delta', documents: restores.length, lines, written, drift: [], remarks, refused: [] };
  }

  /** With the first node port, and at every reading: the sysctl is the machine's, and may be set back. */
  async function openLocalNodePorts({ node, services }: Target, depth: Depth): Promise<string[]> {
    const before = hasNodePorts;
    hasNodePorts = services.some(({ frontends }) => frontends.some(({ kind }) => kind === 'nodePort'));
    if (family !== 'IPv4' || (before && depth === 'delta')) return [];
    if (believed === undefined || !isGuarded(believed.ruleset, prefix)) return [];
    const problem = await allowLocalNodePorts(run, node, services);
    return problem === undefined ? [] : [formatDiagnostic(problem)];
  }

  return {
    family,
    async sync(wanted, depth) {
      const { program, diagnostics } = assemble(depth === 'full' ? maker : unchecked, wanted.services, wanted.node);
      const used = isUsed(wanted);
      if (!used && (await observePossible(run, family, own)) === undefined) return emptySync(depth);
      const meanings = meaningsOf(wanted.services);
      const held = delays.held(meanings);
      const quick = depth === 'delta' && used && believed !== undefined;
      const done =
        (quick && believed !== undefined ? await delta(believed, program, wanted, held) : undefined) ??
        (await full(used ? program : undefined, wanted, held));
      const released = delays.settle(done.refused, meanings);
      const remarks = [...done.remarks, ...(await openLocalNodePorts(wanted, done.depth))];
      return {
        depth: done.depth,
        documents: done.documents,
        lines: done.lines,
        written: done.written,
        deltaRefused: quick && done.depth === 'full',
        drift: done.drift,
        remarks,
        rules: believed === undefined ? new Map() : countRules(believed.ruleset),
        quarantined: delays.list(),
        released,
        diagnostics,
        againInMs: delays.nextInMs(),
      };
    },

    async glance() {
      return believed && glanceAt(believed.tools.iptables, believed.ruleset.hooks);
    },
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
  if (disturbances > 0) remarks.push(`another writer changed our chains ${disturbances} times while we wrote them`);
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

/** As kube-proxy counts its own: rules of its chains, not the jumps to them. */
function countRules({ chains }: Ruleset): Map<string, number> {
  const counts = noRules();
  for (const { table, lines } of chains.values()) counts.set(table, (counts.get(table) ?? 0) + lines.length);
  return counts;
}

/** Jumps from chains of the kernel are inserted (`-I`), so what is appended are rules of our chains. */
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
