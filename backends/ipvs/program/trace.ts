import { endpointText } from '../../../compiler/ir/ir.ts';
import { ipvsSchedulers } from '../../../compiler/settings.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Packet, Trace, TraceStep } from '../../../compiler/semantics/packet.ts';
import { type Outcome, toVerdict } from '../../../compiler/semantics/verdict.ts';
import type { IpAddress } from '../../../compiler/values/address.ts';
import { protocolText } from '../../../compiler/values/port.ts';
import { multiply, one, type Rational, rational } from '../../../compiler/values/rational.ts';
import { arrived, type Flow, startFlow } from '../../netfilter/trace/flow.ts';
import { isLocalAddress, type TraceOptions } from '../../netfilter/text/matches.ts';
import type { KernelChain, SetName, Table } from '../../netfilter/rule.ts';
import { createWalk } from '../../netfilter/trace/walk.ts';
import { parameterWords, realWords } from './print.ts';
import type { IpvsProgram } from './program.ts';
import { type RealServer, serverKey, type VirtualServer } from './servers.ts';
import type { Asked, LookOptions } from '../../equivalence/look.ts';
import { askSet } from './set-questions.ts';
import { setHolds } from './set-lookup.ts';

/**
 * What a program does to the first packet of a connection: packet → sets → virtual server → shares.
 *
 * For arriving packets IPVS comes after the filter table, and for what the node sends it comes before.
 * What it sends on passes OUTPUT and POSTROUTING, but never FORWARD; what has a real server on
 * the node itself stays where it is. Shares are what schedulers give over many connections.
 *
 * source  Linux, net/netfilter/ipvs/ip_vs_core.c (ip_vs_ops), ip_vs_xmit.c (ip_vs_nat_xmit)
 */
export function traceProgram(
  program: IpvsProgram,
  packet: Packet,
  node: NodeContext,
  { brief = false, asked }: LookOptions = {},
): Trace {
  const bound = boundAddresses(program);
  const around = { ruleset: program.rules, node, options: { boundAddresses: bound, brief } };
  const isLocal = (address: IpAddress) => isLocalAddress(address, around);
  const sent = { ...packet, source: sourceOf(packet, isLocal) };
  const asking = asked && takesDestination(packet, isLocal) ? ofBothSides(asked) : asked;
  const options = { ...around.options, ...(asking && { asked: asking }) };
  const tour = createTour(program, node, { ...options, ...resolvers(program, sent, asking) });

  if (packet.from.kind === 'node') {
    const flow = tour.pass([['nat', 'OUTPUT']], startFlow(sent));
    const taken = flow && program.servers.get(keyOf(flow));
    if (flow === undefined) return tour.end();
    if (taken !== undefined) tour.schedule(taken, flow, isLocal, true, asked);
    else tour.leave(flow, isLocal);
    return tour.end();
  }
  // A martian: the kernel drops packets that arrive with a Service's address as their source (fib_validate_source).
  if (bound.has(packet.source)) return { verdict: { kind: 'drop' }, steps: [] };
  const flow = tour.pass([['nat', 'PREROUTING']], startFlow(sent));
  if (flow === undefined) return tour.end();
  if (!isLocal(flow.destination)) {
    tour.arrive(tour.pass([...passing, ...out], flow));
    return tour.end();
  }
  const inside = tour.pass(inward, flow);
  const taken = inside && program.servers.get(keyOf(inside));
  if (inside !== undefined && taken !== undefined) tour.schedule(taken, inside, isLocal, false, asked);
  else tour.arrive(inside);
  return tour.end();
}

const boundOf = new WeakMap<IpvsProgram, ReadonlySet<IpAddress>>();

/** A program is asked by many packets, and has an address for every frontend. */
function boundAddresses(program: IpvsProgram): ReadonlySet<IpAddress> {
  const known = boundOf.get(program) ?? new Set(program.addresses);
  boundOf.set(program, known);
  return known;
}

type Stage = readonly [Table, KernelChain];
const inward: readonly Stage[] = [['filter', 'INPUT']];
const passing: readonly Stage[] = [['filter', 'FORWARD']];
const out: readonly Stage[] = [['nat', 'POSTROUTING']];
const leaving: readonly Stage[] = [['filter', 'OUTPUT']];

/**
 * A process that names no source gets the address it dials, if that is the node's own: so the routes
 * of the local table have it. A frontend bound for IPVS is such an address.
 */
function sourceOf(packet: Packet, isLocal: (address: IpAddress) => boolean): IpAddress {
  return takesDestination(packet, isLocal) ? packet.destination : packet.source;
}

function takesDestination({ from, destination }: Packet, isLocal: (address: IpAddress) => boolean): boolean {
  return from.kind === 'node' && isLocal(destination);
}

/** Where the destination is the source too, what is asked of the one is asked of the other. */
function ofBothSides(asked: Asked): Asked {
  return (question) => {
    asked(question);
    if (question.kind === 'source') asked({ kind: 'destination', network: question.network });
  };
}

function keyOf(flow: Flow) {
  return serverKey({ protocol: flow.packet.protocol, address: flow.destination, port: flow.destinationPort });
}

