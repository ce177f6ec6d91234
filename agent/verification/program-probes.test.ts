import { expect, it } from 'vitest';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { address, clusterIP, endpoint, makeIR, makeNode, port } from '../../test/helpers/ir.ts';
import { namesText } from './names-text.ts';
import { probeFamily, probesDocument, probesText } from './program-probes.ts';

const node = makeNode();
const cart = makeIR([clusterIP('10.13.0.1', 80)], [endpoint('10.12.0.6:80')]);
const packet: Packet = {
  family: 'IPv4',
  source: address('198.51.100.7'),
  from: { kind: 'interface', name: 'eth0' },
  destination: address('10.13.0.1'),
  destinationPort: port(80),
  protocol: 'TCP',
};
const elsewhere = { ...packet, destination: address('10.99.0.1') };
/** A program that drops what it should reject. */
const verify = () =>
  [packet, elsewhere].map((one) => ({
    packet: one,
    expected: { kind: 'reject' } as const,
    trace: { verdict: { kind: 'drop' }, steps: [] } as const,
    reason: 'expected: reject; found: drop',
  }));

it('names the Service whose packet gets another result, for people and for programs', async () => {
  const found = probeFamily('IPv4', verify, { services: [cart], node }, undefined);
  expect(probesText(found)).toContain('IPv4: 1 Service port, 2 probes with a different result\n');
  expect(namesText(found.mismatches.map(({ servicePort }) => servicePort))).toBe('shop/cart\n');
  expect(JSON.parse(await probesDocument([found], 'json'))).toMatchObject({
    kind: 'ProgramVerification',
    families: [
      {
        result: 'different',
        mismatches: [{ servicePort: 'shop/cart:http', wanted: ['reject'], found: ['drop'] }, { servicePort: null }],
      },
    ],
  });
});

it('tells of the chosen Services alone', () => {
  const target = { services: [cart], node };
  expect(probeFamily('IPv4', verify, target, (name) => name.startsWith('shop/')).mismatches).toHaveLength(1);
  expect(probeFamily('IPv4', verify, target, (name) => name === 'ops/dns').mismatches).toHaveLength(0);
});
