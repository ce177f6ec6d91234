import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { type Cidr, hostCidr, type IpAddress, parseAddress, parseCidr } from '../../../compiler/values/address.ts';
import { servicePortText } from '../../../compiler/values/names.ts';
import { parsePort, type Protocol, protocols, protocolText } from '../../../compiler/values/port.ts';
import { noSigns } from '../../planning/clients.ts';
import { type FoundFrontend, frontendKey, nobodys } from '../../planning/side.ts';
import { parameterWords, realWords } from '../program/print.ts';
import type { IpvsProgram } from '../program/program.ts';
import { serverKey, type VirtualServer } from '../program/servers.ts';
import { frontendEntry, type SetEntry, type SetId, setName } from '../program/sets.ts';
import { createNames } from './server-names.ts';
import type { Rules } from './shared-rules.ts';

/** In which set a frontend of each kind is. */
const kindSets: readonly (readonly [SetId, FoundFrontend['kind']])[] = [
  ['clusterIp', 'cluster IP'],
  ['loadBalancer', 'loadbalancer IP'],
  ['externalIp', 'external IP'],
  ['externalIpLocal', 'external IP'],
];

/** Sets that hold node ports by their number alone. */
const portSets: Readonly<Record<Protocol, readonly SetId[]>> = {
  TCP: ['nodePortTcp', 'nodePortLocalTcp'],
  UDP: ['nodePortUdp', 'nodePortLocalUdp'],
  // Their entries have addresses, as those of other frontends.
  SCTP: [],
};

/** Where clients are answered, or dropped: those have no virtual server. */
interface Place extends Pick<VirtualServer, 'address' | 'port' | 'protocol' | 'reals'> {
  readonly server: VirtualServer | undefined;
}

/**
 * The frontends of a program by what clients dial, so that they compare with those of rules. One node port is one frontend,
 * whatever number of the node's addresses it is served on.
 */
export function serverFrontends(
  program: IpvsProgram,
  services: readonly ServicePortIR[],
  node: NodeContext,
  rules: Rules,
): ReadonlyMap<string, FoundFrontend> {
  const kinds = kindSets.map(([id, kind]) => ({ kind, known: entriesOf(program, id) }));
  const ports = new Map(
    Object.values(portSets).flatMap((ids) => ids.map((id) => [id, entriesOf(program, id)] as const)),
  );
  const rangesOf = createRanges(program);
  const setsOf = entryIndex(program);
  const nameOf = createNames(program, services, node);
  const found = new Map<string, FoundFrontend>();
  for (const place of placesOf(program)) {
    const entry = frontendEntry(place);
    const kind = kinds.find(({ known }) => known.has(entry))?.kind ?? 'node port';
    const isNodePort = kind === 'node port';
    const { protocol, port, server } = place;
    const dialled = { kind, address: isNodePort ? undefined : place.address, protocol, port };
    const key = frontendKey(dialled);
    const earlier = found.get(key);
    const inSets = isNodePort
      ? portSets[protocol].filter((id) => ports.get(id)?.has(String(port) as SetEntry) === true)
      : [];
    const allowedFrom = rangesOf(entry);
    const own = [
      ...(server === undefined ? [] : serverText(server, setsOf)),
      ...inSets,
      ...(setsOf.get(entry) ?? []),
      ...(rules.own.get(serverKey(place)) ?? []),
    ];
    found.set(key, {
      ...dialled,
      servicePort: earlier?.servicePort ?? nameOf(place, kind),
      allowedFrom,
      // A set lets in all of its networks alike.
      signs: rules.signs,
      affinitySeconds: server?.persistenceSeconds,
      ...(isNodePort ? { at: [...(earlier?.at ?? []), place.address] } : {}),
      rules: [...(earlier === undefined ? [] : [earlier.rules]), ...own].join('\n'),
    });
  }
  return new Map([...found].map(([key, frontend]) => [key, withOneOfEachSort(frontend, program)]));
}

