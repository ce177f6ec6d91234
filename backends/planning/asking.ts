import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { isLoopback } from '../../compiler/semantics/place.ts';
import type { IpAddress } from '../../compiler/values/address.ts';
import { bothSigns, type Client, clientsFor, loopbackOf, noSigns } from './clients.ts';
import { absent, createFates, type Fate, isForward } from './fate.ts';
import type { ClientFates, FoundFrontend, Side } from './side.ts';

export interface Question {
  readonly before: Side;
  readonly after: Side;
  readonly was: FoundFrontend | undefined;
  readonly is: FoundFrontend | undefined;
  readonly node: NodeContext;
  readonly isEntryAlike: boolean;
}

/** What happens to every kind of client of a frontend on both sides. */
export function askBoth({ before, after, was, is, node, isEntryAlike }: Question): ClientFates[] {
  const frontend = is ?? was;
  if (frontend === undefined) return [];
  const fateOf = createFates();
  const asked: ClientFates[] = [];
  for (const { client, at, packet } of packetsTo(frontend, was, is, node, isEntryAlike)) {
    const [old, now] = [before, after].map((side) => fateOf(asSeenOf(client, side.verdictOf(packet)))) as [Fate, Fate];
    const isAlike = old === now;
    asked.push({
      client,
      at,
      before: was === undefined && !isAlike && !isForward(old) ? absent : old,
      after: is === undefined && !isAlike && !isForward(now) ? absent : now,
    });
    if ((was === undefined || is === undefined) && isTold(asked)) break;
  }
  return asked;
}

/** What the node sends has an address of the node, whether the rules give it another one of them or not. */
function asSeenOf({ kind }: Client, verdict: Verdict): Verdict {
  if (kind !== 'node' || (verdict.kind !== 'forward' && verdict.kind !== 'mixed')) return verdict;
  return { ...verdict, to: verdict.to.map((share) => (share.masquerade ? share : { ...share, masquerade: true })) };
}

/** Whether it is known already what a client gets at a frontend that comes or goes. */
function isTold(asked: readonly ClientFates[]): boolean {
  return asked.some(({ before, after }) => before !== after && (isForward(before) || isForward(after)));
}

interface Asked extends Pick<ClientFates, 'client' | 'at'> {
  readonly packet: Packet;
}

/** One packet of each kind of client, and where the way to the frontends differs, more for each place that is dialled. */
export function packetsTo(
  frontend: FoundFrontend,
  was: FoundFrontend | undefined,
  is: FoundFrontend | undefined,
  node: NodeContext,
  isEntryAlike: boolean,
): Asked[] {
  const signs = bothSigns(was?.signs ?? noSigns, is?.signs ?? noSigns);
  const allowed = [was?.allowedFrom, is?.allowedFrom].filter((ranges) => ranges !== undefined);
  const vips = allowed.length > 0 && frontend.address !== undefined ? [frontend.address] : [];
  const clients = clientsFor(signs, allowed, node, vips);
  const [first = node.nodeIP, ...others] = destinationsOf(frontend, was, is, node, isEntryAlike);
  const fromOutside = clients.find(({ kind }) => kind === 'outside');
  const fromNode = clients.find(({ kind }) => kind === 'node');
  const loopback = loopbackOf(node);
  return [
    ...clients.flatMap((client) => askedBy(client, first, frontend, node)),
    ...others.flatMap((at) => {
      const fromHere = fromNode && { ...fromNode, source: at === loopback ? loopback : fromNode.source };
      // Only the node itself gets a packet to its loopback addresses.
      return [at === loopback ? undefined : fromOutside, fromHere].flatMap((client) =>
        client === undefined ? [] : askedBy(client, at, frontend, node).map((one) => ({ ...one, at })),
      );
    }),
  ];
}

/** What arrives from outside never has the address that it is for. */
function askedBy(
  client: Client,
  destination: IpAddress,
  { protocol, port }: FoundFrontend,
  { family }: NodeContext,
): Asked[] {
  const { source, from } = client;
  if (from.kind === 'interface' && source === destination) return [];
  return [{ client, at: undefined, packet: { family, protocol, source, destination, destinationPort: port, from } }];
}

/** How many of the node's addresses a node port is dialled at where they may differ. */
const fewAddresses = 4;

/** The usual one first. */
function destinationsOf(
  { address }: FoundFrontend,
  was: FoundFrontend | undefined,
  is: FoundFrontend | undefined,
  node: NodeContext,
  isEntryAlike: boolean,
): readonly IpAddress[] {
  if (address !== undefined) return [address];
  const sorts = [...(was?.at ?? []), ...(is?.at ?? [])];
  if (isEntryAlike) return [...new Set([usualAddress(node), ...sorts])];
  const more = [node.nodeIP, ...node.addresses.slice(0, fewAddresses), loopbackOf(node)];
  return [...new Set([usualAddress(node), ...sorts, ...more])];
}

/** The address at which a node port is dialled: the node's own, unless node ports are served only at other addresses. */
function usualAddress({ nodeIP, nodePorts }: NodeContext): IpAddress {
  if (nodePorts.kind === 'all' || nodePorts.addresses.includes(nodeIP)) return nodeIP;
  return nodePorts.addresses.find((address) => !isLoopback(address)) ?? nodeIP;
}
