import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { formatMismatch, verify } from '../../compiler/semantics/verify.ts';
import { meetingNode, meetingPackets, meetingServices } from '../../test/helpers/meeting-services.ts';
import { assemble } from '../assemble.ts';
import { nftablesExpectation } from './expectation.ts';
import { nftables } from './index.ts';
import { traceProgram } from './trace/trace.ts';

it('whatever Services meet at one address, the program means what they say', () => {
  fc.assert(
    fc.property(meetingServices, meetingNode, meetingPackets, (services, node, packets) => {
      const { program } = assemble(nftables, services, node);
      const trace = (packet: Packet) => traceProgram(program, packet, node);
      const mismatches = verify(services, node, trace, {
        packets: [...probes(services, node), ...packets],
        expected: nftablesExpectation(services, node),
      });
      expect(mismatches.slice(0, 3).map(formatMismatch).join('\n')).toBe('');
    }),
    { numRuns: 80 },
  );
});
