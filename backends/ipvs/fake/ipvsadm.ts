import { type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { type Port, type Protocol, parsePort } from '../../../compiler/values/port.ts';

/** A virtual server as a kernel keeps it; real servers by `ip:port`, with their options as text. */
export interface FakeServer {
  /** `-t 10.96.0.1:80`, which names it. */
  readonly name: string;
  readonly options: string;
  readonly reals: ReadonlyMap<string, { readonly options: string; readonly weight: number }>;
}
export type FakeServers = ReadonlyMap<string, FakeServer>;

export interface EditResult {
  readonly servers: FakeServers;
  /** ipvsadm's message about the line; undefined: it was taken. */
  readonly problem: string | undefined;
}

const protocols: Readonly<Record<string, Protocol>> = { '-t': 'TCP', '-u': 'UDP', '--sctp-service': 'SCTP' };

/**
 * One line of `ipvsadm --restore`, taken or refused as ipvsadm 1.31 takes and refuses it.
 *
 * schedulers   those whose modules there are
 */
export function editServers(servers: FakeServers, line: string, schedulers: ReadonlySet<string>): EditResult {
  const words = line.trim().split(/ +/);
  const [command = '', option = '', at = ''] = words;
  const refuse = (problem: string): EditResult => ({ servers, problem });
  if (protocols[option] === undefined || endpointOf(at) === undefined) {
    return refuse("Try `ipvsadm -h' or 'ipvsadm --help' for more information.");
  }
  const name = `${option} ${at}`;
  const found = servers.get(name);
  const write = (server: FakeServer | undefined): EditResult => {
    const next = new Map(servers);
    if (server === undefined) next.delete(name);
    else next.set(name, server);
    return { servers: next, problem: undefined };
  };

  const rest = words.slice(3);
  switch (command) {
    case '-A':
    case '-E': {
      if (command === '-A' && found !== undefined) return refuse('Service already exists');
      if (command === '-E' && found === undefined) return refuse('No such service');
      const options = serverOptions(rest);
      if (options === undefined) return refuse('invalid option');
      if (!schedulers.has(options.scheduler)) return refuse('Scheduler or persistence engine not found');
      return write({ name, options: options.text, reals: found?.reals ?? new Map() });
    }
    case '-D':
      return found === undefined || rest.length > 0 ? refuse('No such service') : write(undefined);
    case '-a':
    case '-e':
    case '-d': {
      if (found === undefined) return refuse('Service not defined');
      const real = rest[0] === '-r' ? rest[1] : undefined;
      if (real === undefined || endpointOf(real) === undefined)
        return refuse('illegal real server address[:port] specified');
      const exists = found.reals.has(real);
      if (command === '-a' && exists) return refuse('Destination already exists');
      if (command !== '-a' && !exists) return refuse('No such destination');
      const reals = new Map(found.reals);
      if (command === '-d') {
        reals.delete(real);
        return write({ ...found, reals });
      }
      const options = realOptions(rest.slice(2));
      if (options === undefined) return refuse('invalid option');
      return write({ ...found, reals: reals.set(real, options) });
    }
    default:
      return refuse("Try `ipvsadm -h' or 'ipvsadm --help' for more information.");
  }
}

function serverOptions(words: readonly string[]) {
  const text = words.join(' ');
  const match = /^-s ([a-z]+)(?: -p (\d+))?(?: -b (?:sh|mh)-(?:port|fallback))?$/.exec(text);
  return match?.[1] === undefined ? undefined : { scheduler: match[1], text };
}

function realOptions(words: readonly string[]) {
  const match = /^(-m|-g|-i) -w (\d{1,5})$/.exec(words.join(' '));
  return match === null ? undefined : { options: match[1] as string, weight: Number(match[2]) };
}

function endpointOf(text: string): { readonly address: IpAddress; readonly port: Port } | undefined {
  const match = /^(?:\[(.+)\]|([0-9.]+)):(\d+)$/.exec(text);
  const address = parseAddress(match?.[1] ?? match?.[2]);
  const port = parsePort(Number(match?.[3]));
  return address && port && { address, port };
}

/** The output of `ipvsadm --save -n`: protocols together, as the kernel's table has them. */
export function saveServers(servers: FakeServers): string {
  const lines = [...servers.values()].flatMap(({ name, options, reals }) => [
    `-A ${name} ${options}`,
    ...[...reals].map(([real, { options: forwarding, weight }]) => `-a ${name} -r ${real} ${forwarding} -w ${weight}`),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

/** The output of `ipvsadm --list -n`. `connections`: by `-t 10.96.0.1:80 -r 10.1.0.2:80`. */
export function listServers(servers: FakeServers, connections: ReadonlyMap<string, number>): string {
  const lines = [
    'IP Virtual Server version 1.2.1 (size=4096)',
    'Prot LocalAddress:Port Scheduler Flags',
    '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
  ];
  for (const { name, options, reals } of servers.values()) {
    const [option = '', at = ''] = name.split(' ');
    const [scheduler = ''] = options.slice('-s '.length).split(' ');
    lines.push(`${(protocols[option] ?? '').padEnd(4)} ${at} ${scheduler}`);
    for (const [real, { weight }] of reals) {
      const active = connections.get(`${name} -r ${real}`) ?? 0;
      lines.push(`  -> ${real.padEnd(28)} Masq    ${String(weight).padEnd(6)} ${String(active).padEnd(10)} 0         `);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}
