import { type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { compareText } from '../../../compiler/values/names.ts';
import { isPlainText } from '../../../compiler/values/plain-text.ts';
import { type Port, type Protocol, parsePort } from '../../../compiler/values/port.ts';
import { parseSetName, type SetName } from '../../netfilter/rule.ts';
import type { RealKey } from './program.ts';
import {
  compareEndpoints,
  type Forwarding,
  parseSchedulerName,
  type RealServer,
  type ServerKey,
  serverKey,
  type VirtualServer,
} from './servers.ts';
import type { IpSet, SetEntry } from './sets.ts';
import { realKey } from './ledger.ts';

const protocolOfOption: ReadonlyMap<string, Protocol> = new Map([
  ['-t', 'TCP'],
  ['-u', 'UDP'],
  ['--sctp-service', 'SCTP'],
]);
const forwardingOfOption: ReadonlyMap<string, Forwarding> = new Map([
  ['-m', 'masquerade'],
  ['-g', 'route'],
  ['-i', 'tunnel'],
]);

/**
 * The output of `ipvsadm --save -n`, both families.
 *
 * Virtual servers by firewall mark have no address and are ignored. Options outside slicewright's
 * vocabulary are kept as text, so that a server with such options differs from slicewright's.
 */
export function parseServers(text: string): ReadonlyMap<ServerKey, VirtualServer> {
  const servers = new Map<ServerKey, VirtualServer>();
  for (const words of wordsOfLines(text)) {
    const frontend = parseFrontend(words[1], words[2]);
    if (frontend === undefined) continue;
    const key = serverKey(frontend);
    const known = servers.get(key);
    if (words[0] === '-A') servers.set(key, { ...frontend, ...parseParameters(words.slice(3)), reals: [] });
    const real = words[0] === '-a' ? parseReal(words.slice(3)) : undefined;
    if (known !== undefined && real !== undefined) (known.reals as RealServer[]).push(real);
  }
  for (const server of servers.values()) (server.reals as RealServer[]).sort(compareEndpoints);
  return servers;
}

/** The words of every line that a tool can have printed: a line with control characters in it is ignored. */
function* wordsOfLines(text: string): Generator<string[]> {
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (isPlainText(line)) yield line.split(/ +/);
  }
}

function parseFrontend(option: string | undefined, at: string | undefined) {
  const protocol = protocolOfOption.get(option ?? '');
  const place = parseEndpoint(at);
  return protocol === undefined || place === undefined ? undefined : { protocol, ...place };
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function parseEndpoint(
  text: string | undefined,
): { readonly address: IpAddress; readonly port: Port } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text ?? '');
  const address = parseAddress(match?.[1] ?? match?.[2]);
  const port = parsePort(Number(match?.[3]));
  return address === undefined || port === undefined ? undefined : { address, port };
}

function parseParameters(
  words: readonly string[],
): Omit<VirtualServer, keyof NonNullable<ReturnType<typeof parseFrontend>> | 'reals'> {
  const { known, other } = splitOptions(words, ['-s', '-p', '-b']);
  const scheduler = parseSchedulerName(known.get('-s'));
  const seconds = known.get('-p');
  return {
    // A kernel names every scheduler; an unreadable one differs from all of slicewright's.
    scheduler: scheduler ?? (parseSchedulerName('unknown') as VirtualServer['scheduler']),
    persistenceSeconds: seconds === undefined ? undefined : Number(seconds),
    flags: known.get('-b')?.split(',') ?? [],
    other,
  };
}

function parseReal(words: readonly string[]): RealServer | undefined {
  const forwardingWord = words.find((word) => forwardingOfOption.has(word));
  const forwarding = forwardingOfOption.get(forwardingWord ?? '');
  const { known, other } = splitOptions(
    words.filter((word) => word !== forwardingWord),
    ['-r', '-w'],
  );
  const place = parseEndpoint(known.get('-r'));
  if (place === undefined || forwarding === undefined) return undefined;
  return { ...place, forwarding, weight: Number(known.get('-w') ?? 1), other };
}

/** Known options with one value each, and the rest as text. */
function splitOptions(words: readonly string[], options: readonly string[]) {
  const known = new Map<string, string>();
  const other: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [word, value] = [words[i] ?? '', words[i + 1]];
    if (options.includes(word) && value !== undefined) {
      known.set(word, value);
      i++;
    } else if (/^[A-Za-z0-9.:/_-]+$/.test(word)) {
      other.push(word);
    }
  }
  return { known, other: other.join(' ') };
}

