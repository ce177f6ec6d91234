import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { formatMismatch, verify } from '../../compiler/semantics/verify.ts';
import { meetingNode, meetingPackets, meetingServices } from '../../test/helpers/meeting-services.ts';
import { assemble } from '../assemble.ts';
import { traceRuleset } from '../netfilter/trace/trace.ts';
import { iptables } from './index.ts';

it('whatever Services meet at one address, the program means what they say', () => {
  fc.assert(
    fc.property(meetingServices, meetingNode, meetingPackets, (services, node, packets) => {
      const { program } = assemble(iptables, services, node);
      const trace = (packet: Packet) => traceRuleset(program, packet, node);
      const mismatches = verify(services, node, trace, { packets: [...probes(services, node), ...packets] });
      expect(mismatches.slice(0, 3).map(formatMismatch).join('\n')).toBe('');
    }),
    { numRuns: 80 },
  );
});
