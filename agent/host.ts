import { hostname, networkInterfaces } from 'node:os';
import { type IpAddress, parseAddress } from '../compiler/values/address.ts';
import type { Host } from './inputs.ts';

/** Service addresses are bound there in IPVS mode. They are the program's work, not the node's own. */
const serviceInterface = 'kube-ipvs0';

/** This machine, as a command finds it that compiles on the node itself. */
export function thisHost(): Host {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => name !== serviceInterface)
    .flatMap(([, bound]) => bound ?? [])
    .map(({ address }) => parseAddress(address))
    .filter((address): address is IpAddress => address !== undefined);
  return { name: hostname().trim().toLowerCase(), addresses };
}
