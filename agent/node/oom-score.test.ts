import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setOomScore } from './oom-score.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oom-score-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('is set where it is wanted and another', () => {
  const file = join(folder, 'score');
  writeFileSync(file, '0\n');
  expect([setOomScore(undefined, file), readFileSync(file, 'utf8')]).toEqual([undefined, '0\n']);
  expect([setOomScore(-998, file), readFileSync(file, 'utf8')]).toEqual([undefined, '-998\n']);
});

it('that cannot be set is a warning', () => {
  expect(setOomScore(5, join(folder, 'nothing', 'here'))).toMatchObject({
    severity: 'warning',
    message: expect.stringMatching(/^5 could not be set: ENOENT/),
  });
});
