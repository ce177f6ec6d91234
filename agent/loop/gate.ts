import type { Target } from '../../backends/target.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Report } from '../telling/agent-event.ts';
import type { Clock } from './clock.ts';

/** A first program that would remove so many Services that it is probably a mistake. */
export interface HeldRemoval {
  /** How many Services would be removed. */
  readonly services: number;
  /** For people: how many of how many, which ones, and what to do. */
  readonly why: string;
}

export interface Sight {
  /** undefined: not too many Services would be removed. */
  readonly held: HeldRemoval | undefined;
  /** Families that could not be read, and why. */
  readonly unread: ReadonlyMap<Family, Error>;
}

/** Checks what the first program would change, and changes nothing. */
export type FirstLook = (wanted: Readonly<Record<Family, Target>>) => Promise<Sight>;

/**
 * Guards the first program of an agent that starts from a folder: if the folder lost most of its files while no agent was
 * running, most Services must not be removed. The rules in force stay until the folder is as it was, or an operator
 * allows the removal. After the first program the gate stays open.
 */
export interface Gate {
  mayWrite(family: Family): boolean;
  /** The desired state changed since the last check. */
  desiredChanged(): void;
  /** Checks the kernel again if a check is due. */
  tend(wanted: () => Readonly<Record<Family, Target>>): Promise<void>;
  dueMs(): number;
}

export const openGate: Gate = {
  mayWrite: () => true,
  desiredChanged: () => {},
  tend: () => Promise.resolve(),
  dueMs: () => Number.POSITIVE_INFINITY,
};

/** How soon to check again although no object changed: other programs may have changed the kernel, or made it readable. */
const againMs = 5_000;

export function createGate(look: FirstLook, clock: Clock, report: Report): Gate {
  const open = new Set<Family>();
  let held: string | undefined;
  let lookDueMs = 0;
  const isOpen = (): boolean => open.size === families.length;

  function tell({ held: now, unread }: Sight): void {
    if (now === undefined && held !== undefined) report({ kind: 'removal-released' });
    if (now !== undefined && now.why !== held) report({ kind: 'removal-held', ...now });
    held = now?.why;
    for (const [family, error] of unread) {
      report({ kind: 'sync-failed', family, depth: 'full', error, retryInMs: againMs });
    }
  }

  return {
    mayWrite: (family) => open.has(family),
    desiredChanged: () => void (lookDueMs = 0),
    async tend(wanted) {
      if (isOpen() || clock.nowMs() < lookDueMs) return;
      const sight = await look(wanted());
      lookDueMs = clock.nowMs() + againMs;
      tell(sight);
      if (sight.held !== undefined) return;
      // A family that cannot be read does not delay the other one.
      for (const family of families) if (!sight.unread.has(family)) open.add(family);
    },
    dueMs: () => (isOpen() ? Number.POSITIVE_INFINITY : lookDueMs),
  };
}
