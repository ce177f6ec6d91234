import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../loop/clock.fixture.ts';
import { folderSource } from './folder.ts';
import type { ReflectorState } from './reflector-options.ts';
import { eventually } from '../../test/helpers/eventually.ts';

let root: string;
const closers: (() => Promise<void> | void)[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'slicewright-folder-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(root, { recursive: true, force: true });
});

/**
 * Starts the source, and records what it reports. Files are real, and the system reports changes at any time, but time passes
 * only as `inTime` looks: so little each time that a minute between two polls is longer than any test.
 */
function follow(times = { settleMs: 5, pollMs: 60_000 }) {
  const held = new Map<string, unknown>();
  const changes: string[] = [];
  const states: ReflectorState[] = [];
  const counts = { heard: 0 };
  const stop = new AbortController();
  const clock = createTestClock();
  const running = folderSource(undefined, root, clock, times).run(
    {
      change: (told) => {
        for (const change of told) {
          const { name } = change.gone ? change.id : change.object.id;
          changes.push(`${change.gone ? '-' : '+'}${name}`);
          if (change.gone) held.delete(name);
          else held.set(name, change.object.fields);
        }
      },
      state: (_kind, state) => void states.push(state),
      heard: () => void (counts.heard += 1),
      pace: () => undefined,
    },
    stop.signal,
  );
  closers.push(async () => {
    stop.abort();
    await running;
  });
  const inTime = (check: () => void): Promise<void> =>
    eventually(async () => {
      await clock.advance(5);
      check();
    });
  return { clock, held, changes, states, counts, inTime, names: () => [...held.keys()].sort() };
}

const service = (name: string, port = 80) =>
  `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: shop}, spec: {ports: [{port: ${port}}]}}\n`;
const put = (name: string, text: string) => writeFileSync(join(root, name), text);

describe('a folder', () => {
  it('tells what is in its manifests, lists too, and that it is read', async () => {
    put('a.yaml', `${service('cart')}---\n${service('till')}`);
    put(
      'list.json',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'shelf', namespace: 'shop' } }],
      }),
    );
    put('notes.txt', 'not a manifest');
    const { names, states, inTime } = follow();
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
    expect(names()).toEqual(['cart', 'shelf', 'till']);
  });

  it('tells what changed, and nothing of what did not', async () => {
    put('a.yaml', service('cart'));
    put('b.yaml', service('till'));
    const { changes, states, inTime } = follow();
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
    changes.length = 0;
    put('a.yaml', service('cart', 81));
    put('c.yaml', service('shelf'));
    rmSync(join(root, 'b.yaml'));
    await inTime(() => expect(changes).toContain('-till'));
    expect(changes.toSorted()).toEqual(['+cart', '+shelf', '-till']);
  });

  it('tells of what stands in lists of one kind, as an API server writes them', async () => {
    const items = [{ metadata: { name: 'cart', namespace: 'shop' } }];
    put('list.json', JSON.stringify({ apiVersion: 'v1', kind: 'ServiceList', items }));
    const { names } = follow();
    await eventually(() => expect(names()).toEqual(['cart']));
  });

  it('is heard although nothing changes: a quiet one is not a lost one', async () => {
    put('a.yaml', service('cart'));
    const { counts, changes, inTime } = follow({ settleMs: 1, pollMs: 5 });
    await inTime(() => expect(counts.heard).toBeGreaterThan(3));
    expect(changes).toEqual(['+cart']);
  });

  it('is not read while somebody writes into it', async () => {
    put('a.yaml', service('cart'));
    const { clock, names, states, inTime } = follow({ settleMs: 100, pollMs: 60_000 });
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
    put('b.yaml', '{');
    await eventually(() => expect(clock.timers()).toEqual([100]));
    put('b.yaml', service('till'));
    await inTime(() => expect(names()).toEqual(['cart', 'till']));
    expect(states.map(({ kind }) => kind)).not.toContain('failing');
  });

  it('is read in the end where somebody writes all the time', async () => {
    put('a.yaml', service('cart'));
    const { names, inTime } = follow({ settleMs: 60_000, pollMs: 60_000 });
    await inTime(() => expect(names()).toEqual(['cart']));
    put('b.yaml', service('till'));
    let lines = 0;
    // No time passes: each line is heard, and the folder never becomes quiet.
    await eventually(() => {
      put('notes.log', `${++lines}\n`);
      expect(names()).toEqual(['cart', 'till']);
    });
  });

  it('is found changed where nobody tells of it', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'slicewright-elsewhere-'));
    closers.push(() => rmSync(elsewhere, { recursive: true, force: true }));
    // As a ConfigMap is mounted: a link to a link to the files, which is exchanged for another.
    for (const [version, port] of [
      ['one', 80],
      ['two', 81],
    ] as const) {
      mkdirSync(join(elsewhere, version));
      writeFileSync(join(elsewhere, version, 'a.yaml'), service('cart', port));
    }
    symlinkSync(join(elsewhere, 'one'), join(elsewhere, '..data'));
    symlinkSync(join(elsewhere, '..data', 'a.yaml'), join(root, 'a.yaml'));
    const { held, inTime } = follow({ settleMs: 5, pollMs: 20 });
    await inTime(() => expect(held.get('cart')).toMatchObject({ spec: { ports: [{ port: 80 }] } }));
    symlinkSync(join(elsewhere, 'two'), join(elsewhere, '..next'));
    renameSync(join(elsewhere, '..next'), join(elsewhere, '..data'));
    await inTime(() => expect(held.get('cart')).toMatchObject({ spec: { ports: [{ port: 81 }] } }));
  });
});

describe('what was read before stands', () => {
  it.each([
    ['while a file is no YAML', () => put('b.yaml', '{'), /b\.yaml/],
    ['while a file has no length, as a full disk leaves it', () => put('a.yaml', ''), /a\.yaml is empty/],
    ['while a file is cut short', () => put('a.json', '{"apiVersion": "v1", "kind": "Serv'), /a\.json/],
    ['while nothing is in any file', () => put('a.yaml', '# nothing yet\n'), /holds no object/],
    ['while there is no manifest at all', () => rmSync(join(root, 'a.yaml')), /without any/],
    ['while the folder is gone', () => rmSync(root, { recursive: true }), /no such file/],
  ])('%s', async (_name, breakIt, says) => {
    put('a.yaml', service('cart'));
    const { names, states, held, inTime } = follow({ settleMs: 5, pollMs: 20 });
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
    breakIt();
    await inTime(() => expect(states.at(-1)).toMatchObject({ kind: 'failing', problem: expect.stringMatching(says) }));
    expect(names()).toEqual(['cart']);

    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    put('a.yaml', service('cart', 81));
    await inTime(() => expect(held.get('cart')).toMatchObject({ spec: { ports: [{ port: 81 }] } }));
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
  });

  it('and counts as read again once what was wrong is taken away', async () => {
    put('a.yaml', service('cart'));
    const { states, inTime } = follow({ settleMs: 5, pollMs: 20 });
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
    put('b.yaml', '{');
    await inTime(() => expect(states.at(-1)).toMatchObject({ kind: 'failing' }));
    rmSync(join(root, 'b.yaml'));
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'live' }));
  });
});
