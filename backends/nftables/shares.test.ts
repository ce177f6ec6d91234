import { describe, expect, it } from 'vitest';
import { makeElement } from './program/element.ts';
import { createShares } from './shares.ts';

const element = (key: string, comment?: string) => makeElement(key, { kind: 'accept' }, comment);

describe('the shares of a Service port', () => {
  it('have each key of a set once, with its first element', () => {
    const shares = createShares();
    shares.add('services', [element('a', 'first')]);
    shares.add('hairpin', [element('a', 'elsewhere')]);
    shares.add('services', [element('a', 'second'), element('b')]);
    shares.add('services', [element('b', 'third')]);
    expect(shares.finish([])).toEqual([
      { set: 'services', elements: [element('a', 'first'), element('b')] },
      { set: 'hairpin', elements: [element('a', 'elsewhere')] },
    ]);
  });

  it('keep the very values that did not change', () => {
    const of = (...comments: readonly string[]) => {
      const shares = createShares();
      shares.add('services', [element('a', comments[0]), element('b', comments[1])]);
      shares.add('hairpin', [element('c')]);
      return shares;
    };
    const before = of('x', 'y').finish([]);
    const after = of('x', 'z').finish(before);
    expect(after).toEqual(of('x', 'z').finish([]));
    expect(after[0]?.elements[0]).toBe(before[0]?.elements[0]);
    expect(after[1]?.elements).toBe(before[1]?.elements);
  });
});
