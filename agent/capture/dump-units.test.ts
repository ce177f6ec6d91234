import { describe, expect, it } from 'vitest';
import { textOfUnits, unitsOf } from './dump-units.ts';

describe('units of a dump', () => {
  it('are lines, blocks with their parts and lists with their elements', () => {
    const text = 'table ip t {\n\tset s {\n\t\telements = { 1 comment "a, b",\n\t\t\t     2 }\n\t}\n}\nlast\n';
    const units = unitsOf(text);
    expect(textOfUnits(units)).toBe(text);
    expect(units).toMatchObject([
      {
        kind: 'block',
        open: 'table ip t {',
        parts: [{ kind: 'block', parts: [{ kind: 'list', parts: [{ text: '1 comment "a, b"' }, { text: '2' }] }] }],
      },
      { kind: 'line', text: 'last' },
    ]);
  });

  it('are lines alone where braces do not match', () => {
    expect(unitsOf('a {\nb\n')).toEqual([
      { kind: 'line', text: 'a {' },
      { kind: 'line', text: 'b' },
    ]);
    expect(unitsOf('}\nb\n')).toHaveLength(2);
  });
});
