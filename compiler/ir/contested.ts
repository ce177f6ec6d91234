import { createCounts } from '../counts.ts';
import type { EndpointSlice } from '../model/endpoint-slice.ts';
import type { Service } from '../model/service.ts';
import type { IpAddress } from '../values/address.ts';
import { compareText } from '../values/names.ts';

/** An address that a Service lists and that belongs to something else. */
export interface ElsewhereAddress {
  readonly address: IpAddress;
  readonly whose: 'another node' | 'a pod';
}

/**
 * Addresses at which Services answer and that something else has too, in text order.
 *
 * A node that holds such an address on an interface of its own, as IPVS mode makes it do, cannot reach the other
 * holder.
 */
export interface Contested {
  /** The address of another node or of a pod, whatever Services say. */
  readonly elsewhere: readonly ElsewhereAddress[];
  /** The address of a Service, whatever slices say: an endpoint that a slice names there does not exist. */
  readonly ours: readonly IpAddress[];
}

export const nothingContested: Contested = { elsewhere: [], ours: [] };

/** What is known about an endpoint's address besides the slice that names it. */
export interface AddressFacts {
  /** Whether it is an address of this node. */
  readonly isOwn: (address: IpAddress) => boolean;
  readonly isOfNode: (address: IpAddress) => boolean;
  /** Whether it lies in a range of pods; undefined: no such range is known. */
  readonly isInPodRange: (address: IpAddress) => boolean | undefined;
}

/** How many endpoints name an address, and how many of them run on some node. */
interface Naming {
  readonly endpoints: number;
  readonly onNodes: number;
}

export interface ContestedTable {
  countService(service: Service, by: 1 | -1): void;
  countSlice(slice: EndpointSlice, by: 1 | -1): void;
  find(facts: AddressFacts): Contested;
}

/**
 * Knows which addresses are contested without looking at every endpoint at every change.
 *
 * A cluster IP, which the API server gave out, belongs to the Service. Any other address belongs to the node that has
 * it, or to the pod that a slice names there: an endpoint in a range of pods, or where no range is known, one with a
 * node. Otherwise an endpoint was pointed at a Service's address, and the Service keeps it.
 *
 * mayBeNamed   false: no slice that is counted here has an endpoint there at present
 */
export function createContestedTable(mayBeNamed: (address: IpAddress) => boolean): ContestedTable {
  const clusterIPs = createCounts<IpAddress>();
  const others = createCounts<IpAddress>();
  const slices = new Set<EndpointSlice>();
  const naming = new Map<IpAddress, Naming>();
  /** Addresses that came since the last question: all slices are looked at only for these. */
  const uncounted = new Set<IpAddress>();

  function countAddress(counts: typeof others, address: IpAddress, by: 1 | -1): void {
    const wasKnown = isAnswered(address);
    counts.change(address, by);
    if (isAnswered(address) === wasKnown) return;
    naming.delete(address);
    if (wasKnown) uncounted.delete(address);
    else uncounted.add(address);
  }

  function isAnswered(address: IpAddress): boolean {
    return clusterIPs.counts.has(address) || others.counts.has(address);
  }

  function countEndpoints({ endpoints }: EndpointSlice, by: 1 | -1, isMeant: (address: IpAddress) => boolean): void {
    for (const { address, nodeName } of endpoints) {
      if (!isMeant(address)) continue;
      const known = naming.get(address) ?? { endpoints: 0, onNodes: 0 };
      const next = { endpoints: known.endpoints + by, onNodes: known.onNodes + (nodeName === undefined ? 0 : by) };
      if (next.endpoints > 0) naming.set(address, next);
      else naming.delete(address);
    }
  }

  function isPod(address: IpAddress, { isInPodRange }: AddressFacts): boolean {
    const named = naming.get(address);
    return named !== undefined && (isInPodRange(address) ?? named.onNodes > 0);
  }

  return {
    countService({ vip, clusterIPs: own, externalIPs, loadBalancerIPs }, by) {
      for (const address of Object.values(own)) countAddress(vip === 'clusterIP' ? clusterIPs : others, address, by);
      for (const address of externalIPs) countAddress(others, address, by);
      for (const { address } of loadBalancerIPs) countAddress(others, address, by);
    },
    countSlice(slice, by) {
      if (by > 0) slices.add(slice);
      else slices.delete(slice);
      countEndpoints(slice, by, (address) => isAnswered(address) && !uncounted.has(address));
    },
    find(facts) {
      if ([...uncounted].some(mayBeNamed)) {
        for (const slice of slices) countEndpoints(slice, 1, (address) => uncounted.has(address));
      }
      uncounted.clear();
      const elsewhere: ElsewhereAddress[] = [];
      const ours = new Set([...naming.keys()].filter((address) => !facts.isOwn(address)));
      for (const address of others.counts.keys()) {
        if (facts.isOwn(address) || clusterIPs.counts.has(address)) continue;
        const whose = facts.isOfNode(address) ? 'another node' : isPod(address, facts) ? 'a pod' : undefined;
        if (whose === undefined) continue;
        elsewhere.push({ address, whose });
        ours.delete(address);
      }
      return {
        elsewhere: elsewhere.sort((a, b) => compareText(a.address, b.address)),
        ours: [...ours].sort(compareText),
      };
    },
  };
}
