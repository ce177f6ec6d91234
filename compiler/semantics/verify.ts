import type { ServicePortIR } from '../ir/ir.ts';
import type { NodeContext } from '../ir/node-context.ts';
import { disagreement } from './agree.ts';
import { expectation } from './expect.ts';
import type { Packet, Trace, Verdict } from './packet.ts';
import { formatPacket } from './packet-text.ts';
import { probes } from './probes.ts';
import { formatTrace, formatVerdict } from './verdict-text.ts';

/** A packet that a program treats otherwise than the Services say. Always a mistake of ours, or of another writer. */
export interface Mismatch {
  readonly packet: Packet;
  readonly expected: Verdict;
  readonly trace: Trace;
  /** What the difference is. */
  readonly reason: string;
}

/** What a program is tried on and held to, where that is not all of it. */
export interface VerifyOptions {
  /** By default all {@link probes}. */
  readonly packets?: readonly Packet[];
  /** By default the {@link expectation} of the Services. */
  readonly expected?: (packet: Packet) => Verdict;
}

/**
 * Every probe that a program treats otherwise than its Services say: empty for a right program.
 *
 * trace  follows a packet through the program; asked for the verdict alone, it need not tell the way
 */
export function verify(
  services: readonly ServicePortIR[],
  node: NodeContext,
  trace: (packet: Packet, how?: { readonly brief: boolean }) => Trace,
  { packets = probes(services, node), expected = expectation(services, node) }: VerifyOptions = {},
): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const packet of packets) {
    const wanted = expected(packet);
    const found = trace(packet, { brief: true });
    const reason = disagreement(wanted, found.verdict) ?? unfollowed(found);
    if (reason !== undefined) mismatches.push({ packet, expected: wanted, trace: trace(packet), reason });
  }
  return mismatches;
}

/** A verdict past a rule that nobody could follow is a guess, so it proves nothing. */
function unfollowed(trace: Trace): string | undefined {
  const step = trace.steps.find(({ skipped }) => skipped !== undefined);
  return step === undefined
    ? undefined
    : `a rule in ${step.where} could not be followed (${step.skipped}): ${step.rule}`;
}

/** The packet, both verdicts and the rules that were met, for people. */
export function formatMismatch({ packet, expected, trace, reason }: Mismatch): string {
  return [
    formatPacket(packet),
    `  ${reason}`,
    ...formatVerdict(expected).map((line) => `  expected: ${line}`),
    ...formatVerdict(trace.verdict).map((line) => `  found:    ${line}`),
    ...formatTrace(trace).map((line) => `    ${line}`),
  ].join('\n');
}
