import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet, Trace, TraceStep } from '../../compiler/semantics/packet.ts';
import { isFromPod, isLoopback, isNodeAddress, servesNodePorts } from '../../compiler/semantics/place.ts';
import { type Fate, toVerdict } from '../../compiler/semantics/verdict.ts';
import { cidrContains, type IpAddress } from '../../compiler/values/address.ts';
import type { Port } from '../../compiler/values/port.ts';
import { one, type Rational } from '../../compiler/values/rational.ts';
import { type Line, parseLine, type SendLine, type StopLine } from './line.ts';
import type { Program } from './program.ts';

/** A line with the part that holds it. */
interface Placed<L extends Line = Line> {
  readonly part: string;
  readonly text: string;
  readonly line: L;
}

/** A part of the connections, on its way to an address. */
interface Flow {
  readonly address: IpAddress;
  readonly port: Port;
  readonly share: Rational;
  readonly isSent: boolean;
  readonly masquerade: boolean;
}

/** What the lines do to a packet: first they forward it, then they decide about it at its destination. */
export function traceProgram(program: Program, packet: Packet, node: NodeContext): Trace {
  const { placed, strange } = linesIn(program);
  const steps: TraceStep[] = [...strange];
  const outcomes = sendOn(placed.filter(isSend), packet, node, steps).map((flow) => ({
    share: flow.share,
    fate: arrive(placed, packet, flow, node, steps),
  }));
  return { verdict: toVerdict(outcomes), steps };
}

interface Lines {
  readonly placed: readonly Placed[];
  /** Lines that the tracer cannot follow. */
  readonly strange: readonly TraceStep[];
}

const known = new WeakMap<Program, Lines>();

/** Many packets walk through a program, so it is parsed only once. */
function linesIn(program: Program): Lines {
  const before = known.get(program);
  if (before !== undefined) return before;
  const placed: Placed[] = [];
  const strange: TraceStep[] = [];
  for (const [part, lines] of program.parts) {
    for (const text of lines) {
      const line = parseLine(text);
      if (line !== undefined) placed.push({ part, text, line });
      else strange.push({ where: partText(part), rule: text, share: one, depth: 0, skipped: 'not understood' });
    }
  }
  known.set(program, { placed, strange });
  return { placed, strange };
}

const partText = (part: string) => `part ${part}`;

function isSend(placed: Placed): placed is Placed<SendLine> {
  return placed.line.verb === 'send';
}

function sendOn(sends: readonly Placed<SendLine>[], packet: Packet, node: NodeContext, steps: TraceStep[]): Flow[] {
  const asked = sends.filter(({ line }) => line.protocol === packet.protocol && line.port === packet.destinationPort);
  const here = servesNodePorts(packet.destination, node);
  const first = [
    ...asked.filter(({ line }) => line.address === packet.destination),
    ...asked.filter(({ line }) => here && line.address === undefined),
  ].find(({ line }) => admits(line, packet, node));
  if (first === undefined) {
    return [
      { address: packet.destination, port: packet.destinationPort, share: one, isSent: false, masquerade: false },
    ];
  }
  const together = asked.filter((other) => isAlike(first, other));
  const { remembered } = packet;
  const sticky = together.filter(
    ({ line: { affinity, endpoint } }) =>
      affinity === 'client' && endpoint.address === remembered?.address && endpoint.port === remembered.port,
  );
  const isPod = isFromPod(packet, node);
  return (sticky.length > 0 ? sticky : together).map(({ part, text, line }) => {
    const { masquerade, endpoint } = line;
    const share = sticky.length > 0 ? one : line.share;
    steps.push({ where: partText(part), rule: text, share, depth: 0 });
    return {
      ...endpoint,
      share,
      isSent: true,
      // An endpoint that dials itself must not see its own address as the client's address.
      masquerade: masquerade === 'yes' || (masquerade === 'strangers' && !isPod) || endpoint.address === packet.source,
    };
  });
}

function isAlike({ part, line: a }: Placed<SendLine>, { part: other, line: b }: Placed<SendLine>): boolean {
  return part === other && a.kind === b.kind && a.address === b.address && a.clients === b.clients;
}

function admits({ clients, from }: SendLine, packet: Packet, node: NodeContext): boolean {
  if (from.length > 0 && !from.some((cidr) => cidrContains(cidr, packet.source))) return false;
  if (clients === 'any') return true;
  const isPod = isFromPod(packet, node);
  const isNode = !isPod && isNodeAddress(packet.source, node);
  return { pods: isPod, node: isNode, others: !isPod && !isNode }[clients];
}

/** Applies the lines that a packet meets at its destination, by its way there: in the order of a netfilter kernel. */
function arrive(all: readonly Placed[], packet: Packet, flow: Flow, node: NodeContext, steps: TraceStep[]): Fate {
  const beginsHere = packet.from.kind === 'node';
  const endsHere = isNodeAddress(flow.address, node);
  const meets = (...found: readonly (Placed | undefined)[]) => {
    const [met] = found.filter((placed) => placed !== undefined);
    if (met !== undefined) steps.push({ where: partText(met.part), rule: met.text, share: flow.share, depth: 0 });
    return met?.line.verb;
  };
  const stop = (is: (line: StopLine) => boolean) =>
    all.find(({ line }) => {
      if (line.verb === 'send' || line.verb === 'guard-loopback') return false;
      const isThere = line.address === flow.address || (line.address === undefined && endsHere);
      return line.protocol === packet.protocol && line.port === flow.port && isThere && is(line);
    });
  const guarded = meets(
    flow.isSent || !isLoopback(flow.address) || isLoopback(packet.source)
      ? undefined
      : all.find(({ line }) => line.verb === 'guard-loopback'),
    stop(({ verb }) => verb === 'guard'),
  );
  if (guarded !== undefined) return { kind: 'drop' };
  const forward: Fate = {
    kind: flow.isSent ? 'forward' : 'untouched',
    ...{ address: flow.address, port: flow.port },
    // A packet that came from outside and ends on this node never leaves it, so its source stays.
    masquerade: flow.masquerade && (beginsHere || !endsHere),
  };
  if (!beginsHere && !endsHere && flow.masquerade) return forward;
  const isRefusal = ({ verb }: StopLine) => verb === 'reject' || verb === 'drop';
  const isInternal = ({ kind }: StopLine) => kind === 'clusterIP' || kind === 'clusterSetIP';
  const met = meets(
    endsHere && !beginsHere ? undefined : stop((line) => isRefusal(line) && isInternal(line)),
    endsHere ? stop(({ verb }) => verb === 'accept') : undefined,
    beginsHere && !endsHere ? undefined : stop((line) => isRefusal(line) && !isInternal(line)),
  );
  if (met === 'reject' || met === 'drop') return { kind: met };
  return met === 'accept' && !flow.isSent ? { kind: 'accept' } : forward;
}
