import { describe, expect, it } from 'vitest';
import { clusterIP, endpoint, makeIR, makeNode } from '../../test/helpers/ir.ts';
import { one } from '../values/rational.ts';
import { expectation } from './expect.ts';
import type { Packet, Trace } from './packet.ts';
import { parsePacket } from './packet-text.ts';
import { formatMismatch, verify } from './verify.ts';

const services = [makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.5:8080'), endpoint('10.2.0.5:8080')])];
const node = makeNode();
const expected = expectation(services, node);
const packet = parsePacket('pod 10.1.0.9 -> 10.96.0.1:80/tcp') as Packet;

describe('verify', () => {
  it('finds nothing in a program that does what is expected', () => {
    expect(verify(services, node, (probe) => ({ verdict: expected(probe), steps: [] }))).toEqual([]);
  });

  it('shows the packet, both verdicts and the rules that led to the wrong one', () => {
    const trace: Trace = {
      verdict: { kind: 'drop' },
      steps: [{ where: 'filter KUBE-F', rule: '-A KUBE-F -j DROP', share: one, depth: 0 }],
    };
    const mismatches = verify(services, node, () => trace, { packets: [packet] });
    expect(mismatches.map(formatMismatch)).toEqual([
      [
        'pod 10.1.0.9 -> 10.96.0.1:80/tcp',
        '  nothing goes "to 10.1.0.5:8080"; expected: 1/2 to 10.1.0.5:8080, 1/2 to 10.2.0.5:8080; found: drop',
        '  expected: 1/2 to 10.1.0.5:8080',
        '  expected: 1/2 to 10.2.0.5:8080',
        '  found:    drop',
        '    filter KUBE-F: -A KUBE-F -j DROP',
      ].join('\n'),
    ]);
  });

  it('does not take the word of a trace that lost its way', () => {
    const lost = {
      where: 'nat KUBE-A',
      rule: '-A KUBE-A -m time -j KUBE-B',
      share: one,
      depth: 0,
      skipped: 'not understood',
    } as const;
    const trace = (probe: Packet): Trace => ({ verdict: expected(probe), steps: [lost] });
    const [mismatch] = verify(services, node, trace, { packets: [packet] });
    expect(mismatch?.reason).toBe(
      'a rule in nat KUBE-A could not be followed (not understood): -A KUBE-A -m time -j KUBE-B',
    );
  });
});
