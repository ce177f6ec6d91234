import { once } from 'node:events';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { inject } from 'vitest';
import { bootNetwork, type Network } from '../netns/network.ts';
import { unshareFlags } from '../netns/probe.ts';
import { runWithin } from '../netns/processes.ts';
import type { Topology } from '../netns/topology.ts';
import type { Place } from '../place.ts';
import { bootOver } from './client.ts';
import { emulatorMissing } from './emulator.ts';
import type { MachineRequest } from './protocol.ts';
import { askOver } from './rpc.ts';

/** One host, alone in the world: enough for what only reads and writes kernel tables. */
export const loneNode: Topology = { hosts: [{ name: 'node', role: 'router' }], wires: [] };

/** Where tests find a kernel with IPVS, ipsets and dummy links, and what is in the way if nowhere. */
export interface Availability {
  readonly place: Place;
  /** For `describeIn`; undefined: networks can be booted. */
  readonly missing: string | undefined;
}

// IPVS hides its sysctls from user namespaces, so only root can use this machine's own kernel.
const trial = `ipvsadm -A -t 192.0.2.1:80 -s wrr && ip link add probe0 type dummy &&
  ipset create probe hash:ip,port,ip && test -e /proc/sys/net/ipv4/vs/conntrack &&
  iptables -t nat -A PREROUTING -m set --match-set probe dst,dst,src -j ACCEPT`;

let remembered: Promise<Availability> | undefined;

/** This machine's own kernel where it can do all that is needed, else an emulated one. Boots nothing. */
export function ipvsAvailability(): Promise<Availability> {
  remembered ??= probe();
  return remembered;
}

async function probe(): Promise<Availability> {
  if (userInfo().uid === 0) {
    const { exitCode } = await runWithin(15_000)('unshare', [...unshareFlags('root'), 'sh', '-c', trial]);
    if (exitCode === 0) return { place: 'network namespace', missing: undefined };
  }
  return { place: 'virtual machine', missing: emulatorMissing() };
}

/**
 * Boots a network where there is IPVS. Networks are apart from each other. All tests of one run
 * share one emulated machine, which starts with the first network and ends with the run.
 *
 * Commands take 0.1 s each in an emulated machine, more on a busy host: scripts on standard input
 * rather than a process an entry, and no timing taken there counts.
 */
export async function bootIpvsNetwork(topology: Topology = loneNode): Promise<Network> {
  const { place } = await ipvsAvailability();
  if (place === 'network namespace') return bootNetwork(topology, 'root');
  const socket = connect(inject('machineSocket'));
  await once(socket, 'connect');
  const network = await bootOver(askOver<MachineRequest>(socket, socket), topology);
  const close = async (): Promise<void> => {
    await network.close();
    socket.end();
  };
  return { ...network, close, [Symbol.asyncDispose]: close };
}
