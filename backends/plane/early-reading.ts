/**
 * Readings of a kernel that begin before the sync that needs them, while objects are still read and compiled.
 *
 * An early reading may be as old as rules are trusted between two full syncs anyway: what another program changes after a
 * reading shows in the next one, whenever it began. There is one writer, so slicewright itself changes nothing in between.
 */
export interface EarlyReading<Reading> {
  /** Begins one; its failure is thrown by the `take` that it is for. */
  begin(): void;
  /** The one that began, unless it is too old or was taken before; else a new one. */
  take(): Promise<Reading>;
  /** The same; undefined: no new one. */
  takeBegun(): Promise<Reading> | undefined;
}

/** A reading that began earlier than that is not used: the objects were late, and a full sync is due by now. */
const oldestMs = 30_000;

/** nowMs   a clock that never goes back */
export function createEarlyReading<Reading>(read: () => Promise<Reading>, nowMs: () => number): EarlyReading<Reading> {
  let begun: { readonly reading: Promise<Reading>; readonly atMs: number } | undefined;
  function takeBegun(): Promise<Reading> | undefined {
    const early = begun;
    begun = undefined;
    return early !== undefined && nowMs() - early.atMs <= oldestMs ? early.reading : undefined;
  }
  return {
    begin() {
      const reading = read();
      // The code that takes it handles its failure; until then the failure must not count as unhandled.
      reading.catch(() => {});
      begun = { reading, atMs: nowMs() };
    },
    take: () => takeBegun() ?? read(),
    takeBegun,
  };
}
