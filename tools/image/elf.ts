/** What the loader of Linux needs when it starts a program or loads a library. */
export interface ElfNeeds {
  /** The loader itself: `/lib64/ld-linux-x86-64.so.2`; absent in libraries. */
  readonly interpreter?: string;
  /** By name: `libc.so.6`. */
  readonly libraries: readonly string[];
}

const types = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tags = { end: 0, needed: 1, strings: 5 } as const;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/**
 * Reads what a program or a library needs; undefined for other files, and for 32-bit or big-endian machines, for which
 * no image is made.
 *
 * source  elf(5): the header, the program header table, the dynamic section
 */
export function elfNeeds(bytes: Uint8Array): ElfNeeds | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isElf64LittleEndian =
    view.length >= 64 && view.readUInt32BE(0) === 0x7f454c46 && view[4] === 2 && view[5] === 1;
  if (!isElf64LittleEndian) return undefined;
  const segments = segmentsOf(view);
  const interpreter = segments.find(({ type }) => type === types.interpreter);
  return {
    ...(interpreter !== undefined && { interpreter: textAt(view, interpreter.offset) }),
    libraries: neededLibraries(view, segments),
  };
}

function segmentsOf(view: Buffer): Segment[] {
  const [start, size, count] = [Number(view.readBigUInt64LE(32)), view.readUInt16LE(54), view.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size;
    const word = (offset: number) => Number(view.readBigUInt64LE(at + offset));
    return { type: view.readUInt32LE(at), offset: word(8), address: word(16), size: word(32) };
  });
}

function neededLibraries(view: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === types.dynamic);
  if (dynamic === undefined) return [];
  const pairs = dynamicPairs(view, dynamic);
  const strings = pairs.find(([tag]) => tag === tags.strings)?.[1] ?? 0;
  const holder = segments.find(
    ({ type, address, size }) => type === types.load && strings >= address && strings < address + size,
  );
  if (holder === undefined) throw new Error('an ELF file whose names are in no segment that is loaded');
  const start = strings - holder.address + holder.offset;
  return pairs.filter(([tag]) => tag === tags.needed).map(([, value]) => textAt(view, start + value));
}

function dynamicPairs(view: Buffer, { offset, size }: Segment): (readonly [tag: number, value: number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let at = offset; at < offset + size; at += 16) {
    const tag = Number(view.readBigInt64LE(at));
    if (tag === tags.end) break;
    pairs.push([tag, Number(view.readBigUInt64LE(at + 8))]);
  }
  return pairs;
}

function textAt(view: Buffer, offset: number): string {
  return view.toString('latin1', offset, view.indexOf(0, offset));
}
