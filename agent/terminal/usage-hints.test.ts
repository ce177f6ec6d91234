import { expect, it } from 'vitest';
import { type CalledCommand, withHint } from './usage-hints.ts';

const plan: CalledCommand = {
  name: 'slicewright plan',
  words: [],
  subcommands: ['multicluster'],
  pathOption: '-f',
};
const isPath = (word: string) => word === 'shop';

it.each<[string, string, readonly string[], string | undefined]>([
  ['a folder that is there', "error: too many arguments for 'plan'. Expected 0", ['shop'], '-f shop'],
  ['what looks like a file', "error: required option '-f, --filename <path>' not specified", ['x.yaml'], '-f x.yaml'],
  ['a command', "error: too many arguments for 'plan'. Expected 0", ['multiclster'], 'slicewright plan multicluster'],
  ['nothing that is known', "error: too many arguments for 'plan'. Expected 0", ['frobnicate'], undefined],
  [
    'a choice',
    "error: option '--backend <name>' argument 'ivps' is invalid. Allowed choices are iptables, ipvs.",
    [],
    'ipvs',
  ],
  [
    'no choice at all',
    "error: option '--backend <name>' argument 'x' is invalid. Allowed choices are iptables, ipvs.",
    [],
    undefined,
  ],
  [
    'a value that is no choice',
    "error: option '-v <level>' argument 'x' is invalid. It is not a number.",
    ['shop'],
    undefined,
  ],
])('says what was meant by %s', (_, text, words, meant) => {
  const hinted = meant === undefined ? `${text}\n` : `${text}\n(Did you mean ${meant}?)\n`;
  expect(withHint(`${text}\n`, { ...plan, words }, isPath)).toBe(hinted);
});

it('says it once, and offers no option that a command does not have', () => {
  const told = "error: unknown option '--famly'\n(Did you mean --family?)\n";
  expect(withHint(told, { ...plan, words: ['shop'] }, isPath)).toBe(told);
  const text = "error: too many arguments for 'status'.\n";
  expect(withHint(text, { ...plan, words: ['shop'], subcommands: [], pathOption: undefined }, isPath)).toBe(text);
});
