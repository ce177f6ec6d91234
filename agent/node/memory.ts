import { readFileSync } from 'node:fs';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, sleep } from '../loop/clock.ts';

/** Memory use of this process, in bytes. */
export interface Memory {
  /** The use of Node's heap, and its limit: Node aborts at the limit, with a message for developers. */
  heap(): MemoryUse;
  /** Memory that the process cannot give back, and its cgroup's limit: the kernel kills the process there, without a message. */
  resident(): MemoryUse;
  /** What the heap takes from the machine, in bytes: objects in use, garbage, and gaps. */
  held(): number;
  /** Frees unreferenced objects. The process stops for as long as that takes. */
  collect(): void;
  /** As `collect`, and also compacts the heap, so that the machine gets free memory back: takes about three times as long. */
  settle(): void;
}

interface MemoryUse {
  readonly used: number;
  readonly limit: number;
}

/** The parts that are needed to see that memory is used up. */
export type WatchedMemory = Pick<Memory, 'heap' | 'resident' | 'collect'>;

/** The free memory to keep below a limit: a share of the limit, but at most this many bytes. */
interface Room {
  readonly share: number;
  readonly bytes: number;
}

/** With less than `high` free, a collection is worth it; with less than `full` free after it, memory is used up. */
interface Rooms {
  readonly high: Room;
  readonly full: Room;
}

/**
 * V8 itself aborts after some collections that leave more than 80 % in use and take most of the time, whatever the size (source:
 * Heap::CheckIneffectiveMarkCompact), so more than 20 % must stay free.
 */
const heapRooms: Rooms = {
  high: { share: 0.2, bytes: Number.POSITIVE_INFINITY },
  full: { share: 0.25, bytes: Number.POSITIVE_INFINITY },
};

/** The kernel kills at the limit and not before, so a large limit can be used nearly up. */
const residentRooms: Rooms = {
  high: { share: 0.2, bytes: 48 * 2 ** 20 },
  full: { share: 0.25, bytes: 64 * 2 ** 20 },
};

/** How fast memory can fill up, in bytes a millisecond: about as fast as a large answer is read and parsed. */
const fillRate = 200_000;
/** The pause between two looks. Where much is free, a look each second is enough: each wakes the process. */
const lookMs = { least: 100, most: 1_000 };

/**
 * Waits until memory is used up, early enough for the process to report why it ends.
 *
 * A heap near its limit may be full of garbage, so it is collected before it is judged. V8 would do the same a little
 * later, so that costs nothing more.
 *
 * returns  a sentence that says which memory is used up; undefined when the signal was aborted first
 */
export async function memoryUsedUp(
  memory: WatchedMemory,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  while (!signal.aborted) {
    if (fullOf(memory, 'high') !== undefined) {
      memory.collect();
      const full = fullOf(memory, 'full');
      if (full !== undefined) return full;
    }
    await sleep(clock, pauseMs(memory), signal);
  }
  return undefined;
}

/** How long memory lasts at least. */
function pauseMs(memory: WatchedMemory): number {
  const left = Math.min(leftOf(memory.heap(), heapRooms.high), leftOf(memory.resident(), residentRooms.high));
  return Math.min(Math.max(left / fillRate, lookMs.least), lookMs.most);
}

function fullOf(memory: WatchedMemory, which: keyof Rooms): string | undefined {
  const heap = memory.heap();
  if (isFull(heap, heapRooms[which]))
    return `${sizes(heap)} that Node's heap may hold (--max-old-space-size) are in use`;
  const resident = memory.resident();
  if (isFull(resident, residentRooms[which]))
    return `${sizes(resident)} that the memory limit of this process' cgroup allows are in use`;
  return undefined;
}

function isFull(use: MemoryUse, room: Room): boolean {
  return leftOf(use, room) < 0;
}

/** Bytes that may be used until no more than the room is free. */
function leftOf({ used, limit }: MemoryUse, { share, bytes }: Room): number {
  return limit - Math.min(share * limit, bytes) - used;
}

function sizes({ used, limit }: MemoryUse): string {
  const inMegabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  return `${inMegabytes(used)} of the ${inMegabytes(limit)} MiB`;
}

/**
 * Keeps the heap near what is in use. V8 is tuned for programs with a machine of their own: the young generation grows to
 * 32 MiB and more at the start and seldom shrinks, and the old generation may double or more before V8 collects it. An
 * agent does little after its start, so it can afford to collect more often.
 *
 * The start makes more objects that stay than all later work, and the more often V8 collects them while they are young, the more
 * of them it copies for nothing. So the halves of the young generation are 4 MiB until memory settles for the first time: that
 * collection shrinks them to 1 MiB.
 *
 * V8 reads these flags at each decision, so they have an effect however Node was started.
 */
export function keepHeapSmall(): void {
  growYoung();
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=40');
  // V8 also collects twice some seconds after each collection, to give memory back. Here `settling.ts` does that, after rules are
  // in force; a collection of V8's own comes while changes go on, and costs as much as many of them.
  setFlagsFromString('--memory-reducer-gc-count=0');
}

/** V8 has no call for the size: it grows by the factor when more survives a collection than a half holds, 1 MiB at the start. */
function growYoung(): void {
  const survivor = new Array<number>(2 ** 18).fill(0);
  setFlagsFromString('--semi-space-growth-factor=4');
  exposedCollector()({ type: 'minor' });
  if (survivor.length === 0) throw new Error('what is to survive was collected');
}

/** The function that `--expose-gc` exposes (source: GCExtension of V8). */
type Collector = (
  how?: { readonly type: 'minor' } | { readonly type: 'major'; readonly flavor: 'last-resort' },
) => void;

let exposed: Collector | undefined;

/** Node exposes the collector if the flag is set at the start; here it is set later. */
function exposedCollector(): Collector {
  setFlagsFromString('--expose-gc');
  exposed ??= runInNewContext('gc') as Collector;
  return exposed;
}

/** The memory of this process. */
export function processMemory(): Memory {
  // A limit larger than any machine's memory means that there is none.
  const constrained = process.constrainedMemory();
  const residentLimit = constrained > 0 && constrained < 2 ** 50 ? constrained : Number.POSITIVE_INFINITY;
  const named = namedHeapLimit([process.env['NODE_OPTIONS'] ?? '', ...process.execArgv].join(' '));
  return {
    heap() {
      const { used_heap_size: used, heap_size_limit } = getHeapStatistics();
      return { used, limit: named ?? heap_size_limit };
    },
    resident: () => ({ used: residentLimit === Number.POSITIVE_INFINITY ? 0 : anonymousBytes(), limit: residentLimit }),
    held: () => getHeapStatistics().total_heap_size,
    collect: () => exposedCollector()(),
    settle: () => exposedCollector()({ type: 'major', flavor: 'last-resort' }),
  };
}

/**
 * The value of `--max-old-space-size`: V8 aborts there. V8's own limit includes the young generation, which is a large part of
 * it if the size is small, and a small part otherwise.
 */
function namedHeapLimit(options: string): number | undefined {
  const [last] = [...options.matchAll(/--max[-_]old[-_]space[-_]size[= ](\d+)/g)].slice(-1);
  return last === undefined ? undefined : Number(last[1]) * 2 ** 20;
}

/** Without pages of files, which the kernel takes back before it kills. 0: unknown, for example without a free file descriptor. */
function anonymousBytes(): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
