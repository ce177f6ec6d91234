import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { knownDangerCodes } from '../../agent/commands/writer-flags.ts';
import { codesIn, productSources, unionTexts } from './codes.ts';
import { reasonsIn } from './reasons.ts';

const root = new URL('../../', import.meta.url).pathname;
const page = readFileSync(`${root}docs/diagnostics.md`, 'utf8');
const sources = productSources(root);
const uses = codesIn(sources);

/** First cells of the tables that begin with this word. */
function rowsOf(heading: string): string[] {
  const tables = page.split('\n\n').filter((block) => block.startsWith(`| ${heading} |`));
  return tables.flatMap((table) => [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, code = '']) => code));
}

/** What a code's reason can be, by where its type stands. */
const reasonTypes = [
  ['backends/netfilter/live/errors.ts', 'KernelErrorReason'],
  ['backends/iptables/live/apply-error.ts', 'ApplyErrorReason'],
  ['backends/ipvs/live/errors.ts', 'IpvsErrorReason'],
  ['backends/nftables/live/errors.ts', 'NftReason'],
] as const;
const reasonTemplate = /^(?:kernel|ipvs|nftables|apply|cleanup|\$\{verb\})-(?:\$\{[\w.]*reason\}|([a-z-]+))$/;
const conflictTemplate = 'ipvs-${conflict.kind}';

/** Numbers of HTTP, codes of dangers that the other table has, and codes in a file that is read. */
const otherCodes = new Set([
  '?String(status)',
  '?answer.status',
  '?conflict.kind',
  '?z.string()',
  '?codeOf',
  '?(change) => codeOf(change, older)',
  '<error>',
]);

const written = new Map(
  uses.filter(({ code }) => !otherCodes.has(code)).map(({ code, file, line }) => [code, `${file}:${line}`]),
);
const fixed = [...written.keys()].filter((code) => /^[A-Za-z][\w-]*$/.test(code));
const open = [...written.keys()].filter((code) => !fixed.includes(code));

function reasons(): Set<string> {
  const inTypes = reasonTypes.flatMap(([file, name]) => {
    const texts = unionTexts(file, sources.get(file) ?? '', name);
    expect(texts.length, name).toBeGreaterThan(2);
    return texts;
  });
  const inTemplates = open.flatMap((code) => reasonTemplate.exec(code)?.[1] ?? []);
  // `apply-changed`, written as one word.
  const inCodes = fixed.filter((code) => !codes.includes(code)).flatMap((code) => /^apply-(.*)$/.exec(code)?.[1] ?? []);
  return new Set([...inTypes, ...inTemplates, ...inCodes]);
}

/** Codes of which the page has a row, or that are a prefix and a reason of which it has one. */
function isExplained(code: string): boolean {
  const reason = /^(?:apply|cleanup|nftables)-([a-z-]+)$/.exec(code)?.[1];
  return codes.includes(code) || (reason !== undefined && rowsOf('reason').includes(reason));
}

const codes = [...rowsOf('code'), ...rowsOf('event')];
// Dangers of a plan, and known differences of an audit.
const inCommands = readFileSync(`${root}docs/commands.md`, 'utf8').matchAll(/^\| `([\w-]+)` \|/gm);
const dangers = new Set([...knownDangerCodes(), ...[...inCommands].map(([, code = '']) => code)]);

it('codes are found where the code writes them', () => {
  expect(fixed.length).toBeGreaterThan(140);
  expect(fixed).toEqual(
    expect.arrayContaining(['endpoint-bad-address', 'bad-option', 'read-only-sysfs', 'slice-fqdn', 'drift']),
  );
});

it('every code that is written has its row in docs/diagnostics.md, or one in docs/commands.md', () => {
  const lacking = fixed.filter((code) => !isExplained(code) && !dangers.has(code));
  expect(lacking.map((code) => `${code} (${written.get(code)}): give it a row, with cause and remedy`)).toEqual([]);
});

it('every row is about a code that is written', () => {
  const conflicts = ['ipvs-foreign-server', 'ipvs-other-set'];
  expect(open).toContain(conflictTemplate);
  const idle = codes.filter((code) => !written.has(code) && !conflicts.includes(code));
  expect(idle.map((code) => `${code}: nothing writes it; take its row out`)).toEqual([]);
});

it('every code that is put together is a known prefix and a reason', () => {
  const strange = open.filter((code) => !reasonTemplate.test(code) && code !== conflictTemplate);
  expect(strange.map((code) => `${code} (${written.get(code)})`)).toEqual([]);
});

it('the page has exactly the reasons that there are', () => {
  expect(rowsOf('reason').sort()).toEqual([...reasons()].sort());
});

it('no code is explained twice', () => {
  const all = [...codes, ...rowsOf('reason').map((reason) => `-${reason}`)];
  expect(all.filter((code, i) => all.indexOf(code) !== i)).toEqual([]);
});

it('the page has exactly the reasons of Events and conditions that are written', () => {
  const written = [...sources].filter(([file]) => /^(?:controller\/core\/|agent\/telling\/event-texts)/.test(file));
  // What is left out of a cluster has reasons of its own, which only the controller sees.
  const told = written.filter(([file]) => file !== 'controller/core/draft.ts');
  const conditions = page.slice(page.indexOf('## Conditions'));
  const cells = [...conditions.matchAll(/^\| `\w+` of .*?\| (.*) \|$/gm)].flatMap(
    ([, row = '']) => row.match(/`\w+`/g) ?? [],
  );
  const shown = new Set([...rowsOf('Event'), ...cells.map((cell) => cell.slice(1, -1))]);
  expect([...shown].sort()).toEqual([...reasonsIn(new Map(told))].sort());
});

it('reasons are read off syntax', () => {
  const text = `
    const tell = (type: string, reason: string) => event({ type, reason });
    function failed(type: string): Finding { return { reason: \`\${type}Failed\` }; }
    tell('Warning', isNew ? 'First' : 'Second');
    const reason = isDone ? 'Done' : 'Undone';
    const one = { reason: 'Named' };
    failed('Apply');`;
  expect([...reasonsIn(new Map([['a.ts', text]]))].sort()).toEqual([
    'ApplyFailed',
    'Done',
    'First',
    'Named',
    'Second',
    'Undone',
  ]);
});

it('codes are read off syntax', () => {
  const text = `
    const named = 'by-name';
    function problem(path: string, code = 'by-default') { return { code }; }
    problem('x', isNew ? 'first' : 'second');
    const one = { code: named, event: 'seen' };
    const two = { code: \`a-\${this.reason}\` };
    const three = { code: found.code };
    const four = { code: made(up) };
    type Reason = 'hot' | Other | 'cold';`;
  expect(codesIn(new Map([['a.ts', text]])).map(({ code, line }) => `${line} ${code}`)).toEqual([
    '3 by-default',
    '4 first',
    '4 second',
    '5 by-name',
    '5 seen',
    '6 a-${this.reason}',
    '8 ?made(up)',
  ]);
  expect(unionTexts('a.ts', text, 'Reason')).toEqual(['hot', 'cold']);
});
