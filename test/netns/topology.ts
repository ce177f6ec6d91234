/**
 * A small network as data: hosts, the wires between them, and each host's routes.
 * It becomes one shell script (see {@link topologyScript}), so that one process makes the whole network
 * instead of a hundred.
 */
export interface Topology {
  readonly hosts: readonly Host[];
  readonly wires: readonly (readonly [End, End])[];
}

/** One network namespace. */
export interface Host {
  readonly name: string;
  /** `router` forwards packets between its interfaces; `switch` bridges them and has no addresses. */
  readonly role: 'endpoint' | 'router' | 'switch';
  /** Arguments of `ip route add`: `default via 10.0.0.1`. The family follows from the addresses. */
  readonly routes?: readonly string[];
  /** `net.ipv4.conf.all.route_localnet` → `1`, besides those that every host gets. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** One end of a wire. */
export interface End {
  readonly host: string;
  /** At most 15 characters, and unique on its host. */
  readonly interface: string;
  /** `10.0.0.1/24`, `fd00::1/64`. */
  readonly addresses?: readonly string[];
}

/** Names appear in a shell script: they must be harmless there. */
const harmless = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/;
const harmlessWords = /^[A-Za-z0-9_.:/ -]+$/;

/**
 * The script that makes the network inside a mount and network namespace of its own: named
 * namespaces under a private /run, so that nothing outside sees them and the kernel removes
 * them with the last process inside.
 */
export function topologyScript(topology: Topology): string {
  return [
    'mount -t tmpfs tmpfs /run',
    'ip link set lo up',
    ...topology.hosts.map((host) => `ip netns add ${checked(host.name)}`),
    // Before the interfaces are made: they take the `default` values when they are made.
    ...topology.hosts.map(sysctlLine),
    batch('ip -batch -', topology.wires.map(wireLine)),
    ...topology.hosts.map((host) => hostBatch(host, endsOf(topology, host.name))),
    '',
  ].join('\n');
}

function endsOf(topology: Topology, host: string): readonly End[] {
  return topology.wires.flat().filter((end) => end.host === host);
}

function wireLine([a, b]: readonly [End, End]): string {
  const [aName, bName] = [checked(a.interface), checked(b.interface)];
  return `link add ${aName} netns ${checked(a.host)} type veth peer name ${bName} netns ${checked(b.host)}`;
}

function hostBatch(host: Host, ends: readonly End[]): string {
  const bridge = host.role === 'switch';
  const lines = [
    'link set lo up',
    ...(bridge ? ['link add bridge0 type bridge', 'link set bridge0 up'] : []),
    ...ends.map((end) => `link set ${end.interface}${bridge ? ' master bridge0' : ''} up`),
    ...ends.flatMap((end) =>
      (end.addresses ?? []).map((address) => {
        const nodad = address.includes(':') ? ' nodad' : '';
        return `address add ${words(address)} dev ${end.interface}${nodad}`;
      }),
    ),
    ...(host.routes ?? []).map((route) => `route add ${words(route)}`),
  ];
  return batch(`ip -n ${host.name} -batch -`, lines);
}

function sysctlLine(host: Host): string {
  const sysctls = Object.entries({ ...commonSysctls(host), ...host.sysctls });
  const writes = sysctls.map(([key, value]) => `echo ${words(value)} > /proc/sys/${checkedPath(key)}`);
  return `nsenter --net=/run/netns/${host.name} sh -ec '${writes.join('\n')}'`;
}

/** For IPv4, the machine's own settings leak into new namespaces, so every setting that matters is set. */
function commonSysctls(host: Host): Readonly<Record<string, string>> {
  const forwarding = host.role === 'router' ? '1' : '0';
  return {
    'net.ipv4.ip_forward': forwarding,
    'net.ipv6.conf.all.forwarding': forwarding,
    'net.ipv6.conf.all.disable_ipv6': '0',
    'net.ipv6.conf.default.disable_ipv6': '0',
    // An address must be usable at once, without looking for duplicates first.
    'net.ipv6.conf.default.accept_dad': '0',
    'net.ipv4.conf.all.rp_filter': '0',
    'net.ipv4.conf.default.rp_filter': '0',
    // A refusal is an ICMP message; beyond six a second they would be lost.
    'net.ipv4.icmp_ratelimit': '0',
    'net.ipv6.icmp.ratelimit': '0',
  };
}

function batch(command: string, lines: readonly string[]): string {
  return `${command} <<'END'\n${lines.map((line) => `${line}\n`).join('')}END`;
}

function checked(name: string): string {
  if (!harmless.test(name)) throw new Error(`"${name}" is not a name for a host or an interface`);
  return name;
}

function checkedPath(key: string): string {
  if (!/^net(\.[A-Za-z0-9_-]+)+$/.test(key)) throw new Error(`"${key}" is not a network sysctl`);
  return key.replaceAll('.', '/');
}

function words(text: string): string {
  if (!harmlessWords.test(text)) throw new Error(`"${text}" cannot stand in a script`);
  return text;
}
