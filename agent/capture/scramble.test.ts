import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressFromNumber, addressToNumber, bitsOf, familyOf, parseAddress } from '../../compiler/values/address.ts';
import type { OwnedObject } from './reduce.ts';
import { createAddressScrambler } from './scramble-addresses.ts';
import { createNameScrambler } from './scramble-names.ts';
import { namesIn, scrambledObject } from './scramble-objects.ts';

const addressOf = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
};

describe('addresses under other addresses', () => {
  const anyAddress = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value) => addressFromNumber(value, 'IPv4')),
    fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value) => addressFromNumber(value, 'IPv6')),
  );
  const { address, cidr } = createAddressScrambler('seed-7');

  it('have as long a prefix in common as before', () => {
    const common = (a: bigint, b: bigint) => (a ^ b).toString(2).length;
    fc.assert(
      fc.property(anyAddress, fc.nat(127), (a, bit) => {
        const turn = 1n << BigInt(bit % bitsOf(familyOf(a)));
        const b = addressFromNumber(addressToNumber(a) ^ turn, familyOf(a));
        expect(common(addressToNumber(address(a)), addressToNumber(address(b)))).toBe(
          common(addressToNumber(a), addressToNumber(b)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('stay where they mean the same on every node, and private where they are', () => {
    const same = [
      '0.0.0.0',
      '127.0.0.1',
      '127.8.9.10',
      '169.254.1.2',
      '224.0.0.1',
      '255.255.255.0',
      '::',
      '::1',
      'fe80::1',
    ];
    expect(same.map((text) => address(addressOf(text)))).toEqual(same);
    expect(address(addressOf('10.1.2.3'))).toMatch(/^10\./);
    expect(address(addressOf('192.168.2.3'))).toMatch(/^192\.168\./);
    expect(cidr(addressOf('10.0.0.0'), 8)).toBe('10.0.0.0/8');
    expect(cidr(addressOf('10.1.0.0'), 16)).toMatch(/^10\.\d+\.0\.0\/16$/);
  });
});

describe('names under other names', () => {
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'imported-east-1-cart-x7k2',
      namespace: 'shop',
      labels: {
        'kubernetes.io/service-name': 'derived-cart',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.karmada.io',
        team: 'secret',
      },
      annotations: { 'slicewright.dev/failover': 'local; region:eu; *', note: 'secret' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.0.5'], nodeName: 'node.east-1', zone: 'default' }],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  };
  const objects = [{ cluster: 'east-1', object: slice }] as unknown as readonly OwnedObject[];
  const words = createNameScrambler('seed-7', namesIn(objects, []));
  const [shop, cart, east, region] = ['shop', 'cart', 'east-1', 'eu'].map(words.name);

  it('are the same wherever they stand, alone or in a name that is made of others', () => {
    const made = scrambledObject(slice, { ...words, addresses: (text) => text });
    expect(made).toMatchObject({
      metadata: {
        name: expect.stringMatching(new RegExp(`^imported-${east}-${cart}-[a-z]+$`)),
        namespace: shop,
        labels: {
          'kubernetes.io/service-name': `derived-${cart}`,
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.karmada.io',
        },
        annotations: { 'slicewright.dev/failover': `local; region:${region}; *` },
      },
      endpoints: [{ zone: 'default' }],
      ports: [{ name: words.name('http'), port: 80, protocol: 'TCP' }],
    });
    expect(JSON.stringify(made)).not.toMatch(/secret|note|team|shop|cart|east|x7k2/);
  });

  it('are others under another seed', () => {
    expect(createNameScrambler('seed-8', new Set(['shop'])).name('shop')).not.toBe(shop);
  });
});
