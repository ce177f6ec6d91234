import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { conflictText, findConflicts } from '../../backends/ipvs/conflicts.ts';
import { drainingReals } from '../../backends/ipvs/departure.ts';
import { IpvsError } from '../../backends/ipvs/errors.ts';
import { type IpvsProgram, ipvs } from '../../backends/ipvs/index.ts';
import { observeProgram } from '../../backends/ipvs/observe.ts';
import { performStep } from '../../backends/ipvs/perform.ts';
import { planProgram } from '../../backends/ipvs/plan.ts';
import { emptyProgram } from '../../backends/ipvs/program.ts';
import { type IpvsStep, printStep } from '../../backends/ipvs/steps.ts';
import { KernelError } from '../../backends/netfilter/errors.ts';
import { ownerOf } from '../../backends/netfilter/ownership.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import { type DriftedChain, type FamilyPlane, isUsed, type Wanted } from './dataplane.ts';
import { createDelays, type DelayTimes } from './delays.ts';
import { rememberUnits } from './units.ts';

export interface IpvsPlaneOptions {
  readonly family: Family;
  readonly run: Run;
  readonly nowMs: () => number;
  readonly takeOver: boolean;
  readonly delayTimes?: DelayTimes;
}

/** One performs, one finds who may be deleted now, one deletes; the rest is for refused Services. */
const maxRounds = 50;
/** How soon real servers that wait for their last connections are worth another look. */
const drainLookMs = 2_000;

/**
 * One family of IPVS: virtual servers, sets, addresses and a few chains.
 *
 * Every sync reads: what may be deleted depends on connections, which only the kernel knows, and
 * what is read is small next to the rules of iptables mode. A refused line names its Service,
 * which goes on with what it meant when it was taken last.
 */
export function createIpvsPlane(options: IpvsPlaneOptions): FamilyPlane {
  const { family, run } = options;
  const maker = rememberUnits(ipvs);
  const delays = createDelays(options.nowMs, options.delayTimes);
  let taken = new Map<string, ServicePortIR>();
  let last: Wanted | undefined;

  /** What is wanted, but for Services that are held back: those as they were taken last. */
  function makeProgram({ services, node }: Wanted, held: ReadonlySet<string>) {
    const asTaken = services.flatMap((ir) => (held.has(ir.id) ? (taken.get(ir.id) ?? []) : [ir]));
    return assemble(maker, asTaken, node);
  }

  return {
    family,
    async sync(wanted, depth) {
      const first = await observeProgram(run, family);
      refuseOthers(first, options.takeOver);
      const meanings = new Map<string, string>(wanted.services.map(({ id, hash }) => [id, hash]));
      const held = new Set(delays.held(meanings));
      const refused = new Map<string, string>();
      const counts = { steps: 0, lines: 0 };
      let observed = first;
      let made = makeProgram(wanted, held);
      let drift: readonly DriftedChain[] = [];

      for (let round = 1; ; round++) {
        const desired = isUsed(wanted) ? made.program : emptyProgram(family);
        refuseOtherSets(observed, desired);
        const steps = planProgram(observed, desired);
        if (round === 1 && last === wanted) drift = driftIn(steps);
        if (steps.length === 0) break;
        if (round > maxRounds) throw new Error(`${family}: still not as wanted after ${maxRounds} rounds`);
        const culprits = await performAll(steps, run, counts);
        for (const [service, message] of culprits) {
          refused.set(service, message);
          held.add(service);
        }
        if (culprits.size > 0) made = makeProgram(wanted, held);
        observed = await observeProgram(run, family);
      }

      last = wanted;
      taken = new Map(
        wanted.services.flatMap((ir) => {
          const now = held.has(ir.id) ? taken.get(ir.id) : ir;
          return now === undefined ? [] : [[ir.id, now] as const];
        }),
      );
      const released = delays.settle(
        [...refused].map(([service, message]) => ({ service, message })),
        meanings,
      );
      const draining = drainingReals(observed, made.program).size;
      const again = [delays.nextInMs(), draining > 0 ? drainLookMs : undefined].filter((ms) => ms !== undefined);
      return {
        depth,
        documents: counts.steps,
        lines: counts.lines,
        rules: new Map([['virtual servers', observed.servers.size]]),
        drift,
        quarantined: delays.list(),
        released,
        remarks: findConflicts(observed, made.program).map(conflictText),
        diagnostics: made.diagnostics,
        againInMs: again.length === 0 ? undefined : Math.min(...again),
      };
    },

    async glance() {
      if (last === undefined || !isUsed(last)) return undefined;
      const args = ['-w', '5', '-t', 'nat', '-S', 'KUBE-SERVICES'];
      const { exitCode, stderr } = await run(family === 'IPv4' ? 'iptables' : 'ip6tables', args);
      const isGone = exitCode === 1 && /No chain|does not exist/.test(stderr);
      return isGone ? 'nat KUBE-SERVICES' : undefined;
    },

    async remove() {
      for (let round = 1; round <= maxRounds; round++) {
        const observed = await observeProgram(run, family);
        const steps = planProgram(observed, emptyProgram(family));
        if (steps.length === 0) return;
        for (const step of steps) await performStep(step, run);
      }
    },
  };
}

function refuseOthers({ rules }: IpvsProgram, takeOver: boolean): void {
  if (takeOver || ownerOf(rules) !== 'another writer') return;
  const what = 'the KUBE-* chains in the tables are not ours: a kube-proxy seems to own them';
  throw new Error(`${what}; replace them with --take-over, once it is stopped\nNothing was changed.`);
}

/** A set of another type under a name that every Service needs: nothing can be applied. */
function refuseOtherSets(observed: IpvsProgram, desired: IpvsProgram): void {
  const inTheWay = findConflicts(observed, desired).filter(({ kind }) => kind === 'other-set');
  if (inTheWay.length > 0) throw new Error(inTheWay.map(conflictText).join('\n'));
}

/** Returns whose lines were refused. Stops there: what comes after may rely on them. */
async function performAll(
  steps: readonly IpvsStep[],
  run: Run,
  counts: { steps: number; lines: number },
): Promise<ReadonlyMap<string, string>> {
  for (const step of steps) {
    try {
      await performStep(step, run);
    } catch (error) {
      const culprits = culpritsOf(error);
      if (culprits.size === 0) throw error;
      return culprits;
    }
    counts.steps++;
    counts.lines += printStep(step).split('\n').length;
  }
  return new Map();
}

function culpritsOf(error: unknown): ReadonlyMap<string, string> {
  if (error instanceof KernelError || !(error instanceof IpvsError) || error.reason !== 'refused') return new Map();
  return new Map(error.lines.flatMap(({ service, line }) => (service === undefined ? [] : [[service, line] as const])));
}

/** What has to be done again although nobody wanted anything else; the end of a departure is no drift. */
function driftIn(steps: readonly IpvsStep[]): DriftedChain[] {
  const repairs = steps.filter(({ phase }) => phase === 'prepare' || phase === 'switch');
  return repairs.map((step) => ({ where: step.kind, lost: printStep(step).split('\n').filter(Boolean), added: [] }));
}
