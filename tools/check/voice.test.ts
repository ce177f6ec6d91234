import { expect, test } from 'vitest';
import { voiceBreaches } from './voice.ts';

test('a phrase that has to be read twice is found, with what to write instead', () => {
  expect(voiceBreaches('docs/a.md', 'first\nrules of before stay')).toEqual([
    { file: 'docs/a.md', line: 2, message: '"of before": write "previous"' },
  ]);
  expect(voiceBreaches('a/b.ts', "message: 'refused for want of endpoints'")).toHaveLength(1);
  expect(voiceBreaches('a/b.ts', '// a hook that is no part of the rules of ours')).toHaveLength(1);
  expect(voiceBreaches('a/b.ts', '// an endpoint of ours, in the own cluster')).toHaveLength(2);
  expect(voiceBreaches('docs/a.md', '| runs | for ever |')).toHaveLength(1);
});

test('plain sentences, and data that other programs wrote, are left alone', () => {
  expect(voiceBreaches('docs/a.md', 'the previous rules stay in force')).toEqual([]);
  expect(voiceBreaches('docs/a.md', 'the same for every backend, as its own cluster has it')).toEqual([]);
  expect(voiceBreaches('a/b.ts', 'beforeEach(() => {}); // want: of')).toEqual([]);
  expect(voiceBreaches('test/conformance/x/input.yaml', 'rules of before')).toEqual([]);
});
