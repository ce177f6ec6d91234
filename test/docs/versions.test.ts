import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const page = read('docs/versions.md');

/** The columns of a row behind its first. */
function rowOf(what: string): readonly string[] {
  const line = page.split('\n').find((each) => each.startsWith(`| ${what}`));
  if (line === undefined) throw new Error(`docs/versions.md has no row for ${what}`);
  return line.split(' | ').slice(1);
}

it('Node is the least that the package takes, and the one that tests and image use', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  const [least, tested] = rowOf('Node');
  expect(`>=${least}`).toBe(engines.node);
  expect(tested).toBe(read('deploy/node-version').trim());
});

it('every tool of the image has a row', () => {
  const rows: Readonly<Record<string, string>> = { conntrack: 'conntrack-tools' };
  const others = ['kmod', 'procps'];
  const tools = read('deploy/debian-packages').trim().split('\n');
  const widths = tools.filter((tool) => !others.includes(tool)).map((tool) => rowOf(rows[tool] ?? tool).length);
  expect(new Set(widths)).toEqual(new Set([3]));
});

it('every row says how its versions are tested, by a folder that there is', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:what|---) /.test(line));
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) expect(row).toMatch(/\]\(\.\.\/test\/[\w/-]+\/README\.md\)/);
});
