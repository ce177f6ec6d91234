import { endpointText } from '../../compiler/ir/ir.ts';
import { type Cidr, type IpAddress, splitCidr } from '../../compiler/values/address.ts';
import type { Client } from './clients.ts';
import { type Fate, type Forward, isForward } from './fate.ts';
import { narrowest } from './networks.ts';
import type { ClientFates, FoundFrontend } from './side.ts';
import type { FrontendChange } from './traffic.ts';

/*
 * What a change means to clients, beside endpoints and shares. Everything here is derived from fates, that is, from what
 * rules do and not from fields.
 */

/** Clients that a load balancer's firewall now lets in and did not before, and the reverse. */
export interface AccessChange {
  readonly opened: Clients;
  readonly closed: Clients;
}

/** `everyone`: clients that no range names. Networks as the side names them that lets them in. */
export interface Clients {
  readonly everyone: boolean;
  readonly networks: readonly Cidr[];
}

/** undefined: the same clients are let in as before. */
export function accessChange(change: FrontendChange): AccessChange | undefined {
  const { was, is, clients } = change;
  if (was === undefined || is === undefined) return undefined;
  const access = {
    opened: named(
      clients.filter((one) => isOpened(one, was)),
      is.allowedFrom,
    ),
    closed: named(
      clients.filter((one) => isClosed(one, is)),
      was.allowedFrom,
    ),
  };
  return isNobody(access.opened) && isNobody(access.closed) ? undefined : access;
}

/** Whether it is the firewall that lets a client in, or keeps it out, from now on. */
export function isAccess(one: ClientFates, { was, is }: FrontendChange): boolean {
  return was !== undefined && is !== undefined && (isOpened(one, was) || isClosed(one, is));
}

function isOpened({ client, before, after }: ClientFates, was: FoundFrontend): boolean {
  return before.kind === 'drop' && isForward(after) && isShutOut(client, was);
}

function isClosed({ client, before, after }: ClientFates, is: FoundFrontend): boolean {
  return isForward(before) && after.kind === 'drop' && isShutOut(client, is);
}

/** Decided by source ranges. If a packet is dropped although they let it in, an endpoint is missing. */
function isShutOut({ source }: Client, { allowedFrom }: FoundFrontend): boolean {
  return allowedFrom !== undefined && narrowest(allowedFrom, source) === undefined;
}

function isNobody({ everyone, networks }: Clients): boolean {
  return !everyone && networks.length === 0;
}

/** ranges   those that let the clients in; undefined: everyone is let in */
function named(clients: readonly ClientFates[], ranges: readonly Cidr[] | undefined): Clients {
  const found = clients.flatMap(({ client }) =>
    client.alike.map((source) => ({ client, range: narrowest(ranges ?? [], source) })),
  );
  const isEveryone = ({ client, range }: { readonly client: Client; readonly range: Cidr | undefined }) =>
    range === undefined ? client.kind === 'outside' || ranges === undefined : splitCidr(range).length === 0;
  return {
    everyone: found.some(isEveryone),
    networks: [...new Set(found.flatMap((one) => (isEveryone(one) || one.range === undefined ? [] : [one.range])))],
  };
}

/** How many of the internet's addresses get through to an endpoint, in millionths. */
export function publicReach(clients: readonly ClientFates[], side: 'before' | 'after', all: bigint): number {
  const reached = clients.reduce((sum, one) => (isForward(one[side]) ? sum + one.client.publicSize : sum), 0n);
  return Number((reached * 1_000_000n) / all);
}

/** What endpoints see of clients from now on, where they saw another address before. */
export interface SourceChange {
  /** A kind of client; networks: only those in them. */
  readonly kind: 'outside' | 'pod';
  readonly networks: readonly Cidr[] | undefined;
  /** `client's`: endpoints see the client's own address now; `node's`: one of this node. */
  readonly seen: "client's" | "node's";
  /** Counted among the endpoints that serve before and after; undefined: all. */
  readonly endpoints: { readonly changed: number; readonly of: number } | undefined;
}

