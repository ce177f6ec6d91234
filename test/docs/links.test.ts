import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anchorsIn, linksIn } from './links.ts';

const root = new URL('../../', import.meta.url).pathname;
const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', '*.md'], {
  cwd: root,
  encoding: 'utf8',
});
const names = listed.split('\0').filter((name) => name !== '' && existsSync(join(root, name)));
const pages = new Map(names.map((name) => [name, readFileSync(join(root, name), 'utf8')]));

/** What is wrong with a link; undefined: nothing. */
function flawOf(from: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? from : normalize(join(dirname(from), path));
  if (file.startsWith('..')) return 'leads out of the project';
  if (!existsSync(join(root, file))) return 'leads to no file';
  if (anchor === undefined) return undefined;
  const page = pages.get(file) ?? pages.get(join(file, 'README.md'));
  if (page === undefined) return 'has an anchor and leads to no page';
  return anchorsIn(page).has(anchor) ? undefined : `names no heading of ${file}`;
}

it('every link of every page leads to a file, and to a heading that is there', () => {
  const links = [...pages].flatMap(([from, page]) => linksIn(page).map((link) => ({ from, ...link })));
  expect(links.length).toBeGreaterThan(100);
  const wrong = links.flatMap(({ from, target, line }) => {
    const flaw = flawOf(from, target);
    return flaw === undefined ? [] : [`${from}:${line}: ${target} ${flaw}`];
  });
  expect(wrong).toEqual([]);
});

it('every page of docs/ can be reached from README.md in three steps', () => {
  let reached = new Set(['README.md']);
  for (let step = 0; step < 3; step++) {
    const next = [...reached].flatMap((from) =>
      linksIn(pages.get(from) ?? '').map(({ target }) => {
        const file = normalize(join(dirname(from), target.split('#', 1)[0] ?? ''));
        return pages.has(file) ? file : join(file, 'README.md');
      }),
    );
    reached = new Set([...reached, ...next]);
  }
  expect(names.filter((name) => name.startsWith('docs/') && !reached.has(name))).toEqual([]);
});

describe('a page', () => {
  const page = [
    '# A `b` (c), d',
    '## Same',
    '## Same',
    'to [x](a.md#b) and `[no](code.md)`, [out](https://example.org)',
    '```',
    '[no](fenced.md)',
    '# no',
    '```',
    '    [no](indented.md)',
    '- item',
    '  [y](b.md)',
  ].join('\n');

  it('has links outside code', () => {
    expect(linksIn(page)).toEqual([
      { target: 'a.md#b', line: 4 },
      { target: 'b.md', line: 11 },
    ]);
  });

  it('has headings by name', () => {
    expect([...anchorsIn(page)]).toEqual(['a-b-c-d', 'same', 'same-1']);
  });
});

it.each([
  ['README.md', 'docs/none.md', 'leads to no file'],
  ['README.md', 'docs/commands.md#none', 'names no heading of docs/commands.md'],
  ['docs/rules.md', '../../x.md', 'leads out of the project'],
  ['docs/rules.md', '../README.md', undefined],
])('from %s the link %s: %s', (from, target, flaw) => {
  expect(flawOf(from, target)).toBe(flaw);
});
