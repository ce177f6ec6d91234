import { endpointText } from '../../../compiler/ir/ir.ts';
import { type Family, isFamily } from '../../../compiler/values/address.ts';
import { protocols } from '../../../compiler/values/port.ts';
import type { Run } from '../../command.ts';
import type { Scope } from '../../target.ts';
import type { EndpointTraffic, TrafficMeter, TrafficReading } from '../../traffic.ts';
import { parseEndpoint, parseServers } from '../program/parse.ts';
import { serverKey, type ServerKey, type VirtualServer } from '../program/servers.ts';
import { commandFailure } from './errors.ts';

/** Reads IPVS' own statistics, which every virtual server has. IPVS knows no names of Services. */
export async function openMeter(run: Run, { family }: Scope, isNeeded: boolean): Promise<TrafficMeter | undefined> {
  const { exitCode, stdout } = await run('ipvsadm', saving);
  if (!isNeeded && (exitCode !== 0 || serversOf(stdout, family).size === 0)) return undefined;
  return { source: 'the kernel (IPVS)', read: () => readTraffic(run, family) };
}

const saving = ['--save', '-n'];
const listing = ['-L', '-n', '--stats', '--exact'];

/** throws   IpvsError */
async function readTraffic(run: Run, family: Family): Promise<TrafficReading> {
  const servers = serversOf(await output(run, saving), family);
  return { counts: countsIn(await output(run, listing), servers), uncounted: undefined };
}

async function output(run: Run, args: readonly string[]): Promise<string> {
  const result = await run('ipvsadm', args);
  if (result.exitCode !== 0) throw commandFailure(['ipvsadm', ...args].join(' '), result);
  return result.stdout;
}

function serversOf(text: string, family: Family): ReadonlyMap<ServerKey, VirtualServer> {
  return new Map([...parseServers(text)].filter(([, { address }]) => isFamily(family)(address)));
}

/**
 * The output of `ipvsadm -L -n --stats --exact`, of the virtual servers that are asked for. Its columns: connections, packets in
 * and out, bytes in and out.
 */
export function countsIn(text: string, servers: ReadonlyMap<ServerKey, VirtualServer>): readonly EndpointTraffic[] {
  const counts: EndpointTraffic[] = [];
  let server: VirtualServer | undefined;
  for (const line of text.split('\n')) {
    const words = line.trim().split(/ +/);
    const [first, place] = words;
    const protocol = protocols.find((one) => one === first);
    const at = parseEndpoint(place);
    if (first !== '->') {
      server = at && protocol && servers.get(serverKey({ protocol, ...at }));
      continue;
    }
    const [connections, packetsIn, packetsOut, bytesIn, bytesOut] = words.slice(2).map(Number);
    if (server === undefined || at === undefined || !Number.isSafeInteger(connections)) continue;
    counts.push({
      servicePort: undefined,
      dialled: { address: server.address, port: server.port },
      protocol: server.protocol,
      endpoint: endpointText(at),
      connections: connections ?? 0,
      volume: { packets: (packetsIn ?? 0) + (packetsOut ?? 0), bytes: (bytesIn ?? 0) + (bytesOut ?? 0) },
      followsShares: followsShares(server),
    });
  }
  return counts;
}

/** Other schedulers look at connections or at addresses of clients; rr treats all alike, and is used for equal weights only. */
function followsShares({ scheduler, persistenceSeconds }: VirtualServer): boolean {
  return persistenceSeconds === undefined && ['rr', 'wrr'].includes(scheduler);
}
