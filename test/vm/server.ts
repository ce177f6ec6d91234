import type { Readable, Writable } from 'node:stream';
import type { Network } from '../netns/network.ts';
import type { Station } from '../netns/station-client.ts';
import type { Request as StationRequest } from '../netns/station-protocol.ts';
import type { Topology } from '../netns/topology.ts';
import type { MachineRequest } from './protocol.ts';
import { answerOver } from './rpc.ts';

/**
 * Boots networks for the client at the other end of a channel, and carries out its requests in them. When
 * the channel ends, however it ends, its networks end too.
 */
export function serveNetworks(input: Readable, output: Writable, boot: (topology: Topology) => Promise<Network>): void {
  const networks = new Map<number, Network>();
  let lastNumber = 0;

  answerOver(input, output, async (request: MachineRequest): Promise<unknown> => {
    switch (request.kind) {
      case 'boot': {
        const network = await boot(request.topology);
        if (input.closed) return network.close(); // the client is gone
        networks.set(++lastNumber, network);
        return lastNumber;
      }
      case 'run':
        return networkOf(request.network).run(request.host, request.limitMs)(request.file, request.args, request.input);
      case 'station':
        return atStation(await networkOf(request.network).station(request.host), request.request);
      case 'close': {
        const network = networkOf(request.network);
        networks.delete(request.network);
        return network.close();
      }
    }
  });
  input.on('close', () => {
    // A network that cannot be closed any more is gone with its machine.
    for (const network of networks.values()) network.close().catch(() => {});
  });

  function networkOf(number: number): Network {
    const network = networks.get(number);
    if (network === undefined) throw new Error(`network ${number} was closed`);
    return network;
  }
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
