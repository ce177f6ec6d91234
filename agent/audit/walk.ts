import { compareLooks } from '../../backends/equivalence/compare.ts';
import type { Look } from '../../backends/equivalence/look.ts';
import type { Place } from '../../backends/equivalence/places.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet, Trace } from '../../compiler/semantics/packet.ts';
import type { Judge, Judgement } from './judge.ts';

/** Packets to one place that are not treated as the objects mean. */
export interface Finding {
  readonly place: Place;
  readonly judgement: Exclude<Judgement, { kind: 'ok' }>;
  /** How many kinds of packets show the same. */
  count: number;
  /** The first of those packets. */
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
 * Judges every kind of packet that the rules of either side treat differently.
 *
 * wanted   what the rules should do
 */
export function walkPackets(wanted: Look, found: Look, judge: Judge, node: NodeContext): Walked {
  const findings = new Map<string, Finding>();
  // The comparison traces each packet in `found` first, so the last trace is kept and not computed twice.
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
      // The comparison goes on with what was found, so it keeps telling packets apart; the finding is noted here.
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

/** The key of a finding within one place: all wrong packets of a place are one finding, whatever their endpoints. */
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
