import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { knownDangerCodes } from '../../agent/commands/writer-flags.ts';

it('docs/commands.md has a row for every danger that a plan can have, and for no other', () => {
  const text = readFileSync(new URL('../../docs/commands.md', import.meta.url), 'utf8');
  const [, table = ''] = text.split(/^\| danger \|.*\n\|[ -|]*\n/m);
  const [rows = ''] = table.split(/\n\n/);
  const codes = [...rows.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
  expect(new Set(codes)).toEqual(new Set(knownDangerCodes()));
});
