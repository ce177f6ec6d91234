import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import { InputError } from './input-error.ts';
import { readObjects } from './files.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'files-test-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function put(name: string, text: string | Uint8Array): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const stdin = (text: string) => () => Promise.resolve(new TextEncoder().encode(text));
const noStdin = () => Promise.reject(new Error('standard input was read'));

async function refusalOf(...paths: string[]): Promise<InputError> {
  const error: unknown = await readObjects(paths, noStdin).catch((reason: unknown) => reason);
  if (!(error instanceof InputError)) throw new Error(`no InputError: ${String(error)}`);
  return error;
}

async function problemsOf(...paths: string[]): Promise<string[]> {
  const { diagnostics } = await refusalOf(...paths);
  return diagnostics.map((one) => diagnosticsText([one], 'human').trimEnd().replaceAll(root, 'ROOT'));
}

describe('readObjects', () => {
  it('reads several documents of a file and leaves out empty ones', async () => {
    const path = put('a.yaml', '---\n# nothing\n---\nkind: A\n---\n---\nkind: B\n...\n');
    expect(await readObjects([path], noStdin)).toEqual([{ kind: 'A' }, { kind: 'B' }]);
  });

  it('reads JSON, flow-style YAML that looks like it, and JSON documents one after the other', async () => {
    const json = put('a.json', '\n {"kind": "A"}');
    const flow = put('b.yaml', '{kind: B}\n---\n{kind: C}\n');
    expect(await readObjects([json, flow], noStdin)).toEqual([{ kind: 'A' }, { kind: 'B' }, { kind: 'C' }]);
  });

  it('reads every manifest below a directory in order of name, once, and no others', async () => {
    put('m/b/2.yml', 'kind: B2');
    put('m/b/10.json', '{"kind": "B10"}');
    put('m/a.yaml', 'kind: A');
    put('m/README.md', '{');
    put('m/..data/a.yaml', 'kind: A');
    symlinkSync('..', join(root, 'm/b/up'));
    expect(await readObjects([join(root, 'm')], noStdin)).toEqual([{ kind: 'A' }, { kind: 'B10' }, { kind: 'B2' }]);
  });

  it('reads standard input for -, among files, in the order of the paths', async () => {
    const path = put('a.yaml', 'kind: A');
    expect(await readObjects(['-', path], stdin('kind: In'))).toEqual([{ kind: 'In' }, { kind: 'A' }]);
  });

  it('keeps what looks like a date, an octal number or a boolean of YAML 1.1 as it is', async () => {
    const path = put('a.yaml', 'time: 2026-01-01T00:00:00Z\nyes: no\n');
    expect(await readObjects([path], noStdin)).toEqual([{ time: '2026-01-01T00:00:00Z', yes: 'no' }]);
  });

  it('names file, document, line and reason of broken YAML', async () => {
    const path = put('bad.yaml', '# first\n---\nkind: A\n---\nkind: B\n---\nkind: C\nkind: D\n');
    expect(await problemsOf(path)).toEqual([
      'error: file ROOT/bad.yaml:8: is not valid YAML: duplicated mapping key (column 1) [bad-yaml]',
    ]);
  });

  it.each([
    ['---\na: 1\n---\nb: [\n---\nc: 1\n', 2],
    ['a: [\n', 1],
    ['--- {a: 1}\n--- {b: 1\n', 2],
    ['---\n# empty\n---\na: [\n', 2],
    ['%YAML 1.2\n---\na: [\n', 1],
    ['a: 1\n...\n---\nb: "x\n', 2],
  ])('counts documents as a reader does: %j', async (text, document) => {
    const { diagnostics } = await refusalOf(put('bad.yaml', text));
    expect(JSON.parse(diagnosticsText(diagnostics, 'json'))).toMatchObject({
      file: join(root, 'bad.yaml'),
      document,
      line: expect.any(Number),
    });
  });

  it('names every bad file, not only the first', async () => {
    const problems = await problemsOf(
      put('a.yaml', 'a: ]'),
      put('c.yaml', new Uint8Array([0x6b, 0xff, 0xfe])),
      join(root, 'missing.yaml'),
      put('empty/readme.txt', '').replace('/readme.txt', ''),
    );
    expect(problems).toEqual([
      expect.stringContaining('ROOT/a.yaml:1: is not valid YAML'),
      'error: file ROOT/c.yaml: is not UTF-8 text [not-utf8]',
      'error: file ROOT/missing.yaml: there is no such file [file-unreadable]',
      'error: file ROOT/empty: is a directory without any *.yaml, *.yml or *.json file [no-manifests]',
    ]);
  });

  it('stops reading what never ends', async () => {
    expect(await problemsOf('/dev/zero')).toEqual([expect.stringContaining('/dev/zero: has more than ')]);
  });

  it('refuses aliases that stand for more than the text could hold, and an alias to itself', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) =>
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
    );
    const bomb = put('bomb.yaml', ['a: &a-1 x', ...levels].join('\n'));
    const self = put('self.yaml', 'kind: List\nitems: &a\n- kind: A\n- *a\n');
    const problems = await problemsOf(bomb, self);
    expect(problems).toEqual([
      expect.stringContaining('ROOT/bomb.yaml: is nested more than 100 deep, or its aliases'),
      expect.stringContaining('ROOT/self.yaml: is nested more than 100 deep, or its aliases'),
    ]);
  });

  it('refuses JSON that is nested to exhaust a stack', async () => {
    const path = put('deep.json', `${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    expect(await problemsOf(path)).toEqual([expect.stringContaining('nested more than 100 deep')]);
  });

  it('takes an ordinary alias', async () => {
    const path = put('a.yaml', 'a: &ports\n- port: 80\nb: *ports\n');
    expect(await readObjects([path], noStdin)).toEqual([{ a: [{ port: 80 }], b: [{ port: 80 }] }]);
  });

  it('gives objects or an InputError for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const path = put('any.yaml', bytes);
        const outcome: unknown = await readObjects([path], noStdin).catch((error: unknown) => error);
        expect(Array.isArray(outcome) || outcome instanceof InputError).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
