import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createTestClock } from '../loop/clock.fixture.ts';
import { memoryUsedUp, processMemory, type WatchedMemory } from './memory.ts';

/** In MiB. `needed`: what is left after a collection. */
function memoryOf(now: { heap: number; needed: number; resident: number }) {
  let collections = 0;
  const memory: WatchedMemory = {
    heap: () => ({ used: now.heap * 2 ** 20, limit: 100 * 2 ** 20 }),
    resident: () => ({ used: now.resident * 2 ** 20, limit: 200 * 2 ** 20 }),
    collect() {
      collections++;
      now.heap = now.needed;
    },
  };
  return { memory, collections: () => collections };
}

describe('memory that is used up', () => {
  it('is the heap when a collection does not help, and not before', async () => {
    const now = { heap: 86, needed: 40, resident: 0 };
    const { memory, collections } = memoryOf(now);
    const clock = createTestClock();
    let full: string | undefined;
    void memoryUsedUp(memory, clock, new AbortController().signal).then((text) => (full = text));
    await clock.advance(60_000);
    expect([full, collections()]).toEqual([undefined, 1]);
    now.heap = now.needed = 79;
    await clock.advance(60_000);
    expect([full, collections()]).toEqual([undefined, 1]);
    Object.assign(now, { heap: 86, needed: 76 });
    await clock.advance(200);
    expect(full).toBe("76 of the 100 MiB that Node's heap may hold (--max-old-space-size) are in use");
  });

  it('is looked at each second where much is free, and ten times as often where little is', async () => {
    const now = { used: 0 };
    let looks = 0;
    const memory: WatchedMemory = {
      heap: () => ({ used: now.used, limit: 2 ** 30 }),
      resident() {
        looks++;
        return { used: 0, limit: Number.POSITIVE_INFINITY };
      },
      collect() {},
    };
    const clock = createTestClock();
    void memoryUsedUp(memory, clock, new AbortController().signal);
    // Each time it looks twice: whether memory is used up, and how long it lasts.
    const looksIn = async (ms: number): Promise<number> => {
      looks = 0;
      await clock.advance(ms);
      return looks / 2;
    };
    expect(await looksIn(10_000)).toBe(10);
    now.used = 0.79 * 2 ** 30;
    await clock.advance(1_000);
    expect(await looksIn(10_000)).toBe(100);
  });

  it('is what the cgroup may have', async () => {
    const { memory } = memoryOf({ heap: 5, needed: 5, resident: 190 });
    expect(await memoryUsedUp(memory, createTestClock(), new AbortController().signal)).toBe(
      "190 of the 200 MiB that the memory limit of this process' cgroup allows are in use",
    );
  });

  it('of a large cgroup may be used nearly up: 64 MiB are left', async () => {
    const now = { used: 2048 - 65 };
    const memory: WatchedMemory = {
      heap: () => ({ used: 0, limit: 1 }),
      resident: () => ({ used: now.used * 2 ** 20, limit: 2048 * 2 ** 20 }),
      collect() {},
    };
    const clock = createTestClock();
    let full: string | undefined;
    void memoryUsedUp(memory, clock, new AbortController().signal).then((text) => (full = text));
    await clock.advance(60_000);
    expect(full).toBeUndefined();
    now.used = 2048 - 40;
    await clock.advance(200);
    expect(full).toContain('2008 of the 2048 MiB');
  });

  it('ends with the agent', async () => {
    const stop = new AbortController();
    const { memory } = memoryOf({ heap: 5, needed: 5, resident: 5 });
    const watch = memoryUsedUp(memory, createTestClock(), stop.signal);
    stop.abort();
    expect(await watch).toBeUndefined();
  });

  it('is measured in bytes, and given back', () => {
    const memory = processMemory();
    const garbage = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
    const before = memory.heap();
    expect(before.used).toBeGreaterThan(garbage.length * 16);
    expect(before.used).toBeLessThan(before.limit);
    garbage.length = 0;
    memory.collect();
    expect(memory.heap().used).toBeLessThan(before.used);
  });

  it('is settled without the gaps that garbage leaves', () => {
    const memory = processMemory();
    const mixed = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
    const kept = mixed.filter(({ i }) => i % 100 === 0);
    mixed.length = 0;
    memory.settle();
    expect(kept).toHaveLength(10_000);
    expect(memory.held() - memory.heap().used).toBeLessThan(0.25 * memory.held());
  });
});

describe('a heap that is kept small', () => {
  /** MiB of the young generation, after a start that makes many objects and keeps half of them. */
  function youngAfter(prepare: string, end = ''): number {
    const script = `
      import { getHeapSpaceStatistics } from 'node:v8';
      import { keepHeapSmall, processMemory } from ${JSON.stringify(fileURLToPath(new URL('memory.ts', import.meta.url)))};
      ${prepare}
      const kept = Array.from({ length: 400_000 }, (_, i) => [{ i }, { text: \`text \${i}\` }][i % 2]);
      ${end}
      const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      console.log(kept.length && young.space_size / 2 ** 20);`;
    return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }));
  }

  it('gives what is young some MiB, where V8 would take more', () => {
    expect(youngAfter('')).toBeGreaterThan(8);
    expect(youngAfter('keepHeapSmall();')).toBe(8);
    // And after the start less still, for good: 1 to 5 MiB, as many pages as V8 has given back by then.
    const more = 'const more = Array.from({ length: 400_000 }, (_, i) => ({ i }));';
    const settled = `await new Promise((resolve) => setTimeout(resolve)); processMemory().settle(); ${more}`;
    expect(youngAfter('keepHeapSmall();', settled)).toBeLessThan(8);
  });
});
