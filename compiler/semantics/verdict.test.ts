import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IpAddress } from '../values/address.ts';
import type { Port } from '../values/port.ts';
import { rational } from '../values/rational.ts';
import { type Outcome, toVerdict } from './verdict.ts';

const outcome = fc
  .record({
    // Some addresses begin with others, as `10.0.0.1:80` begins with `10.0.0.1:8`: their texts sort differently from
    // their parts.
    address: fc.constantFrom('10.0.0.1', '10.0.0.10', '10.0.0.19', '10.0.0.2').map((text) => text as IpAddress),
    port: fc.constantFrom(8, 80, 81, 9).map((port) => port as Port),
    masquerade: fc.boolean(),
  })
  .map((to): Outcome => ({ fate: { kind: 'forward', ...to }, share: rational(1, 7) }));

describe('a verdict', () => {
  it('is the same whatever the order of its outcomes, also of those that are in order already', () => {
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 6 }), (outcomes) => {
        const verdict = toVerdict(outcomes);
        if (verdict.kind !== 'forward') throw new Error(`a verdict of forwards is ${verdict.kind}`);
        const inOrder = verdict.to.map(({ share, ...to }): Outcome => ({ fate: { kind: 'forward', ...to }, share }));
        expect(toVerdict(inOrder)).toEqual(verdict);
        expect(toVerdict(inOrder.toReversed())).toEqual(verdict);
        expect(toVerdict(outcomes.toReversed())).toEqual(verdict);
      }),
    );
  });
});
