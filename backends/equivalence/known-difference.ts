import type { Packet, Trace, Verdict } from '../../compiler/semantics/packet.ts';
import type { Target } from '../target.ts';

/** An intended difference between two ways to carry out the same objects; it has a name. */
export interface KnownDifference {
  /** `hairpin-elsewhere`. */
  readonly code: string;
  /** Which packets are treated differently, and how, in one sentence. */
  readonly text: string;
}

/** One packet that two programs treat differently. */
export interface Change {
  readonly packet: Packet;
  /** The verdict of slicewright's program, or of the reference. */
  readonly wanted: Verdict;
  readonly found: Verdict;
  /** What the objects ask for. */
  readonly target: Target;
}

/**
 * Another way to carry out the same objects: a kube-proxy's, where that differs from slicewright's on purpose. It gives
 * the exact verdict for a packet, so that a fault beside the difference still shows.
 */
export interface Reading {
  /** What it takes the objects and the node for, where that is another thing; undefined: here it is none. */
  readonly target?: (target: Target) => Target | undefined;
  /**
   * The verdict of its rules where it differs from the verdict of slicewright's.
   *
   * found   what was met on the packet's way; the caller compares what happens to it
   */
  readonly verdict?: (verdict: Verdict, packet: Packet, target: Target, found: Trace) => Verdict;
  /** The code of the difference that this packet shows. */
  readonly code: (change: Change) => string;
}

/** What is known of a mode's differences. */
export interface ModeKnowledge {
  /** Every code that follows can give. */
  readonly known: readonly KnownDifference[];
  /** How kube-proxies of this mode differ from slicewright in it. */
  readonly readings: readonly Reading[];
  /** The code of how this mode differs from the reference: `wanted` is the reference's, `found` this mode's. */
  readonly exceptionOf: (change: Change) => string;
}

/** Endpoints of a packet that called itself: those that get it without the node's address. */
export function unmasked(verdict: Verdict, isAffected: (address: string) => boolean): Verdict {
  if (verdict.kind !== 'forward') return verdict;
  return {
    kind: 'forward',
    to: verdict.to.map((share) => (isAffected(share.address) ? { ...share, masquerade: false } : share)),
  };
}

/** Codes that several modes have. */
export const shared = {
  hairpinElsewhere: {
    code: 'hairpin-elsewhere',
    text: 'an endpoint on another node that dials itself through its Service by way of this node keeps its own address, so its answers miss the way back; slicewright gives it the address of the node',
  },
  loopbackNodePorts: {
    code: 'node-ports-on-loopback',
    text: 'node ports answer on 127.0.0.1 in one mode and not in the other; where they do, a rule drops what neighbours send to that address',
  },
  unusedPorts: {
    code: 'unused-ports',
    text: "ports of a Service's address that the Service has not are refused in one mode; in the other the packet goes on as if there were no Service",
  },
  exception: {
    code: 'mode',
    text: 'the modes differ here by design, in a way that has no code of its own; the README of each backend lists them',
  },
} as const satisfies Readonly<Record<string, KnownDifference>>;