/** One for each kind of client, outside first. Endpoints see the node by its own address anyway. */
export function sourceChanges({ clients }: FrontendChange): SourceChange[] {
  return (['outside', 'pod'] as const).flatMap((kind) => {
    const served = clients.filter((one) => one.client.kind === kind && isForward(one.before) && isForward(one.after));
    const changed = served.flatMap((one) => {
      const change = sourceChange(one);
      return change === undefined ? [] : [{ ...change, network: one.client.network }];
    });
    const isAll = changed.length === served.length;
    const alike = Map.groupBy(changed, ({ seen, endpoints }) => `${seen} ${endpoints?.changed} ${endpoints?.of}`);
    return [...alike.values()].map((same): SourceChange => {
      const [{ seen, endpoints }] = same as [(typeof same)[number]];
      const networks = same.flatMap(({ network }) => (network === undefined ? [] : [network]));
      // Where those that are in no network are among them, they are nearly everyone.
      const isOfSome = !(isAll && alike.size === 1) && networks.length === same.length;
      return { kind, networks: isOfSome ? [...new Set(networks)] : undefined, seen, endpoints };
    });
  });
}

function sourceChange({ before, after }: ClientFates): Pick<SourceChange, 'seen' | 'endpoints'> | undefined {
  if (before === after || !isForward(before) || !isForward(after)) return undefined;
  const [was, is] = [masqueradeOf(before), masqueradeOf(after)];
  if (was === is && was !== 'some') return undefined;
  if (was !== 'some' && is !== 'some') return { seen: is === 'all' ? "node's" : "client's", endpoints: undefined };
  const common = [...after.shares.keys()].filter((endpoint) => before.shares.has(endpoint));
  const replaced = common.filter((one) => after.masqueraded.has(one) && !before.masqueraded.has(one));
  const kept = common.filter((one) => !after.masqueraded.has(one) && before.masqueraded.has(one));
  if (replaced.length + kept.length === 0) return undefined;
  const [seen, changed] = replaced.length >= kept.length ? ["node's" as const, replaced] : ["client's" as const, kept];
  return { seen, endpoints: { changed: changed.length, of: common.length } };
}

function masqueradeOf({ shares, masqueraded }: Forward): 'none' | 'some' | 'all' {
  return masqueraded.size === 0 ? 'none' : masqueraded.size === shares.size ? 'all' : 'some';
}

