import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { type Cidr, type IpAddress } from '../../compiler/values/address.ts';
import { compareText } from '../../compiler/values/names.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';
import { bothSigns, type Client, clientsFor, loopbackOf, noSigns, type Signs } from './clients.ts';
import { absent, createFates, endpointsOf, type Fate, isForward } from './fate.ts';

/** An address and port that a program does something about, as its rules and their comments tell. */
export interface FoundFrontend {
  /** `shop/cart:http`, kube-proxy's name for the Service port. */
  readonly servicePort: string;
  /** `external` where only a refusal is left, whose comment does not tell external IPs from load balancers. */
  readonly kind:
    | 'cluster IP'
    | 'clusterset IP'
    | 'external IP'
    | 'loadbalancer IP'
    | 'external'
    | 'node port'
    | 'health check node port';
  /** undefined: any address of the node. */
  readonly address: IpAddress | undefined;
  readonly protocol: Protocol;
  readonly port: Port;
  /** Networks whose clients a load balancer's firewall lets in, none at all among them; undefined: there is no firewall. */
  readonly allowedFrom: readonly Cidr[] | undefined;
  /** What its rules tell clients apart by, `allowedFrom` included. */
  readonly signs: Signs;
  /** How long a client is remembered; undefined: it is not. */
  readonly affinitySeconds: number | undefined;
  /** Of a node port that is not served alike everywhere: addresses of the node to dial, one of each sort. */
  readonly at?: readonly IpAddress[];
  /** All rules that are only for it: where this is equal, so is what happens to its packets. */
  readonly rules: string;
}

/** Stands for the Service where only the objects could tell whose a frontend is, and none of them has it any more. */
export const nobodys = 'frontends of no Service';

/** A program, as far as its effect on traffic goes. */
export interface Side {
  /** By {@link frontendKey}. */
  readonly frontends: ReadonlyMap<string, FoundFrontend>;
  /** The rules by which packets come to the frontends: with other ones, equal rules of a frontend can mean something else. */
  readonly entry: string;
  readonly verdictOf: (packet: Packet) => Verdict;
}

/**
 * What clients dial, and nothing else: the same in every backend, whosever it is. A Service that is renamed, or a port,
 * changes nothing for them.
 */
export function frontendKey({
  kind,
  protocol,
  address,
  port,
}: Pick<FoundFrontend, 'kind' | 'protocol' | 'address' | 'port'>): string {
  const where = kind === 'health check node port' ? 'health-check' : (address ?? 'node');
  return `${where} ${protocol} ${port}`;
}

/** One kind of client, with its fate in both programs. Equal fates are one value. */
export interface ClientFates {
  readonly client: Client;
  readonly before: Fate;
  readonly after: Fate;
}

export interface FrontendChange {
  /** As it is afterwards; as it was, when it goes. */
  readonly servicePort: string;
  readonly was: FoundFrontend | undefined;
  readonly is: FoundFrontend | undefined;
  /** `is`, or `was` when it goes. */
  readonly frontend: FoundFrontend;
  /** Of the client that it is told by: one from outside, of those that are let in if there are such. */
  readonly before: Fate;
  readonly after: Fate;
  /**
   * Every kind of client, those from outside first. Of a frontend that comes or goes as many as it takes to say
   * what it is or was.
   */
  readonly clients: readonly ClientFates[];
  /** Some client reaches an endpoint of the Service port afterwards, at this frontend or at another one. */
  readonly isPortServed: boolean;
}

/**
 * Every frontend whose rules differ, by what clients dial, with what becomes of them in both programs. A change of rules
 * that is none for new connections is in it too, with equal fates. Where the way to the frontends differs, each is looked
 * at, and those that are another to some client are in it as well.
 *
 * Both programs are asked by the same clients: those that the rules of either can tell from others. So a network that only
 * one of them knows is asked of both. Their number grows with the networks that the rules name, not with endpoints.
 */
export function compareTraffic(before: Side, after: Side, node: NodeContext): FrontendChange[] {
  const keys = [...new Set([...before.frontends.keys(), ...after.frontends.keys()])].sort(compareText);
  const isEntryAlike = before.entry === after.entry;
  const unasked: FoundFrontend[] = [];
  const changes = keys.flatMap((key): Omit<FrontendChange, 'isPortServed'>[] => {
    const was = before.frontends.get(key);
    const is = after.frontends.get(key);
    const frontend = is ?? was;
    if (frontend === undefined) return [];
    const isAsBefore = was !== undefined && is !== undefined && isSaidAlike(was, is);
    if (isAsBefore && isEntryAlike) {
      unasked.push(is);
      return [];
    }
    const clients = askBoth({ before, after, was, is, node, isEntryAlike });
    if (isAsBefore && clients.every((one) => one.before === one.after)) return [];
    const told = tellingClient(clients);
    return [
      {
        servicePort: frontend.servicePort,
        ...{ was, is, clients },
        frontend: is === undefined || was === undefined ? frontend : withKnownKind(is, was),
        before: told?.before ?? absent,
        after: told?.after ?? absent,
      },
    ];
  });
  const served = servedPorts(changes, unasked, after, node);
  return changes.map((change) => ({ ...change, isPortServed: served.has(change.servicePort) }));
}

function isSaidAlike(was: FoundFrontend, is: FoundFrontend): boolean {
  return was.rules === is.rules && was.servicePort === is.servicePort && was.affinitySeconds === is.affinitySeconds;
}

