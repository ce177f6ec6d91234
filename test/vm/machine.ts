import { bootNetwork, type Network } from '../netns/network.ts';
import type { Topology } from '../netns/topology.ts';
import type { Place } from '../place.ts';
import { ipvsAvailability } from './availability.ts';
import { bootOver } from './client.ts';
import { startEmulator } from './emulator.ts';
import type { MachineRequest } from './protocol.ts';
import { askOver } from './rpc.ts';

/** A kernel with IPVS. Tests share one (`network.ts`); programs outside the test runner start their own. */
export interface Machine extends AsyncDisposable {
  readonly place: Place;
  /** Networks are separate from each other. */
  boot(topology: Topology): Promise<Network>;
  close(): Promise<void>;
}

/** Throws with the reason if there is no such kernel here, or if the machine does not boot. */
export async function startIpvsMachine(): Promise<Machine> {
  const { place, missing } = await ipvsAvailability();
  if (missing !== undefined) throw new Error(`no kernel with IPVS here: ${missing}`);
  if (place === 'network namespace') {
    const close = async (): Promise<void> => {};
    return { place, boot: (topology) => bootNetwork(topology, 'root'), close, [Symbol.asyncDispose]: close };
  }
  const { channel, stop } = await startEmulator();
  const ask = askOver<MachineRequest>(channel, channel);
  return { place, boot: (topology) => bootOver(ask, topology), close: stop, [Symbol.asyncDispose]: stop };
}
