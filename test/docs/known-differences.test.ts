import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { knownDifferences } from '../../agent/audit/known.ts';

it('docs/commands.md has a row for every difference that an audit knows by a code, with its words', async () => {
  const text = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split(/^### Known differences\n[^|]*\| code \|.*\n\|[ -|]*\n/m);
  const [rows = ''] = table.split(/\n\n/);
  const written = [...rows.matchAll(/^\| `([a-z0-9.-]+)` \| (.*) \|$/gm)].map(([, code, what]) => ({
    code,
    text: what,
  }));
  expect(written).toEqual(await knownDifferences());
});
