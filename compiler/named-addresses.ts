import { createCounts } from './counts.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';
import { embeddedIpv4, type IpAddress } from './values/address.ts';

/**
 * Whether any endpoint may have an address, or one that a gateway turns into that address. "No" is certain; "yes" means
 * that the slices must be looked at.
 *
 * Services and pods live in different networks. So counting endpoints per network is enough to answer for a new
 * Service's address: there are about as many such networks as nodes. An index of all endpoints would cost memory for
 * each of them.
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

/** All but the last group of the address. Any part of the text that is the same for equal addresses would do. */
function networkOf(address: IpAddress): string {
  return address.slice(0, Math.max(address.lastIndexOf('.'), address.lastIndexOf(':')));
}
