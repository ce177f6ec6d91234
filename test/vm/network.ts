import { once } from 'node:events';
import { connect } from 'node:net';
import { inject } from 'vitest';
import type { Network } from '../netns/network.ts';
import type { Topology } from '../netns/topology.ts';
import { bootOver } from './client.ts';
import type { MachineRequest } from './protocol.ts';
import { askOver } from './rpc.ts';
import { enterMachine } from './users.ts';

export { ipvsAvailability } from './availability.ts';

/** One host without wires: enough for tests that only read and write kernel tables. */
export const loneNode: Topology = { hosts: [{ name: 'node', role: 'router' }], wires: [] };

/**
 * Boots a network for a test, in a kernel with IPVS. Networks are separate from each other. All tests of
 * one run share one emulated machine, which starts with the first network and ends with the run.
 *
 * A command takes 20 ms in an emulated machine, several times that on a busy host. So use scripts on standard input
 * rather than a process for each entry, and draw no conclusion from timings there.
 */
export async function bootIpvsNetwork(topology: Topology = loneNode): Promise<Network> {
  const leave = enterMachine();
  const socket = connect(inject('machineSocket'));
  await once(socket, 'connect');
  const network = await bootOver(askOver<MachineRequest>(socket, socket), topology);
  const close = async (): Promise<void> => {
    await network.close();
    socket.end();
    leave();
  };
  return { ...network, close, [Symbol.asyncDispose]: close };
}
