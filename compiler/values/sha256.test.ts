import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, sha256Here } from './sha256.ts';

describe('the SHA-256 of a text', () => {
  // Around the lengths at which a text needs one block more, and beyond.
  it('is the one of node:crypto at every length up to three blocks', () => {
    for (let length = 0; length <= 200; length++) {
      const text = 'x'.repeat(length);
      expect(sha256Here(text)).toBe(hash('sha256', text));
    }
  });

  it('is the one of node:crypto for any text, also for halves of surrogate pairs', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(text, (one) => {
        expect(sha256Here(one)).toBe(hash('sha256', one));
      }),
    );
    for (const half of ['\ud800', 'a\udc00b', '\ud800\ud800']) expect(sha256Here(half)).toBe(hash('sha256', half));
  });

  it('is the same after so much text that node:crypto was loaded', () => {
    const texts = Array.from({ length: 300 }, (_, i) => `${i} `.repeat(100));
    expect(texts.map(sha256)).toEqual(texts.map((text) => hash('sha256', text)));
  });
});
