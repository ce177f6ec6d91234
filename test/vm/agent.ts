/**
 * Runs inside the emulated machine: makes networks there for tests outside and does in them what
 * they ask. Ends when its channel does.
 *
 * argument  the character device that leads to the host
 */
import { createReadStream, createWriteStream, openSync } from 'node:fs';
import { bootNetwork, type Network } from '../netns/network.ts';
import type { Station } from '../netns/station-client.ts';
import type { Request as StationRequest } from '../netns/station-protocol.ts';
import { answerOver } from './rpc.ts';
import type { MachineRequest } from './protocol.ts';

const device = process.argv[2];
if (device === undefined) throw new Error('usage: agent.ts DEVICE');
// The device can be opened once only.
const fd = openSync(device, 'r+');
const output = createWriteStream(device, { fd });
const input = createReadStream(device, { fd });
const networks = new Map<number, Network>();
let lastNetwork = 0;

answerOver(input, output, perform);
input.on('end', () => process.exit());
output.write('ready\n');

async function perform(request: MachineRequest): Promise<unknown> {
  switch (request.kind) {
    case 'boot': {
      const network = await bootNetwork(request.topology, 'root');
      networks.set(++lastNetwork, network);
      return lastNetwork;
    }
    case 'run':
      return networkOf(request.network).run(request.host)(request.file, request.args, request.input);
    case 'station':
      return atStation(await networkOf(request.network).station(request.host), request.request);
    case 'close': {
      const network = networks.get(request.network);
      networks.delete(request.network);
      return network?.close();
    }
  }
}

function networkOf(number: number): Network {
  const network = networks.get(number);
  if (network === undefined) throw new Error(`network ${number} was closed`);
  return network;
}

function atStation(station: Station, request: StationRequest): Promise<unknown> {
  switch (request.kind) {
    case 'serve':
      return station.serve(request.server);
    case 'ask':
      return station.ask(request.question);
    case 'startLoad':
      return station.startLoad(request.load);
    case 'stopLoad':
      return station.stopLoad();
  }
}