/** One packet's way, with what was met on it. */
function createTour(program: IpvsProgram, node: NodeContext, options: TraceOptions) {
  const steps: TraceStep[] = [];
  const outcomes: Outcome[] = [];

  function note(step: TraceStep): void {
    if (options.brief !== true) steps.push(step);
  }

  /** undefined when a rule refuses it; `share` is this flow's part of the connections. */
  function pass(stages: readonly Stage[], flow: Flow, share: Rational = one): Flow | undefined {
    const walk = createWalk(program.rules, node, options);
    let going: readonly Flow[] = [flow];
    for (const [table, chain] of stages) going = walk.pass(table, chain, going);
    for (const step of walk.steps) steps.push({ ...step, share: multiply(step.share, share) });
    for (const { fate } of walk.refused) outcomes.push({ fate, share });
    // Slicewright's chains hold no chances, so a flow is never split here.
    return going[0];
  }

  function arrive(flow: Flow | undefined, share: Rational = one): void {
    if (flow !== undefined) outcomes.push({ ...arrived(flow), share });
  }

  /** Out of the node, or round by the loopback interface into it again. */
  function leave(flow: Flow, isLocal: (address: IpAddress) => boolean, share: Rational = one): void {
    const sent = pass([...leaving, ...out], flow, share);
    if (sent === undefined || !isLocal(sent.destination)) arrive(sent, share);
    // A packet from the node to itself only gets another of the node's addresses.
    else arrive(pass(inward, { ...sent, inInterface: 'lo', isMasqueraded: sent.isTranslated }, share), share);
  }

  function schedule(
    server: VirtualServer,
    flow: Flow,
    isLocal: (address: IpAddress) => boolean,
    fromNode: boolean,
    asked: Asked = () => {},
  ): void {
    if (server.persistenceSeconds !== undefined) {
      for (const { address, port } of server.reals) asked({ kind: 'remembered', address, port });
    }
    const where = `virtual server ${serverKey(server)}`;
    note({ where, rule: `-A ${parameterWords(server)}`, share: one, depth: 0 });
    if (isStrange(server)) {
      steps.push({ where, rule: `-A ${parameterWords(server)}`, share: one, depth: 0, skipped: 'not understood' });
    }
    const chosen = sharesOf(server, flow.packet);
    // ip_vs_leave: port unreachable, for TCP too.
    if (chosen.length === 0) outcomes.push({ fate: { kind: 'reject' }, share: one });
    // Notes all of them before any goes on, since they are listed below their virtual server.
    for (const { real, share } of chosen) {
      note({ where, rule: `-a ${realWords(server, real)}`, share, depth: 1 });
    }
    for (const { real, share } of chosen) {
      const sent: Flow = {
        ...flow,
        destination: real.address,
        destinationPort: real.port,
        isTranslated: true,
        inInterface: '',
      };
      if (fromNode) leave(sent, isLocal, share);
      else if (isLocal(real.address)) arrive(sent, share);
      else arrive(pass([...leaving, ...out], sent, share), share);
    }
  }

  return { pass, arrive, leave, schedule, end: (): Trace => ({ verdict: toVerdict(outcomes), steps }) };
}

/** With a scheduler, an option or a way of forwarding outside the vocabulary, the chosen real server is unknown. */
function isStrange({ scheduler, other, reals }: VirtualServer): boolean {
  const isKnown = (ipvsSchedulers as readonly string[]).includes(scheduler);
  return !isKnown || other !== '' || reals.some((real) => real.forwarding !== 'masquerade' || real.other !== '');
}

/** Those that only count connections or take turns; the others go by weight. */
const evenSchedulers: readonly string[] = ['rr', 'lc', 'dh'];

function sharesOf(
  server: VirtualServer,
  packet: Packet,
): readonly { readonly real: RealServer; readonly share: Rational }[] {
  const able = server.reals.filter(({ weight }) => weight > 0);
  const { remembered } = packet;
  const known =
    server.persistenceSeconds !== undefined && remembered !== undefined
      ? able.find((real) => endpointText(real) === endpointText(remembered))
      : undefined;
  if (known !== undefined) return [{ real: known, share: one }];
  const part = (real: RealServer) => (evenSchedulers.includes(server.scheduler) ? 1 : real.weight);
  const total = able.reduce((sum, real) => sum + part(real), 0);
  return able.map((real) => ({ real, share: rational(part(real), total) }));
}

function resolvers(program: IpvsProgram, packet: Packet, asked: Asked | undefined): TraceOptions {
  return {
    inSet: (name: SetName, dims, flow) => {
      const set = program.sets.get(name);
      if (set === undefined) return undefined;
      const shown = dims.map((side) => (side === 'src' ? packet.source : flow.destination));
      const service = { port: flow.destinationPort, protocol: packet.protocol };
      if (asked !== undefined) askSet(set, dims, shown, service, flow.isTranslated, asked);
      return setHolds(set, shown, { ...service, protocol: protocolText(packet.protocol) });
    },
    // Only what was translated by IPVS is translated here: slicewright's chains have no other way.
    isOfIpvs: (flow, server) =>
      flow.isTranslated &&
      (server === undefined ||
        (server.address === packet.destination &&
          server.port === packet.destinationPort &&
          server.protocol === packet.protocol)),
  };
}
