import { endpointText } from '../../../compiler/ir/ir.ts';
import { parseAddress } from '../../../compiler/values/address.ts';
import { parsePort, type Protocol } from '../../../compiler/values/port.ts';
import type { Run } from '../../command.ts';
import type { Scope } from '../../target.ts';
import type { DialledPlace, EndpointTraffic, TrafficMeter, TrafficReading } from '../../traffic.ts';
import { parseProtocolWord } from '../program/parse-rule.ts';
import { familyWord } from '../program/print-rule.ts';
import { tableName } from '../program/names.ts';
import { factsOf, failure } from './errors.ts';

/** Reads the counters that a table has if it was written with the setting for them. Listing them leaves them as they are. */
export async function openMeter(run: Run, scope: Scope, isNeeded: boolean): Promise<TrafficMeter | undefined> {
  if (!isNeeded) {
    const { exitCode } = await run('nft', ['list', 'set', ...tableOf(scope), 'health-check-ports']);
    if (exitCode !== 0) return undefined;
  }
  return { source: 'the kernel (nftables)', read: () => readTraffic(run, scope) };
}

function tableOf({ family, prefix }: Scope): [string, string] {
  return [familyWord(family), tableName(prefix)];
}

/** throws   NftError */
async function readTraffic(run: Run, scope: Scope): Promise<TrafficReading> {
  const args = ['list', 'table', ...tableOf(scope)];
  const result = await run('nft', args);
  if (result.exitCode === 0) return trafficIn(result.stdout);
  if (factsOf(result).reason === 'missing')
    return { counts: [], uncounted: `there is no table ${tableOf(scope).join(' ')}` };
  throw failure(scope.family, args, result);
}

const counter = ' counter packets (\\d+) bytes \\d+';
const element = new RegExp(`(\\S+(?: \\. \\S+)*)${counter} : (\\S+) \\. (\\d+)`, 'g');
const translation = new RegExp(`^\\t\\tmeta l4proto (\\S+)${counter} dnat to (\\S+)(?: comment "([^"]*)")?`);
const service = /(\S+(?: \. \S+)+) comment "([^"]*)" : /g;

/**
 * The counts per endpoint in the listing of a table: an element of an endpoint map counts the connections to one endpoint
 * through one place, a rule that translates counts all those to one endpoint.
 */
export function trafficIn(listing: string): TrafficReading {
  const names = new Map<string, string>();
  const counts: EndpointTraffic[] = [];
  let map: EndpointMap | undefined;
  let isCounting = false;
  for (const line of listing.split('\n')) {
    const block = /^\t(?:set|map|chain) (\S+) \{/.exec(line)?.[1];
    if (block !== undefined) map = endpointMapNamed(block);
    if (line === '\t\tcounter') isCounting = true;
    if (map === undefined)
      for (const [, key = '', name = ''] of line.matchAll(service)) names.set(withNamedProtocol(key), name);
    else for (const found of line.matchAll(element)) counts.push(...elementTraffic(found, map));
    const rule = translation.exec(line);
    if (rule !== null) {
      isCounting = true;
      counts.push(...ruleTraffic(rule));
    }
  }
  const uncounted = isCounting ? undefined : 'rules of nftables mode have no counters unless nftables.counters is true';
  return {
    counts: counts.map((one) => ({ ...one, servicePort: one.servicePort ?? names.get(keyOf(one)) })),
    uncounted,
  };
}

interface EndpointMap {
  /** For connections that begin on the node, which have all endpoints whatever the place's policy. */
  readonly isInside: boolean;
  readonly isOfNodePorts: boolean;
  readonly protocol: Protocol;
}

/** `endpoints/tcp`, `inside-node-port-endpoints/udp` */
function endpointMapNamed(name: string): EndpointMap | undefined {
  const [, inside, nodePort, word] = /^(inside-)?(node-port-)?endpoints\/(\w+)$/.exec(name) ?? [];
  const protocol = parseProtocolWord(word);
  return protocol && { isInside: inside !== undefined, isOfNodePorts: nodePort !== undefined, protocol };
}

const common = { volume: undefined, followsShares: true } as const;

function elementTraffic(
  [, key = '', count, address, port]: RegExpMatchArray,
  { isInside, isOfNodePorts, protocol }: EndpointMap,
): EndpointTraffic[] {
  // The last part of a key is the number that was drawn.
  const parts = key.split(' . ').slice(0, -1);
  const dialled = placeOf(isOfNodePorts ? undefined : parts[0], parts.at(-1));
  const endpoint = placeOf(address, port);
  if (dialled === undefined || endpoint?.address === undefined) return [];
  const text = endpointText({ address: endpoint.address, port: endpoint.port });
  const byPool = isInside ? { byPool: { cluster: Number(count), local: 0 } } : {};
  return [
    { ...common, servicePort: undefined, dialled, protocol, endpoint: text, connections: Number(count), ...byPool },
  ];
}

function ruleTraffic([, word, count, endpoint = '', name]: RegExpExecArray): EndpointTraffic[] {
  const protocol = parseProtocolWord(word);
  if (protocol === undefined) return [];
  return [{ ...common, servicePort: name, dialled: undefined, protocol, endpoint, connections: Number(count) }];
}

function placeOf(addressText: string | undefined, portText: string | undefined): DialledPlace | undefined {
  const address = parseAddress(addressText);
  const port = parsePort(Number(portText));
  return port === undefined || (addressText !== undefined && address === undefined) ? undefined : { address, port };
}

/** nft prints protocols as numbers where it knows no names. */
function withNamedProtocol(key: string): string {
  const parts = key.split(' . ');
  return parts.map((part, i) => (i === parts.length - 2 ? parseProtocolWord(part)?.toLowerCase() : part)).join(' . ');
}

/** As in the keys of the maps of places. */
function keyOf({ dialled, protocol }: EndpointTraffic): string {
  return [dialled?.address, protocol.toLowerCase(), dialled?.port].filter((part) => part !== undefined).join(' . ');
}
