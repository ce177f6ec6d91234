import { cpus, hostname, networkInterfaces } from 'node:os';
import { isServiceLink } from '../../backends/index.ts';
import { type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import type { Host } from '../input/inputs.ts';
import { type Memory, processMemory } from './memory.ts';

/** What the agent knows of its machine besides. */
export interface AgentHost extends Host {
  /** Cores of the machine, whatever a container may use of them. */
  readonly cpus: number;
  readonly memory: Memory;
  /** Ends this process at once, as when it is killed. */
  readonly exit: (status: number) => void;
}

/**
 * This machine, as a command finds it that compiles on the node itself. Addresses of Services that a backend has bound
 * are the program's work, not the node's own.
 */
export function thisHost(): AgentHost {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => !isServiceLink(name))
    .flatMap(([, bound]) => bound ?? [])
    .map(({ address }) => parseAddress(address))
    .filter((address): address is IpAddress => address !== undefined);
  return {
    name: hostname().trim().toLowerCase(),
    addresses,
    cpus: cpus().length,
    memory: processMemory(),
    exit: (status) => process.exit(status),
  };
}
