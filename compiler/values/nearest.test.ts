import { expect, it } from 'vitest';
import { editDistance, nearestName } from './nearest.ts';

it.each([
  ['wset', 'west'],
  ['WEST', 'west'],
  ['eats', 'east'],
  ['member', 'member1'],
  ['us-east1', 'us-east-1'],
  ['berlin', undefined],
  ['', undefined],
])('%s was meant to be %s', (name, meant) => {
  expect(nearestName(name, ['east', 'member1', 'us-east-1', 'west'])).toBe(meant);
});

it.each([
  ['west', 'west', 0],
  ['wset', 'west', 1],
  ['wst', 'west', 1],
  ['vest', 'west', 1],
  ['', 'ab', 2],
  ['ca', 'abc', 3],
])('from %s to %s it is %i', (a, b, distance) => {
  expect([editDistance(a, b), editDistance(b, a)]).toEqual([distance, distance]);
});
