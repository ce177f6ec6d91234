import { clientPod, member2Node, outside, twoClusters } from '../netns/clusters.ts';
import { bootNetwork, type LocalNetwork, type Network } from '../netns/network.ts';
import type { Answer, Transport } from '../netns/station-protocol.ts';

/** Tables of iptables mode by the tool that fills them, or the table of nftables mode. */
export type Mode = 'nft' | 'legacy' | 'nftables';
export const modes: readonly Mode[] = ['nft', 'legacy', 'nftables'];

/** The feature that a mode needs from the machine, by its name in `probeSupport`. */
export function featureOf(mode: Mode): 'nft' | 'legacy' {
  return mode === 'legacy' ? 'legacy' : 'nft';
}

/** Where a connection begins: a pod of the node, a pod that is an endpoint itself, the node, or elsewhere. */
export type Vantage = 'client' | 'pod' | 'node' | 'outside';

/** A new connection that a test opens, several times. */
export interface Dial {
  readonly from: Vantage;
  /** The host's own first address when absent. */
  readonly fromAddress?: string;
  readonly transport?: Transport;
  readonly to: string;
  readonly port: number;
}

/** Every endpoint address of both clusters serves on this port, under the name `address:port`. */
export const tcpPort = 8080;
export const udpPort = 5353;

/** Two clusters whose endpoints all serve; rules come later, with {@link Network.run} on the node. */
export async function bootWorld(): Promise<LocalNetwork> {
  const network = await bootNetwork(twoClusters);
  await serveWorld(network);
  return network;
}

/** The same servers on an existing network of the two clusters. */
export async function serveWorld(network: Network): Promise<void> {
  for (const [host, subnet] of [
    ['pod', '12'],
    ['remote', '10'],
  ] as const) {
    const station = await network.station(host);
    for (const n of [6, 7, 8, 9]) {
      for (const address of [`10.${subnet}.0.${n}`, `fd00:${subnet}::${n}`]) {
        await station.serve({ transport: 'tcp', address, port: tcpPort, name: endpointName(address, tcpPort) });
        await station.serve({ transport: 'udp', address, port: udpPort, name: endpointName(address, udpPort) });
      }
    }
  }
}

export function endpointName(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * The outcomes of new connections, each once, sorted: `10.12.0.6:8080` (the endpoint saw
 * the client), `10.12.0.6:8080 masqueraded` (it saw an address of the node), `refused`, `silence`.
 *
 * For a test that asks again until the outcomes are as they should be; {@link outcomesLike} is for a test that asks once.
 */
export async function outcomes(network: Network, dial: Dial, times = 40, waitMs = silenceMs): Promise<string[]> {
  return seenBy(network, dial, waitMs, (_seen, asked) => asked < times);
}

/**
 * The same for a test that knows what to expect. Chance may leave out an endpoint for a while, and a busy machine takes
 * its time to answer. So this asks on while an expected outcome is missing, and waits long where no silence is expected.
 */
export async function outcomesLike(
  network: Network,
  dial: Dial,
  wanted: readonly string[],
  times = 40,
): Promise<string[]> {
  const waitMs = wanted.includes('silence') ? silenceMs : undefined;
  const isMissing = (seen: ReadonlySet<string>): boolean => wanted.some((outcome) => !seen.has(outcome));
  return seenBy(network, dial, waitMs, (seen, asked) => asked < times || (asked < mostTimes && isMissing(seen)));
}

/** An endpoint with a share of 1 % is left out by so many connections once in 20,000 runs. */
const mostTimes = 1_000;

async function seenBy(
  network: Network,
  dial: Dial,
  waitMs: number | undefined,
  goesOn: (seen: ReadonlySet<string>, asked: number) => boolean,
): Promise<string[]> {
  const seen = new Set<string>();
  for (let asked = 0; goesOn(seen, asked); asked++) {
    const answer = await askOnce(network, dial, waitMs);
    seen.add(outcome(answer, sourceOf(dial)));
    // Waiting for silence takes long, and repeating it changes nothing.
    if (answer.kind !== 'answered') break;
  }
  return [...seen].sort();
}

/**
 * What counts as silence. Long enough for a second try: over veth an ICMPv6 refusal arrives while the kernel still holds
 * the connecting TCP socket, which then only notes it and gives up when its retry, after a second, is refused too.
 */
const silenceMs = 2_500;
/** waitMs   by default as long as it takes a busy machine to answer */
export async function askOnce(network: Network, dial: Dial, waitMs?: number): Promise<Answer> {
  const { from, transport = 'tcp', to: address, port } = dial;
  const station = await network.station(hostOf(from));
  // The node chooses its source after routing; a test of the node needs exactly this.
  const fromAddress = from === 'node' ? {} : { fromAddress: sourceOf(dial) };
  const timeout = waitMs === undefined ? {} : { timeoutMs: waitMs };
  return station.ask({ transport, address, port, ...timeout, ...fromAddress });
}

function outcome(answer: Answer, source: string): string {
  switch (answer.kind) {
    case 'answered': {
      if (nodeAddresses.includes(answer.from.address)) return `${answer.by} masqueraded`;
      return answer.from.address === source ? answer.by : `${answer.by} sees ${answer.from.address}`;
    }
    case 'refused':
    case 'silence':
      return answer.kind;
    case 'failed':
      return `failed: ${answer.code}`;
  }
}

const nodeAddresses: readonly string[] = ['172.18.0.12', 'fd00:18::12', '10.12.0.1', 'fd00:12::1', '127.0.0.1'];

export function hostOf(vantage: Vantage): string {
  return vantage === 'node' ? 'member2-node' : vantage;
}

/** The address from which the host dials when the dial names none. */
export function sourceOf({ from, fromAddress, to }: Dial): string {
  if (fromAddress !== undefined) return fromAddress;
  const family = to.includes(':') ? 'IPv6' : 'IPv4';
  switch (from) {
    case 'client':
      return clientPod[family];
    case 'pod':
      return family === 'IPv6' ? 'fd00:12::6' : '10.12.0.6';
    case 'node':
      return nodeAddresses.includes(to) ? to : member2Node[family];
    case 'outside':
      return outside[family];
  }
}
