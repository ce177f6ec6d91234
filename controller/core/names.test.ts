import { describe, expect, it } from 'vitest';
import { parseClusterName, type ClusterName } from '../../compiler/values/names.ts';
import { copyName, isClusterId, karmadaDerivedName, mcsDerivedName } from './names.ts';

const cluster = (text: string): ClusterName => parseClusterName(text) as ClusterName;

describe('names of copies', () => {
  it('differ where cluster and slice run together', () => {
    const names = [copyName('', cluster('c'), 'a-b'), copyName('', cluster('c-a'), 'b')];
    expect(names.map((name) => name.slice(0, -7))).toEqual(['c-a-b', 'c-a-b']);
    expect(new Set(names).size).toBe(2);
  });

  it('are names, whatever is cut off', () => {
    for (const length of [1, 200, 244, 245, 246, 253]) {
      const name = copyName('imported-', cluster('m'.repeat(48)), `${'a.'.repeat(130).slice(0, length - 1)}z`);
      expect(name.length).toBeLessThanOrEqual(253);
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?-[0-9a-f]{6}$/);
      expect(name).not.toMatch(/[.-]-[0-9a-f]{6}$/);
    }
  });

  it('of long originals differ although what can be read of them is the same', () => {
    const names = ['x', 'y'].map((end) => copyName('', cluster('east'), `${'a'.repeat(250)}${end}`));
    expect(new Set(names).size).toBe(2);
  });
});

describe('derived Services', () => {
  // source: the reference controller's names
  it.each([
    ['default', 'serve', 'derived-0p6lqce99d'],
    ['default', 'server', 'derived-784ukvoqgb'],
    ['test', 'foo', 'derived-clta6ero61'],
    ['shop', 'serve', 'derived-b5qb3bb15t'],
  ])('of %s/%s is %s', (namespace, name, derived) => {
    expect(mcsDerivedName(namespace, name)).toBe(derived);
  });

  it('in Karmada’s way have a limit', () => {
    expect(karmadaDerivedName('a'.repeat(55))).toHaveLength(63);
    expect(karmadaDerivedName('a'.repeat(56))).toBeUndefined();
  });
});

it('cluster ids are labels of at most 48 characters', () => {
  expect(['a', 'member1', 'a'.repeat(48)].filter(isClusterId)).toHaveLength(3);
  expect(['', 'A', '-a', 'a-', 'a.b', 'a'.repeat(49), 'a/b'].filter(isClusterId)).toEqual([]);
});
