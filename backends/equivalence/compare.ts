import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Trace } from '../../compiler/semantics/packet.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import type { Asked, Look } from './look.ts';
import { createPlaces, type Place, type Places } from './places.ts';
import {
  clientsOf,
  type Client,
  countQuestions,
  createQuestions,
  isOnlyOfItsKind,
  type Questions,
} from './questions.ts';

/*
 * Compares two programs by what happens to packets, not by text and not by samples.
 *
 * A program's answer for a packet depends only on the answers to the questions that it asks on the packet's way. So
 * the packets are cut by those questions: one packet is followed through both programs, every question about it is noted,
 * and for each other answer another packet is made, until no packet asks anything new. If all these packets get equal
 * verdicts, so does every packet that a kernel lets through, with exact shares. Only where a place has more kinds of
 * clients than are tried (a Service's endpoints as clients of themselves, above a hundred) is the result a sample,
 * and it is marked as one.
 */

export interface Comparison {
  /** Packets that were followed, one for each kind. */
  readonly tried: number;
  /** By place, as they were found. */
  readonly differences: readonly Difference[];
  /** Rules of the found program that slicewright cannot follow, `chain: rule`. */
  readonly unfollowed: readonly string[];
  /** Places where only some kinds of clients were tried. */
  readonly sampled: readonly Place[];
}

/** A place where some clients are served differently. */
export interface Difference {
  readonly place: Place;
  /** Kinds of clients that were tried there, and that meet another fate. */
  readonly kinds: { readonly tried: number; readonly different: number };
  /** The first of them. */
  readonly examples: readonly Example[];
}

export interface Example {
  readonly packet: Packet;
  readonly wanted: Trace;
  readonly found: Trace;
  /** What the difference is. */
  readonly reason: string;
}

/** Examples that are kept of one place. */
const mostExamples = 3;

export interface CompareOptions {
  /** Whether a place is asked about; absent: all are. */
  readonly isTold?: (place: Place) => boolean;
  /** Called before each place, with the number of places looked at and the number known by now. */
  readonly progress?: (looked: number, known: number) => void;
}

export function compareLooks(
  wanted: Look,
  found: Look,
  node: NodeContext,
  { isTold = () => true, progress }: CompareOptions = {},
): Comparison {
  const places = createPlaces(node);
  places.addAll(wanted.destinations(), 'wanted');
  places.addAll(found.destinations(), 'found');
  const differences: Difference[] = [];
  const sampled: Place[] = [];
  const unfollowed = new Set<string>();
  let tried = 0;
  let looked = 0;
  for (let place = places.next(); place !== undefined; place = places.next()) {
    progress?.(looked++, places.count());
    const seen = comparePlace(place, wanted, found, node, places);
    if (!isTold(place)) continue;
    for (const rule of seen.unfollowed) unfollowed.add(rule);
    tried += seen.kinds.tried;
    if (seen.isSampled) sampled.push(place);
    if (seen.kinds.different > 0) differences.push({ place, kinds: seen.kinds, examples: seen.examples });
  }
  return { tried, differences, unfollowed: [...unfollowed].sort(), sampled };
}

/** Compares at some places alone, by every kind of client. */
export function comparePlaces(
  chosen: readonly Place[],
  wanted: Look,
  found: Look,
  node: NodeContext,
): Pick<Comparison, 'differences' | 'unfollowed'> {
  const places = createPlaces(node);
  const seen = chosen.map((place) => ({ place, ...comparePlace(place, wanted, found, node, places) }));
  return {
    differences: seen.flatMap(({ place, kinds, examples }) =>
      kinds.different > 0 ? [{ place, kinds, examples }] : [],
    ),
    unfollowed: [...new Set(seen.flatMap(({ unfollowed }) => [...unfollowed]))].sort(),
  };
}

interface Seen {
  readonly kinds: Difference['kinds'];
  readonly examples: readonly Example[];
  readonly isSampled: boolean;
  readonly unfollowed: ReadonlySet<string>;
}

function comparePlace(place: Place, wanted: Look, found: Look, node: NodeContext, places: Places): Seen {
  const unfollowed = new Set<string>();
  const questions = createQuestions();
  const asked = noteInto(questions, place, places);
  const done = new Set<string>();
  const examples: Example[] = [];
  let different = 0;
  for (;;) {
    const before = countQuestions(questions);
    const { tried, isSampled } = clientsOf(questions, place.address, node);
    for (const client of tried) {
      const key = clientKey(client);
      if (done.has(key)) continue;
      done.add(key);
      const packet = packetTo(place, client, node);
      const [is, should] = [found, wanted].map((look) => look.trace(packet, { brief: true, asked }));
      if (is === undefined || should === undefined) continue;
      for (const { where, rule, skipped } of is.steps) if (skipped !== undefined) unfollowed.add(`${where}: ${rule}`);
      const reason = disagreement(should.verdict, is.verdict);
      if (reason === undefined) continue;
      different++;
      if (examples.length < mostExamples) {
        examples.push({ packet, wanted: wanted.trace(packet), found: found.trace(packet), reason });
      }
    }
    if (countQuestions(questions) === before) {
      if (!places.isNamed(place) && isOnlyOfItsKind(questions, place.address)) places.tryElsewhere(place);
      return { kinds: { tried: done.size, different }, examples, isSampled, unfollowed };
    }
  }
}

function noteInto(questions: Questions, place: Place, places: Places): Asked {
  // Questions about the destination decide which destinations it represents. A place that is looked up represents only itself.
  const isAlone = places.isNamed(place);
  return (question) => {
    switch (question.kind) {
      case 'source':
        questions.sources.add(question.network);
        return;
      case 'interface':
        questions.interfaces.set(`${question.name}${question.prefix ? '+' : ''}`, question);
        return;
      case 'remembered':
        questions.remembered.set(endpointText(question), question);
        return;
      case 'destination':
        if (!isAlone) places.addNetwork(question.network);
        return;
      case 'port':
        if (!isAlone) places.addPort(place.address, question);
        return;
      case 'ports':
        if (!isAlone) places.addPorts(place.address, question.ports);
        return;
    }
  };
}

function packetTo({ address, protocol, port }: Place, client: Client, { family }: NodeContext): Packet {
  return { family, protocol, destination: address, destinationPort: port, ...client };
}

function clientKey({ source, from, remembered }: Client): string {
  const origin = from.kind === 'node' ? '' : from.name;
  return `${source} ${origin} ${remembered === undefined ? '' : endpointText(remembered)}`;
}
