import { fileURLToPath } from 'node:url';
import type { Run } from '../../backends/command.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { type Family, families, type IpAddress } from '../../compiler/values/address.ts';

/** A node through which packets are sent, in a separate namespace. */
export interface WalkedNode {
  /** Addresses of both families, on eth0. */
  readonly addresses: readonly IpAddress[];
  /** A command line that loads rules, with its input. */
  readonly loads: readonly { readonly command: string; readonly text: string }[];
  /** `net.ipv4.conf.all.route_localnet=1` */
  readonly sysctls: readonly string[];
  readonly probes: readonly { readonly packet: Packet; readonly times: number }[];
}

/**
 * How often packets had each outcome: `sent 10.0.0.1 80 192.0.2.1`, `delivered …`, `refused`; other packets were not
 * seen again.
 */
export type Walked = ReadonlyMap<string, number>;

const program = fileURLToPath(new URL('walk.pl', import.meta.url));
const mark = '=====WALK=====';
const innerMark = '=====RULES=====';

/** The outcomes of each probe's packets on each node, all in one shell. */
export async function walkAll(run: Run, nodes: readonly WalkedNode[]): Promise<(readonly Walked[])[]> {
  const script = nodes.map((node) =>
    [
      `unshare --net perl ${program} ${interfacesOf(node).join(' ')} <<'${mark}' 3<<'${mark}'; echo "${mark} $?"`,
      `${node.probes.map(probeLine).join('')}${mark}`,
      `${setup(node)}${mark}`,
    ].join('\n'),
  );
  const { exitCode, stdout, stderr } = await run('sh', ['-s'], `${script.join('\n')}\n`);
  const answers = stdout.split(new RegExp(`${mark} (\\d+)\n`));
  if (exitCode !== 0 || answers.length !== nodes.length * 2 + 1) throw new Error(`the shell failed: ${stderr}`);
  return nodes.map(({ probes }, i) => {
    if (answers[i * 2 + 1] !== '0')
      throw new Error(`packets could not be sent: ${stderr.split('\n').slice(0, 4).join('; ')}`);
    const outcomes = probes.map(() => new Map<string, number>());
    for (const line of (answers[i * 2] ?? '').split('\n').filter(Boolean)) {
      const [, number, times, outcome = ''] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
      outcomes[Number(number)]?.set(outcome, Number(times));
    }
    return outcomes;
  });
}

function interfacesOf({ probes }: WalkedNode): string[] {
  const names = probes.map(({ packet: { from } }) => (from.kind === 'node' ? 'eth0' : from.name));
  return [...new Set(['eth0', 'observed', ...names])];
}

function probeLine({ packet, times }: WalkedNode['probes'][number], number: number): string {
  const { protocol, from, source, destination, destinationPort } = packet;
  const at = from.kind === 'node' ? 'node' : from.name;
  return `${[number, protocol, at, source, destination, destinationPort, times].join(' ')}\n`;
}

/** A router that loses no packets, and sends a copy of packets delivered to itself to `observed`. */
function setup(node: WalkedNode): string {
  const interfaces = interfacesOf(node);
  const links = [
    ...['lo', ...interfaces].map((name) => `link set ${name} up`),
    ...node.addresses.map((address) => `addr add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`),
    'route add default dev eth0',
    `route add ${observers.IPv4} dev observed`,
  ];
  const routes6 = ['route add default dev eth0 metric 1', `route add ${observers.IPv6} dev observed`];
  const sysctls = [
    ...['all', 'lo', ...interfaces].flatMap((name) => [
      `net.ipv4.conf.${name}.rp_filter=0`,
      `net.ipv4.conf.${name}.accept_local=1`,
    ]),
    ...['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'],
    ...['net.ipv4.icmp_ratelimit=0', 'net.ipv4.icmp_msgs_per_sec=1000000', 'net.ipv4.icmp_msgs_burst=10000'],
    ...['net.ipv6.icmp.ratelimit=0', 'net.netfilter.nf_conntrack_checksum=0'],
    ...node.sysctls,
  ];
  const steps = [
    { command: 'ip -batch -', text: `${links.join('\n')}\n` },
    { command: 'ip -6 -batch -', text: `${routes6.join('\n')}\n` },
    { command: 'nft -f -', text: families.map(observer).join('') },
    { command: 'sysctl -qp -', text: `${sysctls.join('\n')}\n` },
    ...node.loads,
  ];
  return `set -e\n${steps.map(({ command, text }) => `${command} <<'${innerMark}'\n${text}${innerMark}\n`).join('')}`;
}

const observers: Readonly<Record<Family, string>> = { IPv4: '198.18.0.1', IPv6: 'fd00:ffff::1' };

function observer(family: Family): string {
  const rule = `meta l4proto { tcp, udp, sctp } dup to ${observers[family]} device "observed" drop`;
  const table = `${family === 'IPv4' ? 'ip' : 'ip6'} observer`;
  return [
    `add table ${table}`,
    `add chain ${table} delivered { type filter hook input priority 2000; }`,
    `add rule ${table} delivered ${rule}`,
    '',
  ].join('\n');
}
