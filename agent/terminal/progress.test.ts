import { describe, expect, it } from 'vitest';
import { createProgress } from './progress.ts';

describe('progress', () => {
  it('says nothing of short work, one line in a while of long work, and leaves nothing', () => {
    const lines: string[] = [];
    let now = 0;
    const progress = createProgress({ progress: (line) => void lines.push(line) }, () => now);
    for (now = 0; now < 2000; now += 50) progress.tell(() => `at ${now}`);
    progress.end();
    progress.end();
    expect(lines).toEqual(['at 1500', 'at 1700', 'at 1900', '']);
  });

  it('erases nothing where nothing was shown, and needs no terminal', () => {
    const lines: string[] = [];
    const short = createProgress({ progress: (line) => void lines.push(line) }, () => 0);
    short.tell(() => 'early');
    short.end();
    createProgress({}, () => 9999).tell(() => 'nobody sees it');
    expect(lines).toEqual([]);
  });
});
