import { asFields } from '../compiler/model/fields.ts';
import { isLease, type Lease, parseLease } from '../compiler/model/lease.ts';
import { refOf } from '../compiler/model/metadata.ts';
import { namesIn, type RegisteredCluster, type Registry } from '../compiler/registry/registry.ts';
import { type Diagnostic, formatDiagnostic } from '../compiler/values/diagnostic.ts';
import type { Arrival } from './sources/board.ts';

/** A cluster's Lease, and when its stamp last changed, by our clock. */
export interface SeenLease {
  readonly lease: Lease;
  readonly changedMs: number;
}

/**
 * The Leases in our own cluster that speak of other clusters: those of one namespace whose name is a
 * cluster's id or alias. All others (leader elections live there too) are nothing to us, so what is
 * remembered is as small as the registry.
 */
export interface ClusterLeases {
  /** Takes the Leases out of what sources tell, and returns all else. */
  take(arrivals: readonly Arrival[]): readonly Arrival[];
  /** Of the id, else of the first alias that has one; undefined: there is none that can be used. */
  of(cluster: RegisteredCluster): SeenLease | undefined;
  /** What is wrong with them, if that is something else than at the last asking. */
  news(): readonly Diagnostic[] | undefined;
}

interface Entry {
  readonly seen: SeenLease | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** namespace: undefined: no Lease counts. */
export function createClusterLeases(registry: Registry | undefined, namespace: string | undefined): ClusterLeases {
  const names = new Set<string>(registry === undefined ? [] : namesIn(registry));
  const entries = new Map<string, Entry>();
  let told = '';

  function note({ cluster, object, gone, atMs }: Arrival): void {
    const fields = asFields(object);
    if (cluster !== undefined || fields === undefined) return;
    const ref = refOf(fields, 'Lease', undefined);
    if ((ref.namespace ?? 'default') !== namespace || !names.has(ref.name)) return;
    if (gone) {
      entries.delete(ref.name);
      return;
    }
    const diagnostics: Diagnostic[] = [];
    const lease = parseLease(fields, undefined, diagnostics);
    const before = entries.get(ref.name)?.seen;
    const isRenewed = lease?.stamp !== before?.lease.stamp;
    const changedMs = before === undefined || isRenewed ? atMs : before.changedMs;
    entries.set(ref.name, { seen: lease && { lease, changedMs }, diagnostics });
  }

  return {
    take(arrivals) {
      const others: Arrival[] = [];
      for (const arrival of arrivals) {
        const fields = asFields(arrival.object);
        if (fields !== undefined && isLease(fields)) note(arrival);
        else others.push(arrival);
      }
      return others;
    },
    of({ id, aliases }) {
      for (const name of [id, ...aliases]) {
        const seen = entries.get(name)?.seen;
        if (seen !== undefined) return seen;
      }
      return undefined;
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
