import { describe, expect, it } from 'vitest';
import { parseAddress } from '../values/address.ts';
import { parseLenientAddress, parseLenientCidr } from './lenient-address.ts';
import { specialAddress, unfitForEndpoint } from './special-address.ts';

describe('addresses as the owner of a Service may write them', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['010.001.000.009', '10.1.0.9'],
    ['0000000010.0.0.9', '10.0.0.9'],
    ['::ffff:198.51.100.5', '198.51.100.5'],
    ['0:0:0:0:0:FFFF:c633:6405', '198.51.100.5'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::1.2.3.4', '::102:304'],
  ])('%s is %s', (text, address) => expect(parseLenientAddress(text)).toBe(address));

  it.each([
    ' 10.9.9.9',
    '10.9.9.9 ',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '0x1.2.3.4',
    '+1.2.3.4',
    'fe80::1%eth0',
    '::ffff:1.2.3.4%e',
    '',
    '1.2.3.4/8',
    7,
    null,
  ])('%j is none', (text) => expect(parseLenientAddress(text)).toBeUndefined());

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['010.1.2.3/8', '10.0.0.0/8'],
    ['1.2.3.4/32', '1.2.3.4/32'],
    ['2001:DB8::1/32', '2001:db8::/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('network %s is %s', (text, cidr) => expect(parseLenientCidr(text)).toBe(cidr));

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '/8',
    '::ffff:10.0.0.0/104',
    '::/129',
    '10.0.0.0/8/8',
    undefined,
  ])('network %j is none', (text) => expect(parseLenientCidr(text)).toBeUndefined());
});

describe('special addresses', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['ff02::1', 'multicast'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['255.255.255.255', 'broadcast'],
  ])('%s is %s', (text, kind) => expect(specialAddress(address(text))).toBe(kind));

  it.each([
    '10.0.0.1',
    '126.1.1.1',
    '128.0.0.1',
    '169.253.1.1',
    '223.255.255.255',
    '240.0.0.1',
    '::2',
    'fec0::1',
    'fd00::1',
    'fe7f::1',
    'ff::1',
  ])('%s is ordinary', (text) => expect(specialAddress(address(text))).toBeUndefined());
});

describe('addresses that no endpoint may have', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['0.1.2.3', 'this network'],
    ['fd00:ec2::254', 'metadata service'],
    ['fd00:ec2::23', 'metadata service'],
    ['fd20:ce::254', 'metadata service'],
    // NAT64, its local prefix in both places, 6to4, IPv4-compatible.
    ['64:ff9b::7f00:1', 'loopback'],
    ['64:ff9b::169.254.169.254', 'link-local'],
    ['64:ff9b:1::127.0.0.1', 'loopback'],
    ['64:ff9b:1:a9fe:a9:fe00::', 'link-local'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:e000:1::5', 'multicast'],
    ['::127.0.0.1', 'loopback'],
    ['::ffff:ffff', 'broadcast'],
  ])('%s: %s', (text, kind) => expect(unfitForEndpoint(address(text))).toBe(kind));

  it.each([
    '10.0.0.1',
    '240.0.0.1',
    'fd00:ec2:1::254',
    'fd00:ec3::254',
    '64:ff9b::10.0.0.1',
    '64:ff9b:1::10.0.0.1',
    '64:ff9b:1:a00:0:100::',
    '64:ff9b:2::7f00:1',
    '64:ff9b:0:1::7f00:1',
    '2002:a00:1::',
    '2003:7f00:1::',
    '1::7f00:1',
    '::2',
  ])('not %s', (text) => expect(unfitForEndpoint(address(text))).toBeUndefined());
});

function address(text: string) {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}
