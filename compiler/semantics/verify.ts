import type { ServicePortIR } from '../ir/ir.ts';
import type { NodeContext } from '../ir/node-context.ts';
import { disagreement } from './agree.ts';
import { expectation } from './expect.ts';
import type { Packet, Trace, Verdict } from './packet.ts';
import { formatPacket } from './packet-text.ts';
import { probes } from './probes.ts';
import { formatTrace, formatVerdict } from './verdict-text.ts';

/**
 * A packet that a program treats differently from its Services' IRs. Always a fault of slicewright or of another
 * writer.
 */
export interface Mismatch {
  readonly packet: Packet;
  readonly expected: Verdict;
  readonly trace: Trace;
  /** The difference, in words. */
  readonly reason: string;
}

/** What a program is tried with and compared to, where that differs from the defaults. */
export interface VerifyOptions {
  /** By default all {@link probes}. */
  readonly packets?: readonly Packet[];
  /** By default the {@link expectation} of the Services. */
  readonly expected?: (packet: Packet) => Verdict;
}

/**
 * Every probe that a program treats differently from its Services' IRs: empty for a correct program.
 *
 * trace  follows a packet through the program; if only the verdict is requested, it may leave out the steps
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

/** A verdict past a rule that the tracer could not follow is a guess, so it proves nothing. */
function unfollowed(trace: Trace): string | undefined {
  const step = trace.steps.find(({ skipped }) => skipped !== undefined);
  return step === undefined
    ? undefined
    : `a rule in ${step.where} could not be followed (${step.skipped}): ${step.rule}`;
}

/** The packet, both verdicts and the matched rules, for people. */
export function formatMismatch({ packet, expected, trace, reason }: Mismatch): string {
  return [
    formatPacket(packet),
    `  ${reason}`,
    ...formatVerdict(expected).map((line) => `  expected: ${line}`),
    ...formatVerdict(trace.verdict).map((line) => `  found:    ${line}`),
    ...formatTrace(trace).map((line) => `    ${line}`),
  ].join('\n');
}
