import type { IpvsProgram } from '../../backends/ipvs/program/program.ts';
import { traceProgram } from '../../backends/ipvs/program/trace.ts';
import { endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isLoopback } from '../../compiler/semantics/place.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { formatVerdict } from '../../compiler/semantics/verdict-text.ts';

export interface Change {
  readonly old: readonly ServicePortIR[];
  readonly young: readonly ServicePortIR[];
  readonly node: NodeContext;
}

/**
 * The first packet that is treated wrongly on the way from one program to another, with the fault; undefined when
 * there is none.
 *
 * states   the kernel's contents at first, after every step, and in the end
 */
export function findUnsafe(states: readonly IpvsProgram[], change: Change): string | undefined {
  const bound = new Set(states.flatMap(({ addresses }) => addresses));
  const { old, young, node } = change;
  for (const packet of probes([...old, ...young], node).filter((one) => isSent(one, node, bound))) {
    const verdicts = states.map((state) => plain(traceProgram(state, packet, node).verdict, packet));
    const third = verdicts.find((verdict) => !isSafe(verdicts, verdict, respectsOf(old, young, packet)));
    if (third === undefined) continue;
    const shown = [verdicts[0], third, verdicts.at(-1)].map((one) =>
      one === undefined ? '' : formatVerdict(one).join(', '),
    );
    return `${formatPacket(packet)}: ${shown.join(' | ')}`;
  }
  return undefined;
}

/**
 * A process sends from an address that the node has at the time, and from a loopback address only to loopback
 * addresses; from outside no packet comes from an address that the node has or is about to get. Clients that
 * persistence remembers are left out: the kernel may forget them at any time.
 */
function isSent(
  { from, source, destination, remembered }: Packet,
  node: NodeContext,
  bound: ReadonlySet<string>,
): boolean {
  if (remembered !== undefined || bound.has(source)) return false;
  if (isLoopback(source)) return isLoopback(destination);
  return from.kind !== 'node' || node.addresses.includes(source);
}

/**
 * Masqueraded or not, packets to their original destination belong to no Service: a Service's address that is not bound
 * leads nowhere.
 */
function plain(verdict: Verdict, { destination, destinationPort }: Packet): Verdict {
  const isAsSent =
    verdict.kind === 'forward' &&
    verdict.to.every(({ address, port }) => address === destination && port === destinationPort);
  return isAsSent ? { kind: 'untouched' } : verdict;
}

/**
 * An intermediate verdict equals the old or the new one, in each respect: it goes to endpoints that the
 * Service had or gets, masqueraded as before or after (where the policy for that changes, only an
 * endpoint on this node goes without);
 * it lets a packet through only if one end does; it rejects only if one end does, or
 * while a Service that is removed altogether drains.
 */
function isSafe(
  verdicts: readonly Verdict[],
  verdict: Verdict,
  { endpoints, local, changesPolicy }: Respects,
): boolean {
  const ends = [verdicts[0], verdicts.at(-1)].filter((end) => end !== undefined);
  if (ends.some((end) => disagreement(end, verdict) === undefined)) return true;
  const isRefused = ends.some(({ kind }) => kind === 'reject' || kind === 'drop');
  if (verdict.kind === 'reject' || verdict.kind === 'drop') return isRefused || !isServedBy(ends.at(-1));
  if (!isServedBy(verdict) || !ends.some(isServedBy)) return false;
  // Part of the connections may be rejected where an end rejects that part: an endpoint at an address that rejects.
  if (verdict.kind === 'mixed' && !isRefused && !ends.some(({ kind }) => kind === 'mixed')) return false;
  const ways = ends.flatMap((end) => (isServedBy(end) ? end.to : []));
  return verdict.to.every(
    (share) =>
      endpoints.has(endpointText(share)) &&
      (ways.some(({ masquerade }) => masquerade === share.masquerade) ||
        (changesPolicy && (share.masquerade || local.has(endpointText(share))))),
  );
}

type Served = Extract<Verdict, { readonly kind: 'forward' | 'mixed' }>;

/** Some connections reach endpoints. */
function isServedBy(verdict: Verdict | undefined): verdict is Served {
  return verdict?.kind === 'forward' || verdict?.kind === 'mixed';
}

interface Respects {
  /** Endpoints of the Services that the packet addresses, before or after. */
  readonly endpoints: ReadonlySet<string>;
  /** Endpoints on this node: only they can answer a client whose address they see. */
  readonly local: ReadonlySet<string>;
  readonly changesPolicy: boolean;
}

function respectsOf(old: readonly ServicePortIR[], young: readonly ServicePortIR[], packet: Packet): Respects {
  const asks = (ir: ServicePortIR) => ir.frontends.some(({ port }) => port === packet.destinationPort);
  const [before, after] = [old.filter(asks), young.filter(asks)];
  const all = [...before, ...after].flatMap(({ pools }) => pools.cluster);
  return {
    endpoints: new Set(all.map(endpointText)),
    local: new Set(all.filter((endpoint) => endpoint.local).map(endpointText)),
    changesPolicy: before.some((ir) => after.some((next) => next.keepClientAddress !== ir.keepClientAddress)),
  };
}
