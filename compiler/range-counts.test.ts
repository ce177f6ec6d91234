import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRangeCounts } from './range-counts.ts';
import { addressFromNumber, cidrContains, cidrFamily, cidrOf, type Family } from './values/address.ts';

/** Addresses differ in few bits, so that ranges contain addresses and each other. */
const address = fc
  .tuple(fc.constantFrom<Family>('IPv4', 'IPv6'), fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 3 }))
  .map(([family, high, low]) => {
    const bits = family === 'IPv4' ? 32n : 128n;
    return addressFromNumber((BigInt(high) << (bits - 4n)) | BigInt(low), family);
  });
const range = fc.tuple(address, fc.constantFrom(0, 1, 3, 4, 24, 31, 32)).map(([of, length]) => cidrOf(of, length));

it('holds what the ranges hold that came and did not go', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), fc.nat(8), fc.array(address), (ranges, leaving, addresses) => {
      const counts = createRangeCounts();
      for (const cidr of ranges) counts.change(cidr, 1);
      for (const cidr of ranges.slice(0, leaving)) counts.change(cidr, -1);
      const left = ranges.slice(leaving);
      for (const each of addresses) {
        expect(counts.hold(each)).toBe(left.some((cidr) => cidrContains(cidr, each)));
      }
      expect(counts.areKnown()).toBe(left.length > 0);
      expect(counts.areKnown('IPv6')).toBe(left.some((cidr) => cidrFamily(cidr) === 'IPv6'));
    }),
  );
});

it('tells when a range comes to be there, and when it ceases to be', () => {
  const counts = createRangeCounts();
  const cidr = cidrOf(addressFromNumber(0n, 'IPv4'), 24);
  expect(([1, 1, -1, -1] as const).map((by) => counts.change(cidr, by))).toEqual([true, false, false, true]);
});
