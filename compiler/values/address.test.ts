import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressToNumber,
  cidrContains,
  cidrsOverlap,
  compareAddresses,
  hostCidr,
  type IpAddress,
  ipv4ToNumber,
  parseAddress,
  parseCidr,
} from './address.ts';

describe('parseAddress', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['::', '::'],
    ['::1.2.3.4', '::102:304'],
    ['1::', '1::'],
    ['fe80::1', 'fe80::1'],
  ])('%s is %s', (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
  });

  it.each([
    '010.0.0.1',
    '1.2.3',
    '1.2.3.256',
    '0x7f.1',
    '1.2.3.4/24',
    ' 10.0.0.1',
    '10.0.0.1\n',
    'fe80::1%eth0',
    '::ffff:198.51.100.5',
    '::ffff:c633:6405',
    '',
    7,
    null,
    undefined,
    {},
  ])('%j is not an address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('takes what node:net takes, but for what is refused on purpose, and gives the same address', () => {
    const word = fc.oneof(
      fc.stringMatching(/^[0-9a-fA-F]{0,5}$/),
      fc.constantFrom('', '0', '::', '1.2.3.4', '256.1.1.1', '1.2.3', 'ffff', '%eth0', '/8', ' '),
    );
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(word, { maxLength: 9 }).map((words) => words.join(':')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const address = parseAddress(candidate);
        if (address === undefined) {
          expect(isIP(candidate) === 0 || candidate.includes('%') || isMapped(candidate)).toBe(true);
        } else {
          expect(isIP(candidate)).toBe(isIP(address));
          const same = new BlockList();
          const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
          same.addAddress(candidate, family);
          expect(same.check(address, family)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives text that it accepts again unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        fc.pre(address !== undefined);
        expect(parseAddress(address)).toBe(address);
      }),
    );
  });
});

function isMapped(text: string): boolean {
  const mapped = new BlockList();
  mapped.addSubnet('::ffff:0:0', 96, 'ipv6');
  return mapped.check(text, 'ipv6');
}

describe('compareAddresses', () => {
  it('is numeric and puts IPv4 first', () => {
    const sorted = ['10.0.0.10', 'fd00::a', '10.0.0.9', 'fd00::9', '::1'].map(
      (text) => parseAddress(text) as IpAddress,
    );
    expect(sorted.sort(compareAddresses)).toEqual(['10.0.0.9', '10.0.0.10', '::1', 'fd00::9', 'fd00::a']);
  });

  it('agrees with the numbers', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (a, b) => {
        const [left, right] = [parseAddress(a) as IpAddress, parseAddress(b) as IpAddress];
        const numeric = addressToNumber(left) - addressToNumber(right);
        expect(BigInt(ipv4ToNumber(left))).toBe(addressToNumber(left));
        expect(Math.sign(compareAddresses(left, right))).toBe(numeric < 0n ? -1 : numeric > 0n ? 1 : 0);
      }),
    );
  });
});

describe('networks', () => {
  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['fd00:1::5/64', 'fd00:1::/64'],
    ['fd00::1/128', 'fd00::1/128'],
  ])('%s is masked to %s', (text, canonical) => {
    expect(parseCidr(text)).toBe(canonical);
  });

  it.each(['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/8\n'])(
    '%j is not a network',
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  it('contain what is inside, and nothing of the other family', () => {
    const cidr = parseCidr('10.12.0.0/16');
    const six = parseCidr('::/0');
    if (cidr === undefined || six === undefined) throw new Error('both are networks');
    expect(cidrContains(cidr, '10.12.255.255' as IpAddress)).toBe(true);
    expect(cidrContains(cidr, '10.13.0.0' as IpAddress)).toBe(false);
    expect(cidrContains(six, '10.12.0.1' as IpAddress)).toBe(false);
  });

  it('overlap exactly when one holds the other', () => {
    const cidrs = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, length]) => {
      const cidr = parseCidr(`${ip}/${length}`);
      if (cidr === undefined) throw new Error(`${ip}/${length}`);
      return cidr;
    });
    fc.assert(
      fc.property(cidrs, cidrs, fc.ipV4(), (a, b, ip) => {
        const address = parseAddress(ip) as IpAddress;
        if (cidrContains(a, address) && cidrContains(b, address)) expect(cidrsOverlap(a, b)).toBe(true);
        expect(cidrsOverlap(a, b)).toBe(cidrsOverlap(b, a));
        expect(cidrContains(hostCidr(address), address)).toBe(true);
      }),
    );
  });
});
