import { describe, expect, it } from 'vitest';
import { parseSelector } from './selector.ts';

const cart = new Map([
  ['app', 'cart'],
  ['tier', 'gold'],
  ['example.com/zone', 'a'],
  ['empty', ''],
]);

describe('a label selector', () => {
  it.each([
    ['app=cart', true],
    ['app==cart', true],
    ['app=shop', false],
    ['app!=shop', true],
    ['absent!=shop', true],
    ['app = cart , tier = gold', true],
    ['app=cart,tier=tin', false],
    ['tier in (gold, tin)', true],
    ['tier in (tin),app=cart', false],
    ['tier notin (gold)', false],
    ['absent notin (gold)', true],
    ['absent in ()', false],
    ['empty=', true],
    ['empty in ()', true],
    ['app', true],
    ['!app', false],
    ['!absent', true],
    ['example.com/zone=a', true],
  ])('%s', (text, matches) => {
    expect(parseSelector(text)?.(cart)).toBe(matches);
  });

  it.each(['', 'app=cart,', '=cart', 'app=a b', 'tier in gold', 'tier in (a b)', 'app>cart', '-x=1', 'a=b=c', '!'])(
    'is none: %j',
    (text) => {
      expect(parseSelector(text)).toBeUndefined();
    },
  );
});
