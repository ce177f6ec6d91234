import { type Counts, createCounts } from './counts.ts';
import type { ServiceImport } from './model/service-import.ts';
import type { IpAddress } from './values/address.ts';
import type { ClusterName, Namespace } from './values/names.ts';

/** What the objects of one namespace claim about clusters and addresses. */
export interface NamespaceClaims {
  /** The clusters that marks of slices, imports and MultiClusterServices name, and how often. */
  readonly named: ReadonlyMap<ClusterName, number>;
  /** How many objects Karmada says it applied to each cluster. */
  readonly applied: ReadonlyMap<ClusterName, number>;
  /** Addresses of ServiceImports. */
  readonly addresses: ReadonlyMap<IpAddress, number>;
}

/**
 * A tenant who may write into one namespace can claim anything there. So what its objects claim about clusters and
 * about local addresses counts in that namespace and nowhere else: no tenant can rename the local cluster, assign
 * another tenant's slices to a different cluster, or keep out another tenant's endpoints.
 */
export interface ClaimsOfNamespaces {
  of(namespace: Namespace): NamespaceClaims;
  namespaces(): Iterable<Namespace>;
  changeNamed(namespace: Namespace, cluster: ClusterName, by: 1 | -1): void;
  changeApplied(namespace: Namespace, cluster: ClusterName, by: 1 | -1): void;
  changeAddresses(imported: ServiceImport, by: 1 | -1): void;
  /** Namespaces whose claims changed since the last call. */
  takeTouched(): Set<Namespace>;
}

interface Claims {
  readonly named: Counts<ClusterName>;
  readonly applied: Counts<ClusterName>;
  readonly addresses: Counts<IpAddress>;
}

const nothing: NamespaceClaims = { named: new Map(), applied: new Map(), addresses: new Map() };

export function createClaimsOfNamespaces(): ClaimsOfNamespaces {
  const claims = new Map<Namespace, Claims>();
  let touched = new Set<Namespace>();

  function change<T>(namespace: Namespace, counts: (of: Claims) => Counts<T>, thing: T, by: 1 | -1): void {
    let held = claims.get(namespace);
    if (held === undefined) {
      held = { named: createCounts(), applied: createCounts(), addresses: createCounts() };
      claims.set(namespace, held);
    }
    counts(held).change(thing, by);
    touched.add(namespace);
    const isEmpty = [held.named, held.applied, held.addresses].every(({ counts: of }) => of.size === 0);
    if (isEmpty) claims.delete(namespace);
  }

  return {
    of(namespace) {
      const held = claims.get(namespace);
      if (held === undefined) return nothing;
      return { named: held.named.counts, applied: held.applied.counts, addresses: held.addresses.counts };
    },
    namespaces: () => claims.keys(),
    changeNamed(namespace, cluster, by) {
      change(namespace, ({ named }) => named, cluster, by);
    },
    changeApplied(namespace, cluster, by) {
      change(namespace, ({ applied }) => applied, cluster, by);
    },
    changeAddresses({ namespace, service }, by) {
      for (const address of Object.values(service.clusterIPs)) {
        change(namespace, ({ addresses }) => addresses, address, by);
      }
    },
    takeTouched() {
      const taken = touched;
      touched = new Set();
      return taken;
    },
  };
}
