import { endpointText } from '../../compiler/ir/ir.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { type Cidr, type Family, type IpAddress, parseAddress, splitCidr } from '../../compiler/values/address.ts';
import { compareText } from '../../compiler/values/names.ts';
import type { Port, Protocol } from '../../compiler/values/port.ts';
import { add, type Rational, rational, rationalKey } from '../../compiler/values/rational.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';

/** An address and port that a program does something about, as its rules and their comments tell. */
export interface FoundFrontend {
  /** `shop/cart:http`, kube-proxy's name for the Service port. */
  readonly servicePort: string;
  /** `external` where only a refusal is left, whose comment does not tell external IPs from load balancers. */
  readonly kind: 'cluster IP' | 'clusterset IP' | 'external IP' | 'loadbalancer IP' | 'external' | 'node port';
  /** undefined: any address of the node. */
  readonly address: IpAddress | undefined;
  readonly protocol: Protocol;
  readonly port: Port;
  /** A network whose clients the load balancer's firewall lets in; undefined: it has none, or lets in nobody. */
  readonly allowedFrom: Cidr | undefined;
  /** All rules that are only for it: where this is equal, so is what happens to its packets. */
  readonly rules: string;
}

/** A program, as far as its effect on traffic goes. */
export interface Side {
  readonly frontends: ReadonlyMap<string, FoundFrontend>;
  /** The rules by which packets come to the frontends: with other ones, equal rules of a frontend can mean something else. */
  readonly entry: string;
  readonly verdictOf: (packet: Packet) => Verdict;
}

/** What becomes of new connections from outside the node to one frontend. */
export type Fate =
  /** The program says nothing about it. */
  | { readonly kind: 'absent' }
  /** endpoint text → part of the connections; `refused` is the part that reaches none. */
  | { readonly kind: 'forward'; readonly shares: ReadonlyMap<string, Rational>; readonly refused: Rational }
  | { readonly kind: 'reject' | 'drop' | 'accept' | 'untouched' };

export interface FrontendChange {
  readonly servicePort: string;
  /** As it is afterwards; as it was, when it goes. */
  readonly frontend: FoundFrontend;
  readonly before: Fate;
  readonly after: Fate;
}

/**
 * Every frontend whose rules differ, by Service port and address, with its fate in both programs.
 * A change of rules that is none for new connections is in it too, with two equal fates. Where the
 * way to the frontends differs, each is looked at, and those that met another fate are in it as well.
 *
 * nodeIP   where node ports are dialled
 */
export function compareTraffic(before: Side, after: Side, family: Family, nodeIP: IpAddress): FrontendChange[] {
  const keys = [...new Set([...before.frontends.keys(), ...after.frontends.keys()])].sort(compareText);
  return keys.flatMap((key) => {
    const was = before.frontends.get(key);
    const is = after.frontends.get(key);
    const frontend = is ?? was;
    const isAsBefore = was?.rules === is?.rules;
    if (frontend === undefined || (isAsBefore && before.entry === after.entry)) return [];
    const change = {
      servicePort: frontend.servicePort,
      frontend,
      before: was === undefined ? absent : toFate(before.verdictOf(packetTo(was, family, nodeIP))),
      after: is === undefined ? absent : toFate(after.verdictOf(packetTo(is, family, nodeIP))),
    };
    return isAsBefore && fateText(change.before) === fateText(change.after) ? [] : [change];
  });
}

const absent: Fate = { kind: 'absent' };

/** A client that is nobody's pod or node: from the documentation's networks (RFC 5737, RFC 3849). */
const strangers: Readonly<Record<Family, IpAddress | undefined>> = {
  IPv4: parseAddress('198.51.100.77'),
  IPv6: parseAddress('2001:db8:5ace::77'),
};

function packetTo(frontend: FoundFrontend, family: Family, nodeIP: IpAddress): Packet {
  const { address, allowedFrom, protocol, port } = frontend;
  return {
    family,
    protocol,
    source: allowedFrom === undefined ? (strangers[family] ?? nodeIP) : splitCidr(allowedFrom).address,
    destination: address ?? nodeIP,
    destinationPort: port,
    from: { kind: 'interface', name: 'eth0' },
  };
}

function toFate(verdict: Verdict): Fate {
  switch (verdict.kind) {
    case 'forward':
      return { kind: 'forward', shares: sharesOf(verdict.to), refused: rational(0) };
    case 'mixed':
      return {
        kind: 'forward',
        shares: sharesOf(verdict.to),
        refused: verdict.rest.reduce((sum, { share }) => add(sum, share), rational(0)),
      };
    case 'reject':
    case 'drop':
    case 'accept':
    case 'untouched':
      return { kind: verdict.kind };
    default:
      return unreachable(verdict);
  }
}

/** An endpoint is met twice where some of its connections are masqueraded. */
function sharesOf(to: Extract<Verdict, { kind: 'forward' }>['to']): Map<string, Rational> {
  const shares = new Map<string, Rational>();
  for (const { address, port, share } of to) {
    const text = endpointText({ address, port });
    shares.set(text, add(shares.get(text) ?? rational(0), share));
  }
  return shares;
}

/** Endpoints that new connections reach. */
export function endpointsOf(fate: Fate): ReadonlySet<string> {
  return new Set(fate.kind === 'forward' ? fate.shares.keys() : []);
}

/** Of large Services these are megabytes, and asked for many times. */
const texts = new WeakMap<Fate, string>();

/** Equal for equal fates. */
export function fateText(fate: Fate): string {
  if (fate.kind !== 'forward') return fate.kind;
  const known = texts.get(fate);
  if (known !== undefined) return known;
  const shares = [...fate.shares].map(([endpoint, share]) => `${endpoint} ${rationalKey(share)}`);
  const text = [fate.kind, ...shares, rationalKey(fate.refused)].join(' ');
  texts.set(fate, text);
  return text;
}

/** How many endpoints new connections reach: each Service port counts its own. */
export function countReached(side: Side, family: Family, nodeIP: IpAddress): number {
  const all = compareTraffic(side, { ...side, frontends: new Map() }, family, nodeIP);
  const reached = all.flatMap(({ servicePort, before }) =>
    [...endpointsOf(before)].map((endpoint) => `${servicePort} ${endpoint}`),
  );
  return new Set(reached).size;
}
