/**
 * Runs inside the emulated machine: makes networks there for tests outside, and carries out their requests
 * in these networks. Ends when its channel does.
 *
 * argument  the character device that leads to the host
 */
import { createReadStream, createWriteStream, openSync } from 'node:fs';
import { bootNetwork } from '../netns/network.ts';
import { serveNetworks } from './server.ts';

const device = process.argv[2];
if (device === undefined) throw new Error('usage: agent.ts DEVICE');
// The device can be opened only once.
const fd = openSync(device, 'r+');
const output = createWriteStream(device, { fd });
const input = createReadStream(device, { fd });

serveNetworks(input, output, (topology) => bootNetwork(topology, 'root'));
input.on('end', () => process.exit());
output.write('ready\n');
