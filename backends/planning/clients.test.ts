import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { addressFromNumber, type Cidr, cidrContains, cidrOf } from '../../compiler/values/address.ts';
import { address, cidr, makeNode } from '../../test/helpers/ir.ts';
import { clientsFor, noSigns } from './clients.ts';
import { addressClasses, narrowest, publicSize } from './networks.ts';

const texts = (networks: readonly string[], node: NodeContext = makeNode(), vips: readonly string[] = []) =>
  clientsFor({ ...noSigns, networks: networks.map(cidr) }, [], node, vips.map(address)).map(
    ({ kind, source }) => `${kind} ${source}`,
  );

describe('the clients that ask', () => {
  it('are one from outside, a pod and the node where rules name no network', () => {
    expect(texts([])).toEqual(['outside 198.51.100.77', 'pod 10.1.0.1', 'node 192.168.0.10']);
  });

  it('are one more for each network, within and outside of every other', () => {
    expect(texts(['198.51.100.0/24', '198.51.100.128/25', '203.0.113.7/32', '10.1.4.0/24'])).toEqual([
      'outside 203.0.113.77',
      'outside 198.51.100.1',
      'outside 198.51.100.129',
      'outside 203.0.113.7',
      'pod 10.1.5.1',
      'pod 10.1.4.1',
      'node 192.168.0.10',
    ]);
  });

  it('are the node by each of its addresses that ranges tell apart, and by the address that it dials', () => {
    const node = makeNode({ addresses: ['192.168.0.10', '172.16.0.10', '172.16.0.11'].map(address) });
    const found = texts(['172.16.0.0/16'], node, ['192.0.2.9']).filter((text) => text.startsWith('node'));
    expect(found).toEqual(['node 192.168.0.10', 'node 172.16.0.10', 'node 192.0.2.9']);
  });

  it('come from pods’ interfaces where these tell pods', () => {
    const signs = { networks: [], interfaces: [{ name: 'cali', prefix: true }] };
    const clients = clientsFor(signs, [], makeNode({ localDetector: undefined }), []);
    expect(clients.map(({ from }) => (from.kind === 'interface' ? from.name : from.kind))).toEqual([
      'eth0',
      'cali1',
      'node',
    ]);
  });

  it('are as many for hundreds of networks that a firewall lets in as for one, and stand for all', () => {
    const many = Array.from({ length: 300 }, (_, i) => cidr(`172.${16 + (i >> 8)}.${i & 255}.0/24`));
    const clients = clientsFor(noSigns, [many, many.slice(1)], makeNode(), []);
    expect(clients.map(({ kind, source, alike }) => [kind, source, alike.length])).toEqual([
      ['outside', '198.51.100.77', 1],
      ['outside', '172.16.0.1', 1],
      ['outside', '172.16.1.1', 299],
      ['pod', '10.1.0.1', 1],
      ['node', '192.168.0.10', 1],
    ]);
  });

  it('have IPv6 addresses there', () => {
    const node = makeNode({
      family: 'IPv6',
      nodeIP: address('fd70::1'),
      addresses: [address('fd70::1')],
      localDetector: { kind: 'source', cidr: cidr('fd01::/64') },
    });
    expect(texts(['2001:db8::/32', '::/0'], node)).toEqual([
      expect.stringMatching(/^outside /),
      'outside 2001:db8::1',
      'pod fd01::1',
      'node fd70::1',
    ]);
  });
});

const networks = (family: 'IPv4' | 'IPv6'): fc.Arbitrary<Cidr[]> =>
  fc.array(
    fc
      .tuple(
        fc.bigInt({ min: 0n, max: (1n << (family === 'IPv4' ? 32n : 128n)) - 1n }),
        fc.integer({ min: 0, max: 32 }),
      )
      .map(([value, length]) => cidrOf(addressFromNumber(value, family), length)),
    { maxLength: 12 },
  );

describe.each(['IPv4', 'IPv6'] as const)('classes of %s addresses', (family) => {
  it('are as many as networks and one at most, no two alike, and together all there are', () => {
    fc.assert(
      fc.property(networks(family), (given) => {
        const classes = addressClasses(given, family);
        expect(classes.length).toBeLessThanOrEqual(new Set(given).size + 1);
        for (const { network, examples } of classes) {
          expect(examples.length).toBeGreaterThan(0);
          for (const example of examples) {
            const within = given.filter((one) => cidrContains(one, example));
            expect(narrowest(within, example)).toBe(network);
          }
        }
        expect(classes.reduce((sum, one) => sum + one.publicSize, 0n)).toBe(publicSize[family]);
      }),
    );
  });

  it('know every set of networks that an address can be in', () => {
    fc.assert(
      fc.property(networks(family), fc.bigInt({ min: 0n, max: 0xffff_ffffn }), (given, value) => {
        const one = addressFromNumber(family === 'IPv4' ? value : value << 96n, family);
        const found = addressClasses(given, family).map(({ network }) => network);
        expect(found).toContain(narrowest(given, one));
      }),
    );
  });
});
