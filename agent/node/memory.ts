import { readFileSync } from 'node:fs';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, sleep } from '../loop/clock.ts';

/** What this process has of memory, in bytes. */
export interface Memory {
  /** What Node's heap holds, and the most that it may: Node aborts there, with a text of its own for developers. */
  heap(): MemoryUse;
  /** What of this process cannot be given back, and the most that its cgroup may have: the kernel kills there, without a word. */
  resident(): MemoryUse;
  /** What the heap takes of the machine, in bytes: what is in use, what is garbage, and gaps. */
  held(): number;
  /** Gives back what nothing refers to any more. Stops everything for as long as that takes. */
  collect(): void;
  /** As `collect`, and moves what stays together, so that the machine has the rest again: about three times as long. */
  settle(): void;
}

interface MemoryUse {
  readonly used: number;
  readonly limit: number;
}

/** What it takes to see that memory is used up. */
export type WatchedMemory = Pick<Memory, 'heap' | 'resident' | 'collect'>;

/** What must be left below a limit: a share of it, and no more than some bytes. */
interface Room {
  readonly share: number;
  readonly bytes: number;
}

/** With less it is worth a collection; `full` is what must be left after it. */
interface Rooms {
  readonly high: Room;
  readonly full: Room;
}

/**
 * V8 itself aborts after some collections that leave more than 80 % in use and took most of the time, whatever the size (source:
 * Heap::CheckIneffectiveMarkCompact), so more than that must be left.
 */
const heapRooms: Rooms = {
  high: { share: 0.2, bytes: Number.POSITIVE_INFINITY },
  full: { share: 0.25, bytes: Number.POSITIVE_INFINITY },
};

/** The kernel kills at the limit and not before, so a large one can be used nearly up. */
const residentRooms: Rooms = {
  high: { share: 0.2, bytes: 48 * 2 ** 20 },
  full: { share: 0.25, bytes: 64 * 2 ** 20 },
};

/** Looking takes microseconds. */
const lookMs = 100;

/**
 * Waits until memory is used up. Whoever ends then can still say why.
 *
 * A heap near its limit may be full of what nobody needs, so it is collected before it counts. V8 would do the same a little
 * later, so that costs nothing more.
 *
 * returns  what is used up, in a sentence; undefined when the signal was aborted first
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
    await sleep(clock, lookMs, signal);
  }
  return undefined;
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

function isFull({ used, limit }: MemoryUse, { share, bytes }: Room): boolean {
  return used > limit - Math.min(share * limit, bytes);
}

function sizes({ used, limit }: MemoryUse): string {
  const inMegabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  return `${inMegabytes(used)} of the ${inMegabytes(limit)} MiB`;
}

/**
 * Keeps the heap near what is in use. V8 is made for programs that have a machine for themselves: what is young grows to
 * 32 MiB and more at the start and seldom gives that back, and what is old may double or more before it is looked through. An
 * agent does little after its start, so it can look more often.
 *
 * Flags of V8 that it reads when it decides, so that they hold however Node was started.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=40');
}

/** What `--expose-gc` exposes (source: GCExtension of V8). */
type Collector = (how?: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/** This process'. */
export function processMemory(): Memory {
  // Above what a machine can have there is none.
  const constrained = process.constrainedMemory();
  const residentLimit = constrained > 0 && constrained < 2 ** 50 ? constrained : Number.POSITIVE_INFINITY;
  const named = namedHeapLimit([process.env['NODE_OPTIONS'] ?? '', ...process.execArgv].join(' '));
  let gc: Collector | undefined;
  const collector = (): Collector => {
    // Node offers it to whoever asks when it starts; this asks later.
    setFlagsFromString('--expose-gc');
    gc ??= runInNewContext('gc') as Collector;
    return gc;
  };
  return {
    heap() {
      const { used_heap_size: used, heap_size_limit } = getHeapStatistics();
      return { used, limit: named ?? heap_size_limit };
    },
    resident: () => ({ used: residentLimit === Number.POSITIVE_INFINITY ? 0 : anonymousBytes(), limit: residentLimit }),
    held: () => getHeapStatistics().total_heap_size,
    collect: () => collector()(),
    settle: () => collector()({ type: 'major', flavor: 'last-resort' }),
  };
}

/**
 * What `--max-old-space-size` says: V8 aborts there. Its own figure includes what is young, which is a large part of it where a
 * small size is given, and little otherwise.
 */
function namedHeapLimit(options: string): number | undefined {
  const [last] = [...options.matchAll(/--max[-_]old[-_]space[-_]size[= ](\d+)/g)].slice(-1);
  return last === undefined ? undefined : Number(last[1]) * 2 ** 20;
}

/** Without pages of files, which the kernel takes back before it kills. 0: cannot be told, as without a file descriptor. */
function anonymousBytes(): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
