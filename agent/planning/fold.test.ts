import fc from 'fast-check';
import { expect, it } from 'vitest';
import { foldLine, foldName } from './fold.ts';

const fact = (whole: string, brief = whole) => ({ whole, brief });
const cart = { sign: '~', service: 'shop/cart', port: 'http', frontends: ['node port 30080/TCP'] };

it('a line that fits is whole', () => {
  expect(foldLine({ ...cart, facts: [fact('one'), fact('two')] })).toBe(
    '~ shop/cart: http node port 30080/TCP: one; two',
  );
});

it('a long one says it in brief, then of fewer frontends, then not all of it, and where the rest is', () => {
  const long = fact('x'.repeat(150), 'brief');
  expect(foldLine({ ...cart, facts: [long, fact('two')] })).toBe('~ shop/cart: http node port 30080/TCP: brief; two');
  const frontends = Array.from({ length: 9 }, (_, i) => `external IP [2001:db8:0:${i}::1]:80/TCP`);
  expect(foldLine({ ...cart, frontends, facts: [long] })).toBe(
    '~ shop/cart: http external IP [2001:db8:0:0::1]:80/TCP, external IP [2001:db8:0:1::1]:80/TCP, external IP [2001:db8:0:2::1]:80/TCP and 6 more: brief',
  );
  expect(foldLine({ ...cart, facts: [fact('a'.repeat(60)), fact('b'.repeat(60))] })).toBe(
    `~ shop/cart: http node port 30080/TCP: ${'a'.repeat(60)} … (plan --verbose)`,
  );
});

it('a name keeps its beginning and its end', () => {
  expect(foldName('checkout-of-the-shop-in-the-north-v2', 20)).toBe('checkout-o…-north-v2');
});

it('no line is 160 characters long, nor gives a terminal orders, whatever is in it', () => {
  const text = fc.string({ unit: 'binary', maxLength: 300 });
  fc.assert(
    fc.property(
      fc.record({
        sign: fc.constant('~'),
        service: text,
        port: text,
        frontends: fc.array(
          fc.constantFrom('cluster IP 10.0.0.1:80/TCP', `loadbalancer IP [${'2001:'.repeat(7)}2001]:65535/SCTP`),
          { minLength: 1, maxLength: 300 },
        ),
        facts: fc.array(
          fc.tuple(text, text).map(([whole, brief]) => fact(whole, brief)),
          { maxLength: 5 },
        ),
      }),
      (parts) => {
        const line = foldLine(parts);
        expect(`  ${line}`.length).toBeLessThan(160);
        expect(line).not.toMatch(/\p{Cc}/u);
      },
    ),
  );
});
