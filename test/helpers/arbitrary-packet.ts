import fc from 'fast-check';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { protocols } from '../../compiler/values/port.ts';
import { port } from './ir.ts';

const arbitraryPort = fc.integer({ min: 1, max: 65535 }).map(port);

function arbitraryAddress(texts: fc.Arbitrary<string>): fc.Arbitrary<IpAddress> {
  return texts.map(parseAddress).filter((parsed) => parsed !== undefined);
}

const arbitraryFrom: fc.Arbitrary<Packet['from']> = fc.oneof(
  fc.constant({ kind: 'node' } as const),
  fc.constantFrom('eth0', 'veth0', 'cali7', 'cbr0.5').map((name) => ({ kind: 'interface', name }) as const),
);

/** Any packet of either family; one in three comes from a client that affinity remembers. */
export const arbitraryPacket: fc.Arbitrary<Packet> = fc
  .constantFrom('IPv4' as const, 'IPv6' as const)
  .chain((family) => {
    const address = arbitraryAddress(family === 'IPv4' ? fc.ipV4() : fc.ipV6());
    return fc.record({
      family: fc.constant(family),
      protocol: fc.constantFrom(...protocols),
      source: address,
      destination: address,
      destinationPort: arbitraryPort,
      from: arbitraryFrom,
      remembered: fc.option(fc.record({ address, port: arbitraryPort }), { freq: 2, nil: undefined }),
    });
  })
  .map(({ remembered, ...packet }) => (remembered === undefined ? packet : { ...packet, remembered }));
