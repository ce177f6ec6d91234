import { cpus, hostname, networkInterfaces } from 'node:os';
import { type IpAddress, parseAddress } from '../compiler/values/address.ts';
import type { Host } from './inputs.ts';

/**
 * `kube-ipvs0`, `slwr-ipvs0`: service addresses are bound there in IPVS mode, by us or by a kube-proxy
 * beside us. They are the program's work, not the node's own.
 */
const serviceInterface = /^[a-z][a-z0-9]{1,4}-ipvs0$/;

/** What the agent knows of its machine besides. */
export interface AgentHost extends Host {
  /** Cores of the machine, whatever a container may use of them. */
  readonly cpus: number;
}

/** This machine, as a command finds it that compiles on the node itself. */
export function thisHost(): AgentHost {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => !serviceInterface.test(name))
    .flatMap(([, bound]) => bound ?? [])
    .map(({ address }) => parseAddress(address))
    .filter((address): address is IpAddress => address !== undefined);
  return { name: hostname().trim().toLowerCase(), addresses, cpus: cpus().length };
}
