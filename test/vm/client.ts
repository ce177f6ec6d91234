import type { CommandResult } from '../../backends/command.ts';
import type { Network } from '../netns/network.ts';
import type { Station } from '../netns/station-client.ts';
import type { Answer, LoadReport, Request as StationRequest } from '../netns/station-protocol.ts';
import type { Topology } from '../netns/topology.ts';
import type { MachineRequest } from './protocol.ts';
import type { Ask } from './rpc.ts';

/** A network inside the machine, with the interface of a local one. */
export async function bootOver(ask: Ask<MachineRequest>, topology: Topology): Promise<Network> {
  const network = (await ask({ kind: 'boot', topology })) as number;
  const known = new Set(topology.hosts.map(({ name }) => name));
  const close = async (): Promise<void> => void (await ask({ kind: 'close', network }));
  return {
    run(host, limitMs) {
      if (!known.has(host)) throw new Error(`no host ${host} in this network`);
      return async (file, args, input) =>
        (await ask({ kind: 'run', network, host, file, args, input, limitMs })) as CommandResult;
    },
    station: async (host) => stationOver((request) => ask({ kind: 'station', network, host, request })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A first answer can take seconds under emulation; a test that expects silence sets its own time. */
const patienceMs = 30_000;

function stationOver(request: (what: StationRequest) => Promise<unknown>): Station {
  return {
    serve: async (server) => void (await request({ kind: 'serve', server })),
    ask: async (question) =>
      (await request({ kind: 'ask', question: { timeoutMs: patienceMs, ...question } })) as Answer,
    startLoad: async (load) => void (await request({ kind: 'startLoad', load })),
    stopLoad: async () => (await request({ kind: 'stopLoad' })) as LoadReport,
    close: async () => {}, // it ends with its network
  };
}