export interface AffinityChange {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** undefined: clients come back to an endpoint as before, or no client could. */
export function affinityChange({ was, is, clients }: FrontendChange): AffinityChange | undefined {
  const [before, after] = [was?.affinitySeconds, is?.affinitySeconds];
  if (was === undefined || is === undefined || before === after) return undefined;
  return clients.some((one) => isForward(one.before) && isForward(one.after)) ? { before, after } : undefined;
}

/** Whether any client notices. */
export function isNoticed(change: FrontendChange): boolean {
  const all = [...change.clients, ...change.elsewhere];
  return all.some(({ before, after }) => before !== after) || affinityChange(change) !== undefined;
}

const kindWords = { outside: 'outside clients', pod: 'pods', node: 'this node' } as const;

/** `outside clients`, `pods and this node`, `all clients`. */
export function kindsText(kinds: readonly Client['kind'][]): string {
  if (kinds.length === 3) return 'all clients';
  return [...new Set(kinds)].map((kind) => kindWords[kind]).join(' and ');
}

/** `outside clients now keep their address`. */
export function sourceText(changes: readonly SourceChange[]): string[] {
  const groups = Map.groupBy(changes, ({ seen, endpoints }) => `${seen} ${endpoints?.changed} ${endpoints?.of}`);
  return [...groups.values()].map((alike) => {
    const [{ seen, endpoints }] = alike as [SourceChange];
    const whole = alike.filter(({ networks }) => networks === undefined).map(({ kind }) => kind);
    const some = alike.flatMap(({ networks }) =>
      networks === undefined ? [] : [`clients in ${rangesText(networks, 1)}`],
    );
    const who = [...(whole.length === 0 ? [] : [kindsText(whole)]), ...some].join(' and ');
    const verb = seen === "client's" ? 'now keep their address' : "are now seen with the node's address";
    const where = endpoints === undefined ? '' : ` at ${endpoints.changed} of ${endpoints.of} endpoints`;
    return `${who} ${verb}${where}`;
  });
}

/** `198.51.100.0/24, 10.0.0.0/8 and 7 more ranges`; most: how many are named. */
export function rangesText(ranges: readonly Cidr[], most: number): string {
  if (ranges.length === 0) return 'nowhere';
  const shown = ranges.slice(0, most).join(', ');
  const more = ranges.length - Math.min(most, ranges.length);
  return more === 0 ? shown : `${shown} and ${more} more ${more === 1 ? 'range' : 'ranges'}`;
}

/**
 * Clients that can reach a frontend from now on and could not before, and the reverse.
 *
 * most   how many ranges are named of each
 */
export function accessText(change: FrontendChange, { opened, closed }: AccessChange, most: number): string[] {
  const [before = [], after = []] = [change.was?.allowedFrom, change.is?.allowedFrom];
  const texts: string[] = [];
  if (opened.everyone) texts.push(`reachable from everywhere, previously only from ${rangesText(before, most)}`);
  else if (opened.networks.length > 0) texts.push(`also reachable from ${rangesText(opened.networks, most)}`);
  if (closed.everyone) texts.push(`reachable only from ${rangesText(after, most)}, previously from everywhere`);
  else if (closed.networks.length > 0) {
    const within = after.filter((range) =>
      closed.networks.some((wider) => narrowest([wider], splitCidr(range).address)),
    );
    const except = within.length === 0 ? '' : `, except ${rangesText(within, most)}`;
    texts.push(`no longer reachable from ${rangesText(closed.networks, most)}${except}`);
  }
  return texts;
}

/** `session affinity on (600 s)`. */
export function affinityText({ before, after }: AffinityChange): string {
  if (before === undefined) return `session affinity on (${after} s)`;
  return after === undefined ? 'session affinity off' : `session affinity ${before} s → ${after} s`;
}

/** `loadbalancer IP 203.0.113.1:80/TCP`, `node port 30080/TCP`. */
export function frontendText({ kind, address, port, protocol }: FrontendChange['frontend']): string {
  if (address === undefined) return `${kind} ${port}/${protocol}`;
  return `${kind === 'external' ? 'external address' : kind} ${endpointText({ address, port })}/${protocol}`;
}

/** Addresses of the node at which a node port is answered from now on and was not, and the reverse. */
export function placeChanges({
  elsewhere,
}: FrontendChange): Readonly<Record<'opened' | 'closed', readonly IpAddress[]>> {
  const at = (is: (one: ClientFates) => boolean) => [
    ...new Set(elsewhere.filter(is).flatMap((one) => (one.at === undefined ? [] : [one.at]))),
  ];
  return {
    opened: at(({ before, after }) => !isForward(before) && isForward(after)),
    closed: at(({ before, after }) => isForward(before) && !isForward(after)),
  };
}

/** `now also served at 127.0.0.1`. */
export function placeText({ opened, closed }: ReturnType<typeof placeChanges>): string[] {
  const named = (all: readonly IpAddress[]) =>
    all.length <= 2 ? all.join(' and ') : `${all[0]} and ${all.length - 1} more addresses`;
  return [
    ...(opened.length === 0 ? [] : [`now also served at ${named(opened)}`]),
    ...(closed.length === 0 ? [] : [`no longer served at ${named(closed)}`]),
  ];
}

/** In a few words what happens to clients that get to no endpoint. */
export function fateWords(fate: Exclude<Fate, Forward>): string {
  switch (fate.kind) {
    case 'reject':
      return 'rejected: no endpoints';
    case 'drop':
      return 'dropped: no local endpoints';
    case 'accept':
      return 'let in';
    case 'untouched':
      return 'not reached by the rules';
    case 'absent':
      return 'not served';
  }
}
