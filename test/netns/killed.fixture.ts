/** Boots a network, reports it, and waits to be killed. */
import { bootNetwork } from './network.ts';

const network = await bootNetwork({ hosts: [{ name: 'alone', role: 'endpoint' }], wires: [] });
await network.station('alone');
process.stdout.write('booted\n');
