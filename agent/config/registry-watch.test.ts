import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../test/helpers/eventually.ts';
import { createPacedClock } from '../loop/paced-clock.fixture.ts';
import type { Log } from '../telling/log.ts';
import { InputError } from '../input/input-error.ts';
import { diagnosticsText } from '../terminal/diagnostics.ts';
import { openRegistryFile, readRegistryFile } from './registry-watch.ts';
import { rewrite } from '../../test/helpers/rewrite.ts';

const noStdin = () => Promise.reject(new Error('not read'));
const head = 'apiVersion: slicewright.dev/v1alpha1\nkind: ClusterRegistry\n';

let folder = '';
let path = '';
const closers: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'registry-file-'));
  path = join(folder, 'registry.yaml');
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function start() {
  const said: string[] = [];
  const say = (_: object, message: string): void => void said.push(message);
  const log: Log = { debug: () => {}, info: say, warn: say, error: say };
  const stop = new AbortController();
  const file = await openRegistryFile(path, noStdin);
  const done = file.follow(createPacedClock(), log, stop.signal, { pollMs: 20, settleMs: 5 });
  closers.push(() => {
    stop.abort();
    return done;
  });
  const ids: string[][] = [];
  const look = (): string[][] => {
    const registry = file.take();
    if (registry !== undefined) ids.push(registry.clusters.map(({ id }) => id));
    return ids;
  };
  return { said, first: file.registry.clusters.map(({ id }) => id), look };
}

it('a registry file is followed: each change counts once, and one that cannot be used not at all', async () => {
  rewrite(path, `${head}clusters: [{id: east}]\n`);
  const { said, first, look } = await start();
  expect(first).toEqual(['east']);
  rewrite(path, `${head}clusters: [{id: east}, {id: west}]\n`);
  await eventually(() => expect(look()).toEqual([['east', 'west']]));
  expect(said).toEqual(['the registry file changed; the new content is in use']);

  const goesOn = async (message: RegExp) => {
    await eventually(() => expect(said.at(-1)).toMatch(message));
    expect(look()).toHaveLength(1);
  };
  rewrite(path, `${head}clusters: [{id: East}]\n`);
  await goesOn(/cannot be used; the agent keeps using its previous content: .*"East" is not a cluster's id/);
  rewrite(path, `${head}clusters: [`);
  await goesOn(/cannot be used; .* is not valid YAML/);
  rmSync(path);
  await goesOn(/cannot be used; .*no such file/);
  rewrite(path, `${head}clusters: [{id: east}, {id: west}]\n`);
  await goesOn(/can be used again/);
  rewrite(path, `${head}clusters: [{id: north}]\n`);
  await eventually(() => expect(look()).toEqual([['east', 'west'], ['north']]));
});

it.each([
  ['', 'holds no document; expected one ClusterRegistry'],
  [`${head}clusters: []\n---\n${head}clusters: []\n`, 'holds 2 documents; expected one ClusterRegistry'],
  [
    `${head}clusters:\n- {id: e, tier: -1}\n`,
    'Too small: expected number to be >=0',
    `:${head.split('\n').length + 1} clusters[0].tier`,
  ],
])('what is no registry is refused, and said in one line: %j', async (text, problem, where = '') => {
  rewrite(path, text);
  const error: unknown = await readRegistryFile(path, noStdin).catch((reason: unknown) => reason);
  if (!(error instanceof InputError)) throw new Error(`no InputError: ${String(error)}`);
  expect(error.diagnostics).toMatchObject([{ severity: 'error', code: 'bad-registry', message: problem }]);
  expect(diagnosticsText(error.diagnostics, 'human', error.placeOf)).toBe(
    `error: file ${path}${where}: ${problem} [bad-registry]\n`,
  );
});
