import { endpointText } from '../../compiler/ir/ir.ts';
import type { OtherShare, Packet } from '../../compiler/semantics/packet.ts';
import { parseEndpoint, parsePacket } from '../../compiler/semantics/packet-text.ts';
import { fateText } from '../../compiler/semantics/verdict.ts';
import { type Family, familyOf, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { printable } from '../../compiler/values/object-ref.ts';
import { type Port, parsePort, type Protocol, protocols, protocolText } from '../../compiler/values/port.ts';
import { add, compareRationals, distance, one, type Rational, rational, zero } from '../../compiler/values/rational.ts';
import { parseTarget, type Target } from '../input/asked.ts';

/*
 * A flow table, `flows.txt`: what must happen to new connections, whatever the backend. People write it by hand, before there
 * are rules, in the notation of `explain packet` and `verdicts.txt`:
 *
 *     # Clients in the cluster reach both clusters alike.
 *     pod 10.1.0.9 -> shop/cart:http
 *       1/2 to 10.1.0.5:8080
 *       50 % to cluster west
 *
 *     outside 192.0.2.1 -> 192.168.0.1:30080/tcp
 *       all to 10.1.0.5:8080 masqueraded
 *       ipvs: reject
 */

/** New connections of one kind, and what must happen to them. */
export interface Flow {
  /** The number of its first line, from 1. */
  readonly line: number;
  /** Its first line. */
  readonly text: string;
  readonly to: FlowDestination;
  readonly wanted: readonly WantedPart[];
  /** By backend, what is wanted of that backend instead. */
  readonly exceptions: ReadonlyMap<string, readonly WantedPart[]>;
}

export type FlowDestination =
  | { readonly kind: 'packet'; readonly packet: Packet }
  /** Every address of the Service inside of the cluster. */
  | {
      readonly kind: 'service';
      readonly target: Target;
      /** undefined: the port's own protocol. */
      readonly protocol: Protocol | undefined;
      readonly family: Family;
      packetTo(address: IpAddress, port: Port, protocol: Protocol): Packet | undefined;
    };

/** A part of the connections. */
export interface WantedPart {
  /** The text as written, for people. */
  readonly text: string;
  readonly share: WantedShare;
  readonly fate: WantedFate;
}

export type WantedFate =
  | { readonly kind: 'endpoint'; readonly address: IpAddress; readonly port: Port; readonly masquerade: boolean }
  /** Endpoints of a cluster that no other line names; undefined: the local cluster. */
  | { readonly kind: 'cluster'; readonly cluster: ClusterName | undefined; readonly masquerade: boolean }
  | { readonly kind: OtherShare['fate'] };

export interface WantedShare {
  readonly value: Rational;
  /** The accepted difference: none for a fraction, half of the last digit for a decimal. */
  readonly slack: Rational;
}

export interface FlowProblem {
  readonly line: number;
  readonly message: string;
}

/**
 * backends   the names that may stand before an exception
 * returns    flows, or every problem of the table
 */
export function parseFlows(text: string, backends: readonly string[]): readonly Flow[] | { problems: FlowProblem[] } {
  const problems: FlowProblem[] = [];
  const flows: { flow: Omit<Flow, 'wanted' | 'exceptions'>; parts: Map<string, WantedPart[]> }[] = [];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = i + 1;
    const content = raw.replace(/(^|\s)#.*$/, '').trimEnd();
    if (content === '') continue;
    if (!/^\s/.test(content)) {
      const to = parseDestination(content);
      if (to === undefined) problems.push({ line, message: `${printable(content, 200)} is not a flow; ${flowHint}` });
      flows.push({ flow: { line, text: content, to: to ?? nowhere }, parts: new Map() });
      continue;
    }
    const part = parsePart(content.trim(), backends);
    const [last] = flows.slice(-1);
    if (last === undefined)
      problems.push({ line, message: 'belongs to no flow: a flow begins at the start of a line' });
    else if (part === undefined)
      problems.push({ line, message: `${printable(content.trim(), 200)} is not a fate; ${fateHint}` });
    else last.parts.set(part.backend, [...(last.parts.get(part.backend) ?? []), part]);
  }
  const made = flows.map(({ flow, parts }): Flow => {
    const exceptions = [...parts].filter(([backend]) => backend !== everyBackend);
    return { ...flow, wanted: parts.get(everyBackend) ?? [], exceptions: new Map(exceptions) };
  });
  for (const { line, wanted, exceptions } of made) {
    if (wanted.length === 0) problems.push({ line, message: `has no fate; ${fateHint}` });
    for (const parts of [wanted, ...exceptions.values()]) {
      const wrong = parts.length === 0 ? undefined : partsProblem(parts);
      if (wrong !== undefined) problems.push({ line, message: wrong });
    }
  }
  return problems.length === 0 ? made : { problems: problems.sort((a, b) => a.line - b.line) };
}

/** The key of what is wanted of all backends. */
const everyBackend = '';

const flowHint =
  'write SOURCE -> NAMESPACE/NAME:PORT or SOURCE -> ADDRESS:PORT/tcp, with pod, outside, node or "on INTERFACE" and an address as SOURCE';
const fateHint =
  'write, indented, "1/2 to ADDRESS:PORT", "50 % to cluster NAME", "all to …", each perhaps with "masqueraded", or reject, drop, accept, untouched';

/** Replaces a destination that could not be read; the table is rejected then. */
const nowhere: FlowDestination = {
  kind: 'service',
  target: { service: '', port: undefined },
  protocol: undefined,
  family: 'IPv4',
  packetTo: () => undefined,
};

function parseDestination(text: string): FlowDestination | undefined {
  const packet = parsePacket(text);
  if (packet !== undefined) return { kind: 'packet', packet };
  const match =
    /^((?:node|pod|outside|on \S+) (\S+)) -> ([^\s/]+\/[^\s/]+?)(?:\/(tcp|udp|sctp))?(, remembers \S+)?$/.exec(text);
  const [, from = '', sourceText, targetText = '', protocolName, remembers = ''] = match ?? [];
  const source = parseAddress(sourceText);
  const target = parseTarget(targetText);
  if (source === undefined || target === undefined) return undefined;
  const family = familyOf(source);
  const packetTo = (address: IpAddress, port: Port, protocol: Protocol) =>
    parsePacket(`${from} -> ${endpointText({ address, port })}/${protocolText(protocol)}${remembers}`);
  // The address that affinity remembers can be of the wrong family, or missing.
  const anyPort = parsePort(1);
  if (anyPort === undefined || packetTo(source, anyPort, 'TCP') === undefined) return undefined;
  const protocol = protocols.find((known) => protocolText(known) === protocolName);
  return { kind: 'service', target, protocol, family, packetTo };
}

function parsePart(text: string, backends: readonly string[]): (WantedPart & { readonly backend: string }) | undefined {
  const backend = backends.find((name) => text.startsWith(`${name}: `)) ?? everyBackend;
  const rest = backend === everyBackend ? text : text.slice(backend.length + 1).trim();
  const [, shareText = 'all', fateText = ''] = /^(?:(all|\u2248?[0-9./]+(?: ?%)?) )?(\S.*)$/.exec(rest) ?? [];
  const share = parseShare(shareText);
  const fate = parseFate(fateText);
  return share === undefined || fate === undefined ? undefined : { backend, text: rest, share, fate };
}

/** `all`, `1/2`, `50 %`, `33.3 %`, `≈0.3333333333`. */
function parseShare(text: string): WantedShare | undefined {
  if (text === 'all' || text === '1') return { value: one, slack: zero };
  const fraction = /^([0-9]{1,12})\/([0-9]{1,12})$/.exec(text);
  if (fraction !== null)
    return inRange(
      fraction[2] === '0' ? undefined : rational(BigInt(fraction[1] ?? 0), BigInt(fraction[2] ?? 1)),
      zero,
    );
  const [, whole, decimals = '', percent] = /^\u2248?([0-9]{1,3})(?:\.([0-9]{1,12}))?( ?%)?$/.exec(text) ?? [];
  if (whole === undefined || (percent === undefined && !text.startsWith('≈'))) return undefined;
  const unit = 10n ** BigInt(decimals.length) * (percent === undefined ? 1n : 100n);
  const isExact = percent !== undefined && decimals === '' && ['0', '100'].includes(whole);
  return inRange(rational(BigInt(whole + decimals), unit), isExact ? zero : rational(1n, 2n * unit));
}

function inRange(value: Rational | undefined, slack: Rational): WantedShare | undefined {
  const isShare = value !== undefined && compareRationals(value, zero) > 0 && compareRationals(value, one) <= 0;
  return isShare ? { value, slack } : undefined;
}

function parseFate(text: string): WantedFate | undefined {
  if (text === 'reject' || text === 'drop' || text === 'accept' || text === 'untouched') return { kind: text };
  const [, to = '', mark] = /^to (.+?)( masqueraded)?$/.exec(text) ?? [];
  const masquerade = mark !== undefined;
  const named = /^cluster (\S+)$/.exec(to)?.[1];
  if (named !== undefined) {
    const cluster = named === 'local' ? undefined : parseClusterName(named);
    return cluster === undefined && named !== 'local' ? undefined : { kind: 'cluster', cluster, masquerade };
  }
  const endpoint = parseEndpoint(to);
  return endpoint === undefined ? undefined : { kind: 'endpoint', ...endpoint, masquerade };
}

/** The problem if shares do not add up to 1, or a fate is listed twice. */
function partsProblem(parts: readonly WantedPart[]): string | undefined {
  const keys = parts.map(({ fate }) => fateKey(fate));
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) return `lists twice what goes ${twice}`;
  const total = parts.reduce((sum, { share }) => add(sum, share.value), zero);
  const slack = parts.reduce((sum, { share }) => add(sum, share.slack), zero);
  return compareRationals(distance(total, one), slack) > 0 ? 'its shares do not add up to all connections' : undefined;
}

/** A key for a fate: fates with equal keys are the same. */
export function fateKey(fate: WantedFate): string {
  switch (fate.kind) {
    case 'endpoint':
      return `to ${fateText(fate)}`;
    case 'cluster':
      return `to cluster ${fate.cluster ?? 'local'}${fate.masquerade ? ' masqueraded' : ''}`;
    default:
      return fate.kind;
  }
}
