import { cpus, hostname, networkInterfaces } from 'node:os';
import { isServiceLink } from '../../backends/index.ts';
import { type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import type { Host } from '../input/inputs.ts';
import { type Memory, processMemory } from './memory.ts';

/** More facts about the machine, for the agent. */
export interface AgentHost extends Host {
  /** Cores of the machine, even if a container may use fewer. */
  readonly cpus: number;
  readonly memory: Memory;
  /** Ends this process at once, as when it is killed. */
  readonly exit: (status: number) => void;
}

/**
 * This machine, for a command that compiles on the node itself. Service addresses that a backend has bound
 * belong to the program, not to the node.
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
