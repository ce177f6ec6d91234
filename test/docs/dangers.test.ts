import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dangerCodes } from '../../backends/planning/dangers.ts';

it('docs/commands.md says what every danger is, in the order of the list', () => {
  const text = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split('| danger | |\n');
  const rows = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| `([a-z-]+)` \| \S.*\|$/gm)];
  expect(rows.map(([, code]) => code)).toEqual([...dangerCodes]);
});
