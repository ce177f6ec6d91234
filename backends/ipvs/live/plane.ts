import { formatDiagnostic } from '../../../compiler/values/diagnostic.ts';
import { assemble } from '../../assemble.ts';
import type { PlaneOptions } from '../../backend.ts';
import { exposedBy } from './apply-report.ts';
import { applyProgram, type IpvsScope } from './apply.ts';
import { conflictText } from '../plan/conflicts.ts';
import { holdBack } from '../plan/hold-back.ts';
import { ipvs } from '../maker.ts';
import { observeProgram } from './observe.ts';
import { createAheadWatch } from '../../plane/ahead-watch.ts';
import { verdictsAhead } from '../../netfilter/diff/ahead.ts';
import type { Mode } from '../../netfilter/live/kernel.ts';
import { underPrefix } from '../../netfilter/prefix.ts';
import { type IpvsStep, printStep } from '../plan/steps.ts';
import { type ServicePortId, servicePortIn } from '../../../compiler/values/names.ts';
import { createDelays } from '../../plane/delays.ts';
import type { DriftedPart, FamilyPlane } from '../../plane/plane.ts';
import { isUsed, type Target } from '../../target.ts';
import { rememberUnits } from '../../units.ts';

export interface IpvsPlaneOptions extends PlaneOptions {
  readonly scope: IpvsScope;
}

/** How soon real servers that wait for their last connections are worth another look. */
const drainLookMs = 2_000;

/**
 * One family of IPVS: virtual servers, sets, addresses and a few chains.
 *
 * Every sync reads: what may be deleted depends on connections, which only the kernel knows, and
 * what is read is small next to the rules of iptables mode.
 */
export function createIpvsPlane(options: IpvsPlaneOptions): FamilyPlane {
  const { run, scope } = options;
  const { family, own, prefix } = scope;
  const maker = rememberUnits(ipvs);
  const delays = createDelays<ServicePortId>(options.nowMs, options.delayTimes);
  /** What the kernel was brought to; undefined: nothing yet. */
  let last: Target | undefined;
  /** Of the tables: chosen by the first reading, for good. */
  let mode: Mode | undefined;
  const ahead = createAheadWatch();

  return {
    family,
    async sync(wanted, depth) {
      const before = last;
      last = undefined;
      const { program, diagnostics } = assemble(maker, wanted.services, wanted.node);
      const meanings = new Map(wanted.services.map(({ id, hash }) => [id, hash]));
      const held = delays.held(meanings);
      const start = await observeProgram(run, family, own, mode);
      mode = start.found?.tables?.tools.mode;
      const steps: IpvsStep[] = [];
      const target = {
        program: isUsed(wanted) ? holdBack(program, start, held) : undefined,
        services: wanted.services,
      };
      const done = await applyProgram(run, scope, target, { start, onStep: (step) => void steps.push(step) });
      last = wanted;
      const exposed = await exposedBy(run, start, done.observed);
      const refused = done.quarantined.map(({ service, line, error }) => ({
        service,
        message: `${line}\n${error.message}`,
      }));
      const released = delays.settle(refused, meanings);
      const again = [delays.nextInMs(), done.draining > 0 ? drainLookMs : undefined].filter((ms) => ms !== undefined);
      return {
        depth,
        documents: done.steps,
        lines: done.lines,
        rules: new Map([['virtual servers', done.observed.servers.size]]),
        written: undefined,
        deltaRefused: false,
        drift: [
          ...(before?.services === wanted.services && before.node === wanted.node ? driftIn(steps) : []),
          ...ahead.look(verdictsAhead(start.found?.tables?.foreign ?? { inFront: [] })),
        ],
        quarantined: delays.list().map((held) => ({ ...held, service: servicePortIn(held.service) })),
        released: released.map(servicePortIn),
        remarks: [
          ...done.conflicts.map(conflictText),
          ...(done.forgotten.problem === undefined ? [] : [done.forgotten.problem]),
          ...(exposed === undefined ? [] : [formatDiagnostic(exposed)]),
        ],
        diagnostics,
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

/** What had to be done again although nobody wanted anything else; the end of a departure is no drift. */
function driftIn(steps: readonly IpvsStep[]): DriftedPart[] {
  const repairs = steps.filter(({ phase }) => phase === 'prepare' || phase === 'switch');
  return repairs.map((step) => ({ where: step.kind, lost: printStep(step).split('\n').filter(Boolean), added: [] }));
}
