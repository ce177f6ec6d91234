import { expect, it } from 'vitest';
import { circleBreaches } from './circles.ts';

const told = (files: Readonly<Record<string, string>>) =>
  circleBreaches(new Map(Object.entries(files))).map(({ file, line, message }) => `${file}:${line} ${message}`);

it('a circle is told once, with its way, whatever is imported', () => {
  expect(
    told({
      'a/x.ts': "import { z } from './w.ts';\nimport type { Y } from './y.ts';\n",
      'a/y.ts': "import { Z } from '../b/z.ts';\n",
      'b/z.ts': "export const load = () => import('../a/x.ts');\n",
      'a/w.ts': "import { readFileSync } from 'node:fs';\n",
    }),
  ).toEqual(['a/x.ts:2 imports itself: a/x.ts → a/y.ts → b/z.ts → a/x.ts']);
});

it('a file that imports itself is a circle, and files that only meet are none', () => {
  expect(told({ 'a.ts': "import './a.ts';\n" })).toEqual(['a.ts:1 imports itself: a.ts → a.ts']);
  expect(told({ 'a.ts': "import './c.ts';\n", 'b.ts': "import './c.ts';\n", 'c.ts': '' })).toEqual([]);
});
