import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rulesExplainedIn, rulesNamedIn } from './rules.ts';

const root = new URL('../../', import.meta.url).pathname;
const document = 'docs/rules.md';

/** Code, its tests, documents, and what golden cases expect. */
const places = [
  '*.md',
  '{compiler,backends,agent,controller,tools,test,golden,docs,deploy}/**/*.{ts,md}',
  'golden/**/*.{json,txt}',
  'deploy/**/*.yaml',
];
const files = globSync(places, { cwd: root }).filter(
  (file) => file !== document && !file.startsWith('test/docs/rules'),
);
const texts = new Map(files.map((file) => [file, readFileSync(`${root}${file}`, 'utf8')]));
const explained = rulesExplainedIn(readFileSync(`${root}${document}`, 'utf8'));

/** Each rule, with the files that name it. */
const uses = new Map<string, string[]>();
for (const [file, text] of texts)
  for (const rule of rulesNamedIn(text)) uses.set(rule, [...(uses.get(rule) ?? []), file]);

it('the texts that are looked through are there', () => {
  expect(texts.size).toBeGreaterThan(500);
  expect(uses.get('MR-33')).toEqual(expect.arrayContaining(['compiler/merge/dedupe.ts']));
});

it('every rule that is named is explained in docs/rules.md', () => {
  const lacking = [...uses].filter(([rule]) => !explained.includes(rule));
  expect(
    lacking.map(
      ([rule, where]) => `${rule}: named in ${where.join(', ')}. Give it a row in ${document}, in a sentence or two`,
    ),
  ).toEqual([]);
});

it('every rule that docs/rules.md explains is named somewhere', () => {
  const idle = explained.filter((rule) => !uses.has(rule));
  expect(idle.map((rule) => `${rule}: nothing names it. Take its row out of ${document}`)).toEqual([]);
});

it('no rule is explained twice', () => {
  expect(explained.filter((rule, i) => explained.indexOf(rule) !== i)).toEqual([]);
});

it('nothing points to a section of a document that is not here', () => {
  const elsewhere =
    /\bspec\/\w+\.md|[(\s]spec \d+(?:\.\d+)*\b|\b(?:iptables|ipvs|multicluster)\.md \d|[Ss]ection \d+ of/;
  const pointing = [...texts].flatMap(([file, text]) => {
    const found = elsewhere.exec(text);
    return found === null ? [] : [`${file}: "${found[0].trim()}". Name a rule of ${document} instead, as IPT-5.4`];
  });
  expect(pointing).toEqual([]);
});

it('every golden case that is named is there', () => {
  const folders = globSync('golden/g*', { cwd: root });
  const named = new Set(
    [...texts.values()].flatMap((text) => [...text.matchAll(/\bG(\d+)\b(?=[: )])/g)].map(([, n]) => Number(n))),
  );
  // G21 is a sequence in time: test/multicluster/mass-deletion.test.ts.
  named.delete(21);
  expect(named.size).toBeGreaterThan(20);
  const lacking = [...named].filter(
    (n) => !folders.some((folder) => folder.startsWith(`golden/g${String(n).padStart(2, '0')}-`)),
  );
  expect(lacking.map((n) => `G${n}`)).toEqual([]);
});

it.each([
  ['by number', 'see MR-33, L2.', ['MR-33', 'L2']],
  ['a section', 'IPT-5.4, IPVS-3', ['IPT-5.4', 'IPVS-3']],
  ['a range', 'MR-40 to MR-42; L1 to L3', ['L1', 'L2', 'L3', 'MR-40', 'MR-41', 'MR-42']],
  ['a word, in code', "{ rule: a ? 'MR-60' : 'failover', text }", ['MR-60', 'failover']],
  ['nothing', 'KUBE-6-X HTTP2 SL2 L2X CVE-2020 UTF-8 x-L2-y KEP-1645', []],
])('names %s', (_what, text, rules) => expect([...rulesNamedIn(text)].sort()).toEqual([...rules].sort()));