/**
 * The output of `ipvsadm --list -n`: connections per real server, established and closing ones
 * together; real servers without any are left out.
 */
export function parseConnections(text: string): ReadonlyMap<RealKey, number> {
  const connections = new Map<RealKey, number>();
  let frontend: ReturnType<typeof parseFrontend>;
  for (const line of text.split('\n')) {
    const words = line.trim().split(/ +/);
    if (words[0] !== '->') {
      const protocol = (['TCP', 'UDP', 'SCTP'] as const).find((name) => name === words[0]);
      const place = parseEndpoint(words[1]);
      frontend = protocol === undefined || place === undefined ? undefined : { protocol, ...place };
      continue;
    }
    // `-> 10.1.0.2:80  Masq  1  0  3`: weight, active, inactive come last, whatever columns come first.
    const real = parseEndpoint(words[1]);
    const count = Number(words.at(-2)) + Number(words.at(-1));
    if (frontend === undefined || real === undefined || !(count > 0)) continue;
    connections.set(realKey(frontend, real), count);
  }
  return connections;
}

/** A set as it was found, with the seconds that entries have left where the set forgets them. */
export interface FoundSet extends IpSet {
  readonly secondsLeft: ReadonlyMap<SetEntry, number>;
}

/** The kernel chooses these, different every time; a set means the same with any of them. */
const kernelsChoice = ['hashsize', 'bucketsize', 'initval', 'elements', 'size'];

/**
 * The output of `ipset save`: the sets that `isOurs` accepts.
 *
 * A set whose name or entries are outside the grammar of slicewright's sets is not one of them, and is left out.
 */
export function parseSets(text: string, isOurs: (name: SetName) => boolean): ReadonlyMap<SetName, FoundSet> {
  const found = new Map<SetName, { definition: string; entries: Map<SetEntry, number | undefined> }>();
  for (const words of wordsOfLines(text)) {
    const name = parseSetName(words[1]);
    if (name === undefined || !isOurs(name)) continue;
    if (words[0] === 'create') found.set(name, { definition: definitionOf(words.slice(2)), entries: new Map() });
    const entry = words[0] === 'add' ? parseEntry(words[2]) : undefined;
    if (entry === undefined) continue;
    const timeout = words.indexOf('timeout');
    found.get(name)?.entries.set(entry, timeout < 0 ? undefined : Number(words[timeout + 1]));
  }
  return new Map(
    [...found]
      .sort(([a], [b]) => compareText(a, b))
      .map(([name, { definition, entries }]) => {
        const sorted = [...entries.keys()].sort(compareText);
        const timed = [...entries].filter((pair): pair is [SetEntry, number] => pair[1] !== undefined);
        return [name, { name, definition, entries: sorted, secondsLeft: new Map(timed) }];
      }),
  );
}

function definitionOf(words: readonly string[]): string {
  return words
    .filter((word, i) => !kernelsChoice.includes(word) && !kernelsChoice.includes(words[i - 1] ?? ''))
    .join(' ');
}

/** `10.96.0.1,tcp:80,10.1.0.0/16`: addresses, networks, ports and names of protocols, nothing that could end a word. */
export function parseEntry(text: string | undefined): SetEntry | undefined {
  return text !== undefined && /^[0-9a-z.:,/[\]-]+$/.test(text) ? (text as SetEntry) : undefined;
}

/**
 * The output of `ip -o addr show dev kube-ipvs0`: addresses of whole length, as slicewright binds them.
 * Others on the link (link-local ones, networks) are not slicewright's.
 */
export function parseBound(text: string): readonly IpAddress[] {
  return text.split('\n').flatMap((line) => {
    const match = / inet6? ([0-9a-f.:]+)\/(\d+) /.exec(line);
    const address = parseAddress(match?.[1]);
    const length = Number(match?.[2]);
    const isWhole = address !== undefined && length === (address.includes(':') ? 128 : 32);
    return isWhole && !/^fe[89ab]/.test(address) && !isLoopback(address) ? [address] : [];
  });
}

function isLoopback(address: IpAddress): boolean {
  return address === '::1' || address.startsWith('127.');
}
