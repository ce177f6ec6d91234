import { isOfKind } from '../../compiler/change.ts';
import type { Lease } from '../../compiler/model/lease.ts';
import { namesIn, type RegisteredCluster, type Registry } from '../../compiler/registry/registry.ts';
import { type Diagnostic, formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import type { Arrival } from '../sources/board.ts';

/** A cluster's Lease, and when its stamp last changed by the local clock. */
export interface SeenLease {
  readonly lease: Lease;
  readonly changedMs: number;
}

/**
 * The Leases in the local cluster that are about other clusters: those in one namespace whose name is a
 * cluster's id or alias. All others (leader elections live there too) are ignored, so memory use
 * depends on the size of the registry.
 */
export interface ClusterLeases {
  /** Takes the Leases out of the changes that sources report, and returns the other changes. */
  take(arrivals: readonly Arrival[]): readonly Arrival[];
  /** The Lease named by the id, else by the first alias that has one; undefined: there is no usable Lease. */
  of(cluster: RegisteredCluster): SeenLease | undefined;
  /** Replaces the registry. A Lease of a cluster that it adds is known from its next renewal on. */
  register(registry: Registry): void;
  /** The diagnostics of the Leases, if they have changed since the last call. */
  news(): readonly Diagnostic[] | undefined;
}

interface Entry {
  readonly seen: SeenLease | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** namespace: undefined: no Lease counts. */
export function createClusterLeases(registry: Registry | undefined, namespace: string | undefined): ClusterLeases {
  let names = new Set<string>(registry === undefined ? [] : namesIn(registry));
  const entries = new Map<string, Entry>();
  let told = '';

  /** Whether the change is about a Lease, counted or not. */
  function note(arrival: Arrival): boolean {
    if (!isOfKind(arrival, 'Lease')) return false;
    const { name } = arrival.id;
    if (arrival.cluster !== undefined || arrival.id.namespace !== namespace || !names.has(name)) return true;
    if (arrival.gone) {
      entries.delete(name);
      return true;
    }
    const lease = arrival.object?.value;
    const before = entries.get(name)?.seen;
    const isRenewed = lease?.stamp !== before?.lease.stamp;
    const changedMs = before === undefined || isRenewed ? arrival.atMs : before.changedMs;
    entries.set(name, { seen: lease && { lease, changedMs }, diagnostics: arrival.diagnostics });
    return true;
  }

  return {
    take: (arrivals) => arrivals.filter((arrival) => !note(arrival)),
    of({ id, aliases }) {
      for (const name of [id, ...aliases]) {
        const seen = entries.get(name)?.seen;
        if (seen !== undefined) return seen;
      }
      return undefined;
    },
    register(next) {
      names = new Set(namesIn(next));
      for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
    },
    news() {
      const diagnostics = [...entries.values()].flatMap((entry) => entry.diagnostics);
      const text = diagnostics.map(formatDiagnostic).sort().join('\n');
      if (text === told) return undefined;
      told = text;
      return diagnostics;
    },
  };
}
