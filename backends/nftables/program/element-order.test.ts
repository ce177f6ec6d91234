import fc from 'fast-check';
import { expect, it } from 'vitest';
import { makeElement } from './element.ts';
import { sortElements } from './element-order.ts';
import type { KeyPart } from './program.ts';

const sorted = (parts: readonly KeyPart[], keys: readonly string[]) =>
  sortElements(
    parts,
    keys.map((key) => makeElement(key)),
  ).map(({ key }) => key);

it('keys of one part are in the order of their numbers', () => {
  expect(sorted(['address'], ['10.0.0.10', '192.0.2.1', '10.0.0.9'])).toEqual(['10.0.0.9', '10.0.0.10', '192.0.2.1']);
  expect(sorted(['address'], ['fd00::10', '::1', 'fd00::9'])).toEqual(['::1', 'fd00::9', 'fd00::10']);
  expect(sorted(['port'], ['9000', '80', '443'])).toEqual(['80', '443', '9000']);
});

/** The bytes of a part within a key of several, and what they are written as. */
const partsOf: Readonly<Record<KeyPart, fc.Arbitrary<{ readonly word: string; readonly bytes: readonly number[] }>>> = {
  address: fc.tuple(...Array.from({ length: 4 }, () => fc.nat(255))).map((bytes) => ({ word: bytes.join('.'), bytes })),
  protocol: fc.constantFrom({ word: 'tcp', bytes: [6] }, { word: 'udp', bytes: [17] }, { word: 'sctp', bytes: [132] }),
  port: fc.integer({ min: 1, max: 65_535 }).map((port) => ({ word: `${port}`, bytes: [port >> 8, port & 255] })),
  slot: fc
    .nat(2 ** 31 - 2)
    .map((slot) => ({ word: `${slot}`, bytes: [0, 8, 16, 24].map((shift) => (slot >> shift) & 255) })),
};

it.each<[KeyPart[]]>([
  [['address', 'protocol', 'port']],
  [['address', 'port', 'slot']],
  [['address', 'address', 'protocol', 'port']],
  [['protocol', 'port']],
  [['port', 'slot']],
])('keys of %j are in the order of their bytes, of which the last counts most', (parts) => {
  const key = fc.tuple(...parts.map((part) => partsOf[part])).map((words) => ({
    text: words.map(({ word }) => word).join(' . '),
    number: words.flatMap(({ bytes }) => bytes).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n),
  }));
  fc.assert(
    fc.property(fc.uniqueArray(key, { selector: ({ text }) => text, maxLength: 50 }), (keys) => {
      const wanted = [...keys].sort((a, b) => (a.number < b.number ? -1 : 1)).map(({ text }) => text);
      expect(
        sorted(
          parts,
          keys.map(({ text }) => text),
        ),
      ).toEqual(wanted);
    }),
  );
});
