import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { canonicalJson } from '../../../compiler/values/canonical-json.ts';
import { formatDiagnostic } from '../../../compiler/values/diagnostic.ts';
import { type ServicePortId, servicePortIn } from '../../../compiler/values/names.ts';
import { assemble } from '../../assemble.ts';
import type { PlaneOptions } from '../../backend.ts';
import { type Complaints, lowerChanges, serviceChanges } from '../../changed-units.ts';
import { verdictsAhead } from '../../netfilter/diff/ahead.ts';
import type { Mode } from '../../netfilter/live/kernel.ts';
import { underPrefix } from '../../netfilter/prefix.ts';
import { createAheadWatch } from '../../plane/ahead-watch.ts';
import { createDelays } from '../../plane/delays.ts';
import type { DriftedPart, FamilyPlane, FamilySync } from '../../plane/plane.ts';
import { isUsed, type Target } from '../../target.ts';
import { rememberUnits } from '../../units.ts';
import { ipvs } from '../maker.ts';
import { conflictText } from '../plan/conflicts.ts';
import { holdBack } from '../plan/hold-back.ts';
import { createIncrement, type Increment } from '../plan/increment.ts';
import { type IpvsStep, printStep } from '../plan/steps.ts';
import type { IpvsUnit } from '../program/program.ts';
import { exposedBy } from './apply-report.ts';
import { applyProgram, type IpvsReport, type IpvsScope } from './apply.ts';
import { performChange } from './delta.ts';
import { observeProgram } from './observe.ts';

export interface IpvsPlaneOptions extends PlaneOptions {
  readonly scope: IpvsScope;
}

/** How soon real servers that wait for their last connections are worth another look. */
const drainLookMs = 2_000;

/** What is in force, in the form that counts changes. */
interface Remembered {
  /** The list of Service ports, the very value. */
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
  readonly of: Increment;
  readonly complaints: Complaints;
}

type Done = Pick<FamilySync, 'depth' | 'documents' | 'lines' | 'drift' | 'remarks' | 'diagnostics' | 'rules'> & {
  readonly released: readonly ServicePortId[];
  /** Something leaves and waits for its last connections. */
  readonly isWaiting: boolean;
};

/**
 * One family of IPVS: virtual servers, sets, addresses and a few chains.
 *
 * The plane remembers what is in force: a full sync ends with a reading, and every later change that the tools acknowledge
 * is added to it. A delta starts from there, and reads only the connections of real servers that leave. A change that it
 * cannot count, or a complaint of a tool, takes a full sync, which discards what was remembered.
 */
