import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kubePrefix, ownPrefix } from '../../compiler/settings.ts';
import { eventually } from '../../test/helpers/eventually.ts';
import { systemClock } from '../loop/clock.ts';
import { type Holder, holderText } from './holder.ts';
import { type LockTry, lockNode, type NodeLock, tryLock } from './node-lock.ts';

const never = new AbortController().signal;
let root: string;
let dir: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'slicewright-test-'));
  dir = join(root, 'lock');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

const wish = (role: Holder['role'] = 'agent') => ({ dir, prefix: kubePrefix, role });
const take = (role?: Holder['role']) => tryLock(wish(role), systemClock);

/** A process that takes the lock, prints the result, and holds the lock until it is killed. */
async function another(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const program = fileURLToPath(new URL('hold-lock.fixture.ts', import.meta.url));
  const child = spawn(process.execPath, [program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: String(said).trim() };
}

const lockOf = (done: LockTry | NodeLock | undefined): NodeLock => {
  if (done === undefined || ('kind' in done && done.kind !== 'taken')) throw new Error('the lock was not taken');
  return 'kind' in done ? done.lock : done;
};

describe('the lock of a node', () => {
  it('is held by one, and the next takes it over when that one ends', async () => {
    const first = lockOf(await take());
    const told: Holder[] = [];
    const waiting = lockNode(wish(), (holder) => void told.push(holder), never, systemClock, 1);
    let isOver = false;
    void waiting.then(() => (isOver = true));
    await eventually(() => expect(told).toHaveLength(1));
    for (let tries = 0; tries < 20; tries++) await take();
    expect([told, isOver]).toEqual([[{ role: 'agent', pid: process.pid, pidNamespace: expect.any(String) }], false]);
    await first.release();
    await lockOf(await waiting).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is not waited for any more by one that is told to stop', async () => {
    const first = lockOf(await take());
    const stop = new AbortController();
    const waiting = lockNode(wish(), () => stop.abort(), stop.signal, systemClock);
    expect(await waiting).toBeUndefined();
    await first.release();
  });

  it('names who holds it', async () => {
    const lock = lockOf(await take('apply'));
    const other = await take();
    expect(other.kind === 'held' && holderText(other.by)).toBe(`slicewright apply (pid ${process.pid})`);
    await lock.release();
  });

  it('is another one for other chains', async () => {
    const [one, two] = [await take(), await tryLock({ ...wish(), prefix: ownPrefix }, systemClock)];
    expect([one.kind, two.kind]).toEqual(['taken', 'taken']);
    await Promise.all([lockOf(one).release(), lockOf(two).release()]);
  });

  it('ends with its process, also one that is killed, and nothing is left of it', async () => {
    const { child, said } = await another();
    expect(said).toBe('taken');
    const beside = await take();
    expect(beside.kind === 'held' && beside.by.pid).toBe(child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = lockOf(await take());
    expect(readdirSync(dir)).toEqual([expect.stringContaining(`.${process.pid}.`)]);
    await lock.release();
  });

  it('stays with a process that is stopped and answers nobody', async () => {
    const { child } = await another();
    child.kill('SIGSTOP');
    for (let times = 0; times < 530; times++) expect((await take()).kind).toBe('held');
    child.kill('SIGCONT');
  });

  it('is had by one of many that want it at once', async () => {
    for (let round = 0; round < 30; round++) {
      const tries = await Promise.all(Array.from({ length: 8 }, () => take()));
      const taken = tries.filter(({ kind }) => kind === 'taken');
      expect(taken.length).toBeLessThanOrEqual(1);
      await Promise.all(taken.map((one) => lockOf(one).release()));
    }
    const processes = await Promise.all(Array.from({ length: 4 }, another));
    expect(processes.filter(({ said }) => said === 'taken').length).toBeLessThanOrEqual(1);
  });
});

describe('its folder', () => {
  const isRoot = process.geteuid?.() === 0;

  it('is made for its owner alone', async () => {
    await lockOf(await take()).release();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  it.each([
    ['a link', () => symlinkSync(root, dir), /is not a folder, or is a link/],
    [
      'a folder that others can write to',
      () => (mkdirSync(dir), chmodSync(dir, 0o777)),
      /written to by others \(mode 777\)/,
    ],
    ['below one that is missing', () => (dir = join(dir, 'lock')), /cannot be made: ENOENT/],
  ])('is refused where it is %s', async (_, make, why) => {
    make();
    await expect(take()).rejects.toThrow(why);
  });

  it.runIf(isRoot)('is refused where it belongs to somebody else', async () => {
    mkdirSync(dir, { mode: 0o700 });
    chownSync(dir, 65_534, 65_534);
    await expect(take()).rejects.toThrow(/belongs to user 65534/);
  });
});
