import type { Observed } from '../../backends/backend.ts';
import { endpointText, type Frontend } from '../../compiler/ir/ir.ts';
import type { EndpointRecord } from '../../compiler/merge/record.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import { expect } from '../../compiler/semantics/expect.ts';
import type { Packet, Share, Trace, Verdict } from '../../compiler/semantics/packet.ts';
import { wayOf, type WayStep } from '../../compiler/semantics/way.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { add, type Rational } from '../../compiler/values/rational.ts';
import type { Target } from '../../backends/target.ts';
import type { AskedPacket } from './dialled.ts';
import type { Knowledge } from './knowledge.ts';
import { type Dialled, dialledBy, whyNot } from './why.ts';

/** What happens to one packet, and why. */
export interface ExplainedPacket {
  readonly packet: Packet;
  /** `a pod of this node`; undefined: the question named no sender. */
  readonly who: string | undefined;
  /** The Service port that the packet goes to; undefined: none. */
  readonly dialled: NamedFrontend | undefined;
  /** Other frontends of that Service port. */
  readonly others: readonly Frontend[];
  /** What should happen to it, and what slicewright's rules do. */
  readonly wanted: Outcome;
  /** What the rules found on a node do, if any were read. */
  readonly found: readonly FoundOutcome[];
  /** Endpoints of the Service port that should get none of these packets. */
  readonly unused: readonly UnusedEndpoint[];
}

export interface NamedFrontend {
  /** `shop/cart:http`. */
  readonly servicePort: string;
  readonly frontend: Frontend;
}

export interface Outcome {
  /** The shares of the Services, if the rules give those up to the precision of a kernel's chance (31 bits). */
  readonly verdict: Verdict;
  /** Why no endpoint is reached; undefined: one is. */
  readonly why: string | undefined;
  readonly endpoints: readonly UsedEndpoint[];
  /** Clusters in the order of their names, the local one first. */
  readonly clusters: readonly ClusterShare[];
  readonly way: readonly WayStep[];
}

export interface FoundOutcome extends Outcome {
  /** `the kernel (nft)`, a file's name. */
  readonly source: string;
  /** How it differs from what should happen; undefined: it does not. */
  readonly difference: string | undefined;
  /** Other programs' rules that may decide before the rules for Services do. */
  readonly mayIntercept: readonly string[];
}

export interface UsedEndpoint extends Share {
  /** What is known about it; undefined: it is not an endpoint of the Service. */
  readonly record: EndpointRecord | undefined;
}

export interface ClusterShare {
  /** `local`, a cluster's name, or `unknown` for an address that is not an endpoint of the Service. */
  readonly cluster: string;
  readonly share: Rational;
}

export interface UnusedEndpoint {
  readonly record: EndpointRecord;
  /** The decisions about it, each with the number of its rule, if it has one. */
  readonly reasons: readonly string[];
}

/** Follows a packet through slicewright's rules, and through the rules found. */
export async function explainPacket(
  { packet, who }: AskedPacket,
  known: Knowledge,
  found: readonly Observed[],
): Promise<ExplainedPacket> {
  const target = known.targets[packet.family];
  const witness = await known.backend.witness();
  const dialled = dialledBy(packet, target);
  const [first] = dialled;
  const records = recordsOf(dialled, known.endpoints);
  const meant = expect(target.services, target.node, packet);
  const trace = witness.trace(target, packet);
  const outcomeOf = (one: Trace): Outcome => outcome(one, meant, packet, target, records);
  const wanted = outcomeOf(trace);
  return {
    packet,
    who,
    dialled: first && {
      servicePort: servicePortText(first.port.service, first.port.portName),
      frontend: first.frontend,
    },
    others: first === undefined ? [] : first.port.frontends.filter((frontend) => frontend !== first.frontend),
    wanted,
    found: found
      .filter(({ family }) => family === packet.family)
      .map((observed) => {
        const seen = observed.look(target.node).trace(packet);
        const lost = seen.steps.find(({ skipped }) => skipped !== undefined);
        return {
          ...outcomeOf(seen),
          source: observed.source,
          difference:
            disagreement(trace.verdict, seen.verdict) ??
            (lost && `a rule in ${lost.where} could not be followed (${lost.skipped})`),
          mayIntercept: observed.inFront(),
        };
      }),
    unused: unusedOf(records, wanted.verdict, packet),
  };
}

function outcome(
  trace: Trace,
  meant: Verdict,
  packet: Packet,
  target: Target,
  records: readonly EndpointRecord[],
): Outcome {
  const verdict = disagreement(meant, trace.verdict) === undefined ? meant : trace.verdict;
  const byText = new Map(records.map((record) => [endpointText(record), record]));
  const endpoints = sharesIn(verdict).map((share) => ({ ...share, record: byText.get(endpointText(share)) }));
  return {
    verdict,
    why: whyNot(verdict, packet, target),
    endpoints,
    clusters: clustersOf(endpoints),
    way: wayOf(trace),
  };
}

function sharesIn(verdict: Verdict): readonly Share[] {
  return verdict.kind === 'forward' || verdict.kind === 'mixed' ? verdict.to : [];
}

function clustersOf(endpoints: readonly UsedEndpoint[]): ClusterShare[] {
  const shares = new Map<string, Rational>();
  for (const { record, share } of endpoints) {
    const cluster = record === undefined ? 'unknown' : (record.cluster ?? 'local');
    const before = shares.get(cluster);
    shares.set(cluster, before === undefined ? share : add(before, share));
  }
  const place = (cluster: string) => `${cluster === 'local' ? 0 : cluster === 'unknown' ? 2 : 1} ${cluster}`;
  return [...shares]
    .map(([cluster, share]) => ({ cluster, share }))
    .sort((a, b) => (place(a.cluster) < place(b.cluster) ? -1 : 1));
}

/** The first Service port's endpoints; those that are left out come last, so that the others determine their address's record. */
function recordsOf([first]: readonly Dialled[], endpoints: readonly EndpointRecord[]): readonly EndpointRecord[] {
  if (first === undefined) return [];
  const { service, portName, protocol, family } = first.port;
  const own = endpoints.filter(
    (record) =>
      record.service === service &&
      record.portName === portName &&
      record.protocol === protocol &&
      record.family === family,
  );
  return [
    ...own.filter((record) => record.leftOut !== undefined),
    ...own.filter((record) => record.leftOut === undefined),
  ];
}

function unusedOf(records: readonly EndpointRecord[], verdict: Verdict, packet: Packet): readonly UnusedEndpoint[] {
  const used = new Set(sharesIn(verdict).map(endpointText));
  return records
    .filter((record) => record.leftOut !== undefined || !used.has(endpointText(record)))
    .map((record) => ({
      record,
      reasons: [
        ...record.reasons.map(({ rule, text }) => `${rule} ${text}`),
        ...reasonHere(record, used.size > 0, packet),
      ],
    }));
}

/** Why an endpoint gets none of these packets although it gets others. */
function reasonHere(
  { leftOut, inPools }: EndpointRecord,
  isServed: boolean,
  { remembered }: Packet,
): readonly string[] {
  if (leftOut !== undefined || (!inPools.cluster && !inPools.local)) return [];
  if (!isServed) return ['no rule accepts such packets'];
  if (remembered !== undefined) {
    return [`session affinity remembers the client at ${endpointText(remembered)}`];
  }
  return [
    inPools.cluster
      ? 'a Local policy: such clients reach only endpoints on this node'
      : 'only for clients of a Local policy',
  ];
}
