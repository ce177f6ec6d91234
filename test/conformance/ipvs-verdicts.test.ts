import { describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { ipvsExpectation } from '../../backends/ipvs/program/exceptions.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import { traceProgram } from '../../backends/ipvs/program/trace.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isLoopback } from '../../compiler/semantics/place.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { formatMismatch, verify } from '../../compiler/semantics/verify.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, compileCase } from './cases.ts';

describe('every probe gets the verdict of the reference, but for the exceptions of IPVS', () => {
  it.each(caseNames)('%s', (name) => {
    const { services, node } = compileCase(name, 'none', 'ipvs');
    for (const family of families) {
      const { program } = assemble(ipvs, services[family], node[family]);
      const trace = (packet: Packet) => traceProgram(program, packet, node[family]);
      const expected = ipvsExpectation(services[family], node[family]);
      expect(verify(services[family], node[family], trace, { expected }).map(formatMismatch)).toEqual([]);
    }
  });
});

describe('the exceptions', () => {
  /** Each probe of every case that IPVS treats otherwise than the reference says, and how. */
  const differing = caseNames.flatMap((name) => {
    const { services, node } = compileCase(name, 'none', 'ipvs');
    return families.flatMap((family) => {
      const [reference, ours] = [expectation, ipvsExpectation].map((make) => make(services[family], node[family]));
      return probes(services[family], node[family]).flatMap((packet) => {
        const [asked, given] = [reference?.(packet), ours?.(packet)];
        if (asked === undefined || given === undefined || disagreement(asked, given) === undefined) return [];
        return [exceptionOf(services[family], packet, asked, given)];
      });
    });
  });

  it('are those of the README and no others, and each is met', () => {
    expect([...new Set(differing)].sort()).toEqual([
      'another port of a bound address is refused',
      'own traffic to a Local Service stays on the node',
      'the node is judged by its first address',
      'the node itself is masqueraded',
      'there are no node ports on loopback',
    ]);
  });
});

function exceptionOf(services: readonly ServicePortIR[], packet: Packet, asked: Verdict, given: Verdict): string {
  if (isLoopback(packet.destination)) return 'there are no node ports on loopback';
  if (given.kind === 'reject' && asked.kind === 'untouched') return 'another port of a bound address is refused';
  const isOwn = packet.from.kind === 'node';
  if (isOwn && asked.kind !== given.kind) return 'the node is judged by its first address';
  const staysLocal = services.some(
    ({ keepClientAddress, frontends }) =>
      keepClientAddress && frontends.some(({ port, kind }) => kind !== 'clusterIP' && port === packet.destinationPort),
  );
  if (asked.kind === 'forward' && given.kind === 'forward') {
    if (staysLocal) return 'own traffic to a Local Service stays on the node';
    if (isOwn && given.to.every(({ masquerade }) => masquerade)) return 'the node itself is masqueraded';
  }
  return `${formatPacket(packet)}: ${asked.kind} becomes ${given.kind}`;
}