function placesOf(program: IpvsProgram): Place[] {
  const dropped = [...entriesOf(program, 'dropAll')].flatMap((entry): Place[] => {
    const [addressText, portText = ''] = entry.split(',');
    const [protocolText_, number] = portText.split(':');
    const [address, port] = [parseAddress(addressText), parsePort(Number(number))];
    const protocol = protocols.find((one) => protocolText(one) === protocolText_);
    if (address === undefined || port === undefined || protocol === undefined) return [];
    const place = { address, port, protocol, reals: [] };
    return program.servers.has(serverKey(place)) ? [] : [{ ...place, server: undefined }];
  });
  return [...[...program.servers.values()].map((server) => ({ ...server, server })), ...dropped];
}

/** A server's lines, and which sets know each of its endpoints. */
function serverText(server: VirtualServer, setsOf: ReadonlyMap<string, readonly string[]>): string[] {
  const { protocol } = server;
  return linesOf(server).concat(
    server.reals.flatMap(({ address, port }) => setsOf.get(frontendEntry({ address, port, protocol })) ?? []),
  );
}

/** A node port is dialled at one of all addresses where it is served alike. */
function withOneOfEachSort(frontend: FoundFrontend, { servers }: IpvsProgram): FoundFrontend {
  const { at, protocol, port } = frontend;
  if (at === undefined || at.length < 2) return frontend;
  const sorts = new Map<string, IpAddress>();
  for (const address of at) {
    const server = servers.get(serverKey({ address, protocol, port }));
    const sort = server === undefined ? '' : linesOf({ ...server, address: at[0] ?? address }).join('\n');
    if (!sorts.has(sort)) sorts.set(sort, address);
  }
  return { ...frontend, at: [...sorts.values()] };
}

function entriesOf({ sets, family, prefix }: IpvsProgram, id: SetId): ReadonlySet<SetEntry> {
  return new Set(sets.get(setName(id, family, prefix))?.entries);
}

/** Networks that a load balancer's firewall lets in; undefined: it has none. */
function createRanges(program: IpvsProgram): (entry: SetEntry) => readonly Cidr[] | undefined {
  const guarded = entriesOf(program, 'loadBalancerFw');
  const ranges = new Map<string, Cidr[]>();
  for (const entry of entriesOf(program, 'loadBalancerSourceCidr')) {
    const [address, port, text] = entry.split(',');
    const host = parseAddress(text);
    const range = host === undefined ? parseCidr(text) : hostCidr(host);
    if (range === undefined) continue;
    const frontend = `${address},${port}`;
    ranges.set(frontend, [...(ranges.get(frontend) ?? []), range]);
  }
  return (entry) => (guarded.has(entry) ? (ranges.get(entry) ?? []) : undefined);
}

/** Ports that are let in for load balancers' health checks: a set holds them, and the objects show their Services. */
export function healthChecks(program: IpvsProgram, services: readonly ServicePortIR[]): [string, FoundFrontend][] {
  const names = new Map(
    services.map(({ healthCheckNodePort, service, portName }) => [
      healthCheckNodePort,
      servicePortText(service, portName),
    ]),
  );
  return [...entriesOf(program, 'healthCheckNodePort')].flatMap((entry) => {
    const port = parsePort(Number(entry));
    if (port === undefined) return [];
    const frontend: FoundFrontend = {
      servicePort: names.get(port) ?? nobodys,
      kind: 'health check node port',
      ...{ address: undefined, protocol: 'TCP', port },
      ...{ allowedFrom: undefined, signs: noSigns, affinitySeconds: undefined },
      rules: entry,
    };
    return [[frontendKey(frontend), frontend]];
  });
}

/** Sets by the frontend that their entries are about, with the rest of the entry. */
function entryIndex({ sets }: IpvsProgram): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const { name, entries } of sets.values()) {
    for (const entry of entries) {
      const frontend = entry.split(',', 2).join(',');
      const known = index.get(frontend);
      if (known === undefined) index.set(frontend, [`${name} ${entry}`]);
      else known.push(`${name} ${entry}`);
    }
  }
  return index;
}

/** As ipvsadm saves it. */
export function linesOf(server: VirtualServer): string[] {
  return [`-A ${parameterWords(server)}`, ...server.reals.map((real) => `-a ${realWords(server, real)}`)];
}
