import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../test/helpers/eventually.ts';
import { readCheckedDocument, readConfiguration } from '../commands/agent/configuration.ts';
import { createTestClock } from '../loop/clock.fixture.ts';
import { changedDocument, configurationWords as words } from './watch.ts';
import type { Log } from '../telling/log.ts';
import { rewrite } from '../../test/helpers/rewrite.ts';

const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
const noStdin = () => Promise.reject(new Error('not read'));

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-watch-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A watch as the agent has it, on the file as it is now. */
async function start(path: string) {
  const said: string[] = [];
  const say = (_: object, message: string): void => void said.push(message);
  const log: Log = { debug: () => {}, info: say, warn: say, error: say };
  const { document } = await readConfiguration(path, {}, noStdin);
  const stop = new AbortController();
  let looks = 0;
  const read = () => {
    looks++;
    return readCheckedDocument(path, {}, noStdin);
  };
  const clock = createTestClock();
  const times = { pollMs: 20, settleMs: 5 };
  const changed = changedDocument({ path, document, read, clock, log, words, times }, stop.signal);
  let isOver = false;
  void changed.then(() => (isOver = true));
  /** Lets time pass with each look. Files are real, and the system reports their changes at any time. */
  const inTime = (check: () => void): Promise<void> =>
    eventually(async () => {
      await clock.advance(5);
      check();
    });
  const ends = async (): Promise<unknown> => {
    await inTime(() => expect(isOver).toBe(true));
    return changed;
  };
  return { changed, ends, inTime, said, stop, looks: () => looks };
}

it('a file that says something else ends the agent', async () => {
  const path = join(folder, 'config.yaml');
  rewrite(path, `${head}clusterCIDR: 10.1.0.0/16\n`);
  const { ends, said } = await start(path);
  rewrite(path, `${head}clusterCIDR: 10.2.0.0/16\n`);
  expect(await ends()).toMatchObject({ clusterCIDR: '10.2.0.0/16' });
  expect(said).toEqual([expect.stringContaining('changed; ')]);
});

it('so does a ConfigMap whose link ..data leads to a new folder', async () => {
  const put = (version: string, cidr: string): void => {
    mkdirSync(join(folder, version));
    rewrite(join(folder, version, 'config.yaml'), `${head}clusterCIDR: ${cidr}\n`);
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  put('..v1', '10.1.0.0/16');
  const path = join(folder, 'config.yaml');
  symlinkSync(join('..data', 'config.yaml'), path);
  const { ends } = await start(path);
  put('..v2', '10.2.0.0/16');
  expect(await ends()).toMatchObject({ clusterCIDR: '10.2.0.0/16' });
});

it('the same in other words does not', async () => {
  const path = join(folder, 'config.yaml');
  rewrite(path, `${head}clusterCIDR: 10.1.0.0/16\nmode: ipvs\n`);
  const { changed, inTime, said, stop, looks } = await start(path);
  rewrite(path, `# a remark\nmode: ipvs\nclusterCIDR: "10.1.0.0/16"\n${head}`);
  const before = looks();
  await inTime(() => expect(looks()).toBeGreaterThan(before + 3));
  stop.abort();
  expect([await changed, said]).toEqual([undefined, []]);
});

it('a file that is gone, broken or wrong is said once and changes nothing, until it is good', async () => {
  const path = join(folder, 'config.yaml');
  rewrite(path, `${head}mode: iptables\n`);
  const { ends, inTime, said, looks } = await start(path);
  const goesOn = async (message: RegExp) => {
    await inTime(() => expect(said.at(-1)).toMatch(message));
    const [lines, before] = [said.length, looks()];
    await inTime(() => expect(looks()).toBeGreaterThan(before + 3));
    expect(said).toHaveLength(lines);
  };
  rmSync(path);
  await goesOn(/keeps the one it started with: .*no such file/);
  rewrite(path, `${head}mode: [`);
  await goesOn(/is not valid YAML/);
  rewrite(path, `${head}mode: magic\n`);
  await goesOn(/mode: "magic" is not one of iptables, ipvs/);
  rewrite(path, `${head}mode: iptables\n`);
  await goesOn(/can be used again/);
  rewrite(path, `${head}mode: ipvs\n`);
  expect(await ends()).toMatchObject({ mode: 'ipvs' });
});

it('what a writer leaves for a moment only does not count', async () => {
  const document = { mode: 'ipvs', clusterCIDR: '10.1.0.0/16' };
  const halfWay = { mode: 'ipvs' };
  let looks = 0;
  // Every second look falls into a write.
  const read = () => Promise.resolve(looks++ % 2 === 0 ? halfWay : document);
  const stop = new AbortController();
  const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const times = { pollMs: 1, settleMs: 1 };
  const path = join(folder, 'config.yaml');
  const clock = createTestClock();
  const changed = changedDocument({ path, document, read, clock, log: silent, words, times }, stop.signal);
  await clock.advance(30);
  expect(looks).toBeGreaterThan(10);
  stop.abort();
  expect(await changed).toBeUndefined();
});