export function createIpvsPlane(options: IpvsPlaneOptions): FamilyPlane {
  const { run, scope, nowMs } = options;
  const { family, own, prefix } = scope;
  const maker = rememberUnits(ipvs);
  const delays = createDelays<ServicePortId>(nowMs, options.delayTimes);
  /** What the kernel was brought to; undefined: nothing yet. */
  let last: Target | undefined;
  let remembered: Remembered | undefined;
  /** The mode of the tables: the first reading chooses it for good. */
  let mode: Mode | undefined;
  const ahead = createAheadWatch();

  /** undefined: it takes a reading. Nothing was changed but by `refused`. */
  async function delta(target: Target): Promise<Done | 'refused' | undefined> {
    const known = remembered;
    if (known === undefined || !isUsed(target) || isAboutHeld(known, target)) return undefined;
    const isSameNode = known.node === target.node || canonicalJson(known.node) === canonicalJson(target.node);
    if (!isSameNode) return undefined;
    const { of, services, complaints: before } = known;
    const changes = serviceChanges({ services, units: of.units, complaints: before }, target);
    const lower = (ir: ServicePortIR) => maker.lower(ir, target.node, undefined);
    const lowered = lowerChanges({ services, units: of.units, complaints: before }, changes, lower);
    const change = of.change(lowered.units, nowMs());
    if (change === undefined) return undefined;
    remembered = undefined;
    const done = await performChange(run, change, lowered.services);
    if (done === 'uncounted') return undefined;
    if (done === 'doubtful') return 'refused';
    change.commit(done.outcome, nowMs());
    const { complaints } = lowered;
    remembered = { ...known, services: target.services, complaints };
    const { scripts, lines, forgotten } = done;
    return {
      depth: 'delta',
      documents: scripts,
      lines,
      drift: [],
      remarks: forgotten.problem === undefined ? [] : [forgotten.problem],
      diagnostics: [...complaints.values()].flat(),
      rules: counted(of.serverCount()),
      released: [],
      isWaiting: of.isWaiting(),
    };
  }

  /** Whether a held Service port changes, or may be tried again; also true if it is unknown which ports change. */
  function isAboutHeld({ services }: Remembered, { since }: Target): boolean {
    const held = delays.list();
    if (held.length === 0) return false;
    if (since?.services !== services || held.some(({ retryInMs }) => retryInMs <= 0)) return true;
    return held.some(({ service }) => since.changes.has(service));
  }

  async function full(wanted: Target, before: Target | undefined): Promise<Done> {
    remembered = undefined;
    const { program, units, diagnostics } = assemble(maker, wanted.services, wanted.node);
    const meanings = new Map(wanted.services.map(({ id, hash }) => [id, hash]));
    const held = delays.held(meanings);
    const start = await observeProgram(run, family, own, mode);
    mode = start.found?.tables?.tools.mode;
    const steps: IpvsStep[] = [];
    const target = {
      program: isUsed(wanted) ? holdBack(program, start, held) : undefined,
      services: wanted.services,
    };
    const report = await applyProgram(run, scope, target, { start, onStep: (step) => void steps.push(step) });
    const exposed = await exposedBy(run, start, report.observed);
    const refused = report.quarantined.map(({ service, line, error }) => ({
      service,
      message: `${line}\n${error.message}`,
    }));
    const released = delays.settle(refused, meanings);
    if (isUsed(wanted)) remember(wanted, units, report);
    const { conflicts, forgotten } = report;
    return {
      depth: 'full',
      documents: report.steps,
      lines: report.lines,
      drift: [
        ...(before?.services === wanted.services && before.node === wanted.node ? driftIn(steps) : []),
        ...ahead.look(verdictsAhead(start.found?.tables?.foreign ?? { inFront: [] })),
      ],
      remarks: [
        ...conflicts.map(conflictText),
        ...(forgotten.problem === undefined ? [] : [forgotten.problem]),
        ...(exposed === undefined ? [] : [formatDiagnostic(exposed)]),
      ],
      diagnostics,
      rules: counted(report.observed.servers.size),
      released,
      isWaiting: report.draining > 0,
    };
  }

  /** What is in force after a full sync, so that the next change can be counted. */
  function remember(target: Target, units: ReadonlyMap<ServicePortId, IpvsUnit>, report: IpvsReport): void {
    const { wanted, observed, conflicts } = report;
    // Where another program is in the way, every change asks whether it still is.
    if (conflicts.length > 0) return;
    const { services, node } = target;
    const held = new Set(delays.list().map(({ service }) => service));
    const inForce = held.size === 0 ? units : new Map([...units].filter(([id]) => !held.has(id)));
    const of = createIncrement({ units: inForce, wanted, observed, node }, nowMs());
    if (of !== undefined) remembered = { services, node, of, complaints: complaintsOf(target) };
  }

  function complaintsOf({ services, node }: Target): Complaints {
    const said = services.map((ir) => [ir.id, maker.lower(ir, node, undefined).diagnostics] as const);
    return new Map(said.filter(([, diagnostics]) => diagnostics.length > 0));
  }

  return {
    family,
    async sync(wanted, depth) {
      const before = last;
      last = undefined;
      const quick = depth === 'delta' ? await delta(wanted) : undefined;
      const isRefused = quick === 'refused';
      const done = quick === undefined || isRefused ? await full(wanted, before) : quick;
      last = wanted;
      const { released, isWaiting, ...said } = done;
      const again = [delays.nextInMs(), isWaiting ? drainLookMs : undefined].filter((ms) => ms !== undefined);
      return {
        ...said,
        written: undefined,
        deltaRefused: isRefused,
        quarantined: delays.list().map((held) => ({ ...held, service: servicePortIn(held.service) })),
        released: released.map(servicePortIn),
        againInMs: again.length === 0 ? undefined : Math.min(...again),
      };
    },

    async glance() {
      if (last === undefined || !isUsed(last)) return undefined;
      const services = underPrefix('KUBE-SERVICES', prefix);
      const args = ['-w', '5', '-t', 'nat', '-S', services];
      const { exitCode, stderr } = await run(family === 'IPv4' ? 'iptables' : 'ip6tables', args);
      const isGone = exitCode === 1 && /No chain|does not exist/.test(stderr);
      return isGone ? `nat ${services}` : undefined;
    },
  };
}

function counted(servers: number): FamilySync['rules'] {
  return new Map([['virtual servers', servers]]);
}

/** Steps that restore what was already desired before; the end of a departure is no drift. */
function driftIn(steps: readonly IpvsStep[]): DriftedPart[] {
  const repairs = steps.filter(({ phase }) => phase === 'prepare' || phase === 'switch');
  return repairs.map((step) => ({ where: step.kind, lost: printStep(step).split('\n').filter(Boolean), added: [] }));
}
