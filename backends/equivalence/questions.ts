import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import { type Cidr, hostCidr, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import type { Question } from './look.ts';
import { addressIn, addressOutside, kindOf, representatives } from './regions.ts';

/** The sender of a packet, as far as rules can tell. */
export interface Client {
  readonly source: IpAddress;
  readonly from: Packet['from'];
  readonly remembered?: NonNullable<Packet['remembered']>;
}

/** What was asked about the clients of one place. */
export interface Questions {
  readonly sources: Set<Cidr>;
  readonly interfaces: Map<string, Extract<Question, { kind: 'interface' }>>;
  readonly remembered: Map<string, NonNullable<Packet['remembered']>>;
}

export function createQuestions(): Questions {
  return { sources: new Set(), interfaces: new Map(), remembered: new Map() };
}

export function countQuestions({ sources, interfaces, remembered }: Questions): number {
  return sources.size + interfaces.size + remembered.size;
}

/** Kinds of sources, and of remembered endpoints, that are tried at one place: a Service's endpoints can be thousands. */
const most = 128;

export interface Clients {
  readonly tried: readonly Client[];
  /** More kinds are told apart than are tried. */
  readonly isSampled: boolean;
}

/**
 * One client of every kind that the questions tell apart: every source network by every interface, and what affinity
 * remembers. Left out is what no kernel lets through: a packet that arrives with an address of the node, or is sent to its
 * own address.
 */
export function clientsOf(questions: Questions, destination: IpAddress, node: NodeContext): Clients {
  const interfaces = interfaceKinds(questions);
  // A source from which no kernel lets packets through cannot represent its kind; the kind gets another representative.
  const told = [...questions.sources, ...[destination, ...node.addresses].map(hostCidr)];
  const sources = representatives(told);
  const outside = strangerTo(told, node);
  const far = [...(outside === undefined ? [] : [outside]), ...sources].filter(
    (source) => source !== destination && !isNodeAddress(source, node),
  );
  const near = nodeSources(questions.sources, node);
  const chosen = sample(far);
  const base: Client[] = [
    ...chosen.flatMap((source) => interfaces.map((name): Client => ({ source, from: { kind: 'interface', name } }))),
    ...near.map((source): Client => ({ source, from: { kind: 'node' } })),
  ];
  const remembered = sample([...questions.remembered.values()]);
  const again = remembered.flatMap((endpoint) =>
    base.slice(0, mostRemembering).map((client) => ({ ...client, remembered: endpoint })),
  );
  const isSampled =
    chosen.length < far.length ||
    remembered.length < questions.remembered.size ||
    (remembered.length > 0 && base.length > mostRemembering);
  return { tried: [...base, ...again], isSampled };
}

/**
 * Whether a kind of sources has no member but the destination itself, which sends itself nothing: a destination of the same
 * kind then has to show what happens to its packets.
 */
export function isOnlyOfItsKind({ sources }: Questions, destination: IpAddress): boolean {
  const kind = kindOf(destination, sources);
  return kind !== undefined && addressIn(kind, sources, [destination]) === undefined;
}

/** Clients that are tried with every remembered endpoint. */
const mostRemembering = 16;

/** All, or as many as are tried, from first to last. */
function sample<T>(values: readonly T[]): readonly T[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_, i) => values[Math.floor((i * (values.length - 1)) / (most - 1))]).filter(
    (value) => value !== undefined,
  );
}

/** One name for every kind of interface; the first is of no kind that was asked for. */
function interfaceKinds({ interfaces }: Questions): string[] {
  const asked = [...interfaces.values()].filter(({ name }) => name !== 'lo');
  const signature = (name: string) =>
    asked.map((one) => (one.prefix ? name.startsWith(one.name) : name === one.name)).join();
  const kinds = new Map<string, string>();
  const candidates = ['eth0', 'other0', ...asked.map(({ name, prefix }) => (prefix ? `${name}0` : name))];
  for (const name of candidates) if (!kinds.has(signature(name))) kinds.set(signature(name), name);
  return [...kinds.values()];
}

/** Addresses of documentation networks (RFC 5737, RFC 3849) first: a reader sees that they are only examples. */
const strangers = {
  IPv4: ['198.51.100.77', '203.0.113.77', '192.0.2.77', '11.0.0.1'],
  IPv6: ['2001:db8:5ace::77', '2001:db8:ffff::77', '2620:fe::77'],
} as const;

export function strangerTo(networks: Iterable<Cidr>, node: NodeContext): IpAddress | undefined {
  const known = [...networks];
  const candidates = strangers[node.family].map((text) => parseAddress(text)).filter((one) => one !== undefined);
  const usual = candidates.find((one) => kindOf(one, known) === undefined && !isNodeAddress(one, node));
  const [start] = candidates;
  return usual ?? (start && addressOutside(known, start, node.family));
}

/** One of the node's own addresses for each kind, and loopback. */
function nodeSources(networks: Iterable<Cidr>, node: NodeContext): IpAddress[] {
  const known = [...networks];
  const loopback = parseAddress(node.family === 'IPv4' ? '127.0.0.1' : '::1');
  const kinds = new Map<string, IpAddress>();
  for (const address of [node.nodeIP, ...node.addresses, ...(loopback === undefined ? [] : [loopback])]) {
    const kind = `${address === loopback ? 'loopback' : ''} ${kindOf(address, known) ?? ''}`;
    if (!kinds.has(kind)) kinds.set(kind, address);
  }
  return [...kinds.values()];
}
