import { liveBackends } from '../../backends/index.ts';
import type { Run } from '../../backends/command.ts';
import type { TrafficMeter } from '../../backends/traffic.ts';
import type { Settings } from '../../compiler/settings.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { scopeOf } from '../planning/plan-kernel.ts';
import type { FamilyCounts } from './count.ts';

export interface FamilyMeter extends TrafficMeter {
  readonly family: Family;
}

/**
 * All counters on this node.
 *
 * backends   undefined: every backend that has rules here
 * isNeeded   for one named backend: whether a family must be readable
 */
export async function openMeters(
  run: Run,
  settings: Settings,
  backend: string | undefined,
  isNeeded: (family: Family) => boolean,
): Promise<readonly FamilyMeter[]> {
  const meters: FamilyMeter[] = [];
  for (const live of await liveBackends(backend === undefined ? undefined : [backend])) {
    for (const family of families) {
      const needed = backend !== undefined && isNeeded(family);
      const meter = await live.meter(run, scopeOf(family, settings, false), needed);
      if (meter !== undefined) meters.push({ family, source: meter.source, read: () => meter.read() });
    }
  }
  return meters;
}

export interface CountsRead {
  /** Readings of families whose traffic is counted. */
  readonly readings: readonly FamilyCounts[];
  /** Why other families are not counted, each reason once. */
  readonly notes: readonly string[];
}

/** throws   BackendError */
export async function readMeters(meters: readonly FamilyMeter[]): Promise<CountsRead> {
  const readings: FamilyCounts[] = [];
  const notes = new Set<string>();
  for (const { family, read } of meters) {
    const { counts, uncounted } = await read();
    if (uncounted === undefined) readings.push({ family, counts });
    else notes.add(uncounted);
  }
  return { readings, notes: [...notes] };
}