/** Rules that only refuse do not say which external address it is; those of the other side may. */
function withKnownKind(is: FoundFrontend, was: FoundFrontend): FoundFrontend {
  return is.kind === 'external' && was.address !== undefined ? { ...is, kind: was.kind } : is;
}

interface Question {
  readonly before: Side;
  readonly after: Side;
  readonly was: FoundFrontend | undefined;
  readonly is: FoundFrontend | undefined;
  readonly node: NodeContext;
  readonly isEntryAlike: boolean;
}

function askBoth({ before, after, was, is, node, isEntryAlike }: Question): ClientFates[] {
  const frontend = is ?? was;
  if (frontend === undefined) return [];
  const fateOf = createFates();
  const asked: ClientFates[] = [];
  for (const { client, packet } of packetsTo(frontend, was, is, node, isEntryAlike)) {
    const [old, now] = [before, after].map((side) => fateOf(asSeenOf(client, side.verdictOf(packet)))) as [Fate, Fate];
    const isAlike = old === now;
    asked.push({
      client,
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

/** Whether it is known already what somebody gets at a frontend that comes or goes. */
function isTold(asked: readonly ClientFates[]): boolean {
  return asked.some(({ before, after }) => before !== after && (isForward(before) || isForward(after)));
}

interface Asked {
  readonly client: Client;
  readonly packet: Packet;
}

/** One packet of each kind of client, and where the way to the frontends differs, more for each place that is dialled. */
function packetsTo(
  frontend: FoundFrontend,
  was: FoundFrontend | undefined,
  is: FoundFrontend | undefined,
  node: NodeContext,
  isEntryAlike: boolean,
): Asked[] {
  const signs = bothSigns(was?.signs ?? noSigns, is?.signs ?? noSigns);
  const isGuarded = was?.allowedFrom !== undefined || is?.allowedFrom !== undefined;
  const vips = isGuarded && frontend.address !== undefined ? [frontend.address] : [];
  const clients = clientsFor(signs, node, vips);
  const [first = node.nodeIP, ...others] = destinationsOf(frontend, was, is, node, isEntryAlike);
  const fromOutside = clients.find(({ kind }) => kind === 'outside');
  const fromNode = clients.find(({ kind }) => kind === 'node');
  const loopback = loopbackOf(node);
  return [
    ...clients.flatMap((client) => askedBy(client, first, frontend, node)),
    ...others.flatMap((destination) =>
      [fromOutside, fromNode].flatMap((client) => {
        if (client === undefined) return [];
        const source = destination === loopback && client.kind === 'node' ? loopback : client.source;
        return askedBy({ ...client, source, publicSize: 0n }, destination, frontend, node);
      }),
    ),
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
  return [{ client, packet: { family, protocol, source, destination, destinationPort: port, from } }];
}

/** How many of the node's addresses a node port is dialled at where they may differ. */
const fewAddresses = 4;

function destinationsOf(
  { address }: FoundFrontend,
  was: FoundFrontend | undefined,
  is: FoundFrontend | undefined,
  node: NodeContext,
  isEntryAlike: boolean,
): readonly IpAddress[] {
  if (address !== undefined) return [address];
  const sorts = [...(was?.at ?? []), ...(is?.at ?? [])];
  if (isEntryAlike) return [...new Set([node.nodeIP, ...sorts])];
  return [...new Set([node.nodeIP, ...sorts, ...node.addresses.slice(0, fewAddresses), loopbackOf(node)])];
}

/** Whose fates say most of a frontend: the first that is served on both sides, else on one, else whoever comes first. */
function tellingClient(clients: readonly ClientFates[]): ClientFates | undefined {
  const outside = clients.filter(({ client }) => client.kind === 'outside');
  return (
    outside.find(({ before, after }) => isForward(before) && isForward(after)) ??
    outside.find(({ after }) => isForward(after)) ??
    outside.find(({ before }) => isForward(before)) ??
    outside.find(({ before, after }) => before !== after) ??
    outside[0] ??
    clients[0]
  );
}

/** Service ports that somebody gets at afterwards. Of frontends that stay as they are one client is asked, and only if it matters. */
function servedPorts(
  changes: readonly Omit<FrontendChange, 'isPortServed'>[],
  unasked: readonly FoundFrontend[],
  after: Side,
  node: NodeContext,
): ReadonlySet<string> {
  const served = new Set<string>();
  const doubtful = new Set<string>();
  for (const { servicePort, clients } of changes) {
    if (clients.some((one) => isForward(one.after))) served.add(servicePort);
    else doubtful.add(servicePort);
  }
  for (const frontend of unasked) {
    if (!doubtful.has(frontend.servicePort) || served.has(frontend.servicePort)) continue;
    const asked = packetsTo(frontend, undefined, frontend, node, true);
    if (asked.some(({ packet }) => ['forward', 'mixed'].includes(after.verdictOf(packet).kind)))
      served.add(frontend.servicePort);
  }
  return served;
}

/** How many endpoints new connections reach: each Service port counts its own. */
export function countReached(side: Side, node: NodeContext): number {
  const nothing: Side = { frontends: new Map(), entry: side.entry, verdictOf: () => ({ kind: 'untouched' }) };
  const reached = compareTraffic(side, nothing, node).flatMap(({ servicePort, before }) =>
    [...endpointsOf(before)].map((endpoint) => `${servicePort} ${endpoint}`),
  );
  return new Set(reached).size;
}
