import { compareLooks } from '../../backends/equivalence/compare.ts';
import type { Look } from '../../backends/equivalence/look.ts';
import type { Place } from '../../backends/equivalence/places.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet, Trace } from '../../compiler/semantics/packet.ts';
import type { Judge, Judgement } from './judge.ts';

/** What packets to one place show that is not as meant. */
export interface Finding {
  readonly place: Place;
  readonly judgement: Exclude<Judgement, { kind: 'ok' }>;
  /** Kinds of packets that show the same. */
  count: number;
  /** The first of them. */
  readonly example: { readonly packet: Packet; readonly wanted: Trace; readonly found: Trace };
}

export interface Walked {
  /** Kinds of packets that were followed. */
  readonly tried: number;
  readonly findings: readonly Finding[];
  /** Places where only some kinds of clients were tried. */
  readonly sampled: readonly Place[];
}

/**
 * Every kind of packet that the rules of either side tell apart, judged.
 *
 * wanted   what should be
 */
export function walkPackets(wanted: Look, found: Look, judge: Judge, node: NodeContext): Walked {
  const findings = new Map<string, Finding>();
  // Packets are compared one by one, first as found; so that is followed once.
  let last: { readonly packet: Packet; readonly trace: Trace } | undefined;
  const remembering: Look = {
    destinations: () => found.destinations(),
    trace(packet, how) {
      last = { packet, trace: found.trace(packet, how) };
      return last.trace;
    },
  };
  const judging: Look = {
    destinations: () => wanted.destinations(),
    trace(packet, how) {
      if (how?.asked === undefined) return wanted.trace(packet, how);
      const trace = last?.packet === packet ? last.trace : found.trace(packet, { brief: true });
      const judgement = judge(packet, trace, how.asked);
      if (judgement.kind !== 'ok') note(packet, judgement);
      // What is told apart goes on to be told apart; what is found is kept here.
      return trace;
    },
  };

  function note(packet: Packet, judgement: Finding['judgement']): void {
    const place = { address: packet.destination, protocol: packet.protocol, port: packet.destinationPort };
    const key = JSON.stringify([place, judgement.kind, detailOf(judgement)]);
    const known = findings.get(key);
    if (known !== undefined) known.count++;
    else {
      const example = { packet, wanted: wanted.trace(packet), found: found.trace(packet) };
      findings.set(key, { place, judgement, count: 1, example });
    }
  }

  const { tried, sampled } = compareLooks(judging, remembering, node);
  return { tried, findings: [...findings.values()], sampled };
}

/** Findings of one place are told apart by this: every wrong packet of it is one finding, whatever its endpoints. */
function detailOf(judgement: Finding['judgement']): string {
  switch (judgement.kind) {
    case 'known':
      return judgement.codes.join();
    case 'unknown':
      return judgement.rules.join('\n');
    case 'wrong':
      return '';
  }
}
