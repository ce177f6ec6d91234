import type { Target } from '../../backends/target.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Report } from '../telling/agent-event.ts';
import type { Clock } from './clock.ts';

/** What a first program would take away that is hardly meant to go. */
export interface HeldRemoval {
  /** Services that would go. */
  readonly services: number;
  /** For people: how many of how many, which, and what to do. */
  readonly why: string;
}

export interface Sight {
  /** undefined: nothing that is too much. */
  readonly held: HeldRemoval | undefined;
  /** Families that could not be read, and why. */
  readonly unread: ReadonlyMap<Family, Error>;
}

/** Looks at what the first program would change, and changes nothing. */
export type FirstLook = (wanted: Readonly<Record<Family, Target>>) => Promise<Sight>;

/**
 * Stands before the first program of an agent that starts from a folder: a folder that lost most of its files while no
 * agent looked must not take most Services away. What is in force stays until the folder is as it was, or somebody says
 * that it is meant. After the first program it stands open.
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

/** How soon a look is worth another one though nothing stirred: others may have changed the kernel, or let it be read. */
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
      // One that cannot be read is not kept waiting for by the other.
      for (const family of families) if (!sight.unread.has(family)) open.add(family);
    },
    dueMs: () => (isOpen() ? Number.POSITIVE_INFINITY : lookDueMs),
  };
}
