import { createCounts } from './counts.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import { embeddedIpv4, type IpAddress } from './values/address.ts';

/**
 * Whether any endpoint may have an address, or one that a gateway makes that address of. No is certain; yes is worth a look at
 * the slices.
 *
 * Services and pods live in different networks. So a count for each network that has endpoints, of which there are about as many as
 * nodes, answers for the address of a new Service, where an index of all endpoints would cost memory for each of them.
 */
export interface NamedAddresses {
  change(slice: EndpointSlice, by: 1 | -1): void;
  mayHave(address: IpAddress): boolean;
}

export function createNamedAddresses(): NamedAddresses {
  const networks = createCounts<string>();
  return {
    change({ endpoints }, by) {
      for (const { address } of endpoints) {
        networks.change(networkOf(address), by);
        for (const embedded of embeddedIpv4(address)) networks.change(networkOf(embedded), by);
      }
    },
    mayHave: (address) => networks.counts.has(networkOf(address)),
  };
}

/** All but the last group: any part of the text would do that is the same for equal addresses. */
function networkOf(address: IpAddress): string {
  return address.slice(0, Math.max(address.lastIndexOf('.'), address.lastIndexOf(':')));
}
