import type { Endpoint } from '../../../compiler/ir/ir.ts';
import { endpointText } from '../../../compiler/ir/ir.ts';
import type { IpvsScheduler } from '../../../compiler/settings.ts';
import { compareAddresses, type IpAddress } from '../../../compiler/values/address.ts';
import type { Brand } from '../../../compiler/values/brand.ts';
import { type Port, type Protocol, protocols } from '../../../compiler/values/port.ts';

/** `10.96.0.1:80/TCP`, `[fd00:10::1]:53/UDP`: what tells one virtual server from another. */
export type ServerKey = Brand<string, 'ServerKey'>;

/** How a virtual server picks a real server: a name of 1 to 15 letters, as a kernel module has. */
export type SchedulerName = Brand<string, 'SchedulerName'>;

export function parseSchedulerName(value: unknown): SchedulerName | undefined {
  return typeof value === 'string' && /^[a-z]{1,15}$/.test(value) ? (value as SchedulerName) : undefined;
}

/** slicewright uses `masquerade`: the packet's destination is rewritten, and the answer's source back. */
export type Forwarding = 'masquerade' | 'route' | 'tunnel';

export interface RealServer {
  readonly address: IpAddress;
  readonly port: Port;
  readonly forwarding: Forwarding;
  /** 0 to 65535; 0: no new connections, established ones go on. */
  readonly weight: number;
  /** Options that slicewright's servers never have, as ipvsadm prints them; empty in slicewright's programs. */
  readonly other: string;
}

export interface VirtualServer {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: Port;
  readonly scheduler: SchedulerName;
  /** How long a client stays with its real server; undefined: not at all. Per virtual server, not per Service. */
  readonly persistenceSeconds: number | undefined;
  /** `mh-port` and the like, in the order of ipvsadm. */
  readonly flags: readonly string[];
  /** Options that slicewright's servers never have, as ipvsadm prints them; empty in slicewright's programs. */
  readonly other: string;
  /** In numeric order of address and port. */
  readonly reals: readonly RealServer[];
}

/** Where a virtual server is, without what is behind it. */
export type Frontend = Pick<VirtualServer, 'address' | 'port' | 'protocol'>;

export function serverKey(server: Frontend): ServerKey {
  return `${endpointText(server)}/${server.protocol}` as ServerKey;
}

/** Protocol, then numeric address and port: the order of all of slicewright's listings. */
export function compareServers(a: Frontend, b: Frontend): number {
  return protocols.indexOf(a.protocol) - protocols.indexOf(b.protocol) || compareEndpoints(a, b);
}

export function compareEndpoints(
  a: { readonly address: IpAddress; readonly port: Port },
  b: { readonly address: IpAddress; readonly port: Port },
): number {
  return compareAddresses(a.address, b.address) || a.port - b.port;
}

/** Everything but the real servers. */
export function sameParameters(a: VirtualServer, b: VirtualServer): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.persistenceSeconds === b.persistenceSeconds &&
    a.flags.join() === b.flags.join() &&
    a.other === b.other
  );
}

export function sameReal(a: RealServer, b: RealServer): boolean {
  return a.weight === b.weight && a.forwarding === b.forwarding && a.other === b.other;
}

/** Those whose schedulers look at weights. dh only asks whether a weight is 0, as rr and lc do. */
const weighing: readonly IpvsScheduler[] = ['wrr', 'wlc', 'sh', 'mh', 'sed', 'nq', 'lblc', 'lblcr'];

/**
 * The scheduler for endpoints of these weights: the configured one, unless it would ignore that
 * they differ. lc has a twin that does not; everything else becomes wrr (MR-62).
 */
export function schedulerFor(configured: IpvsScheduler, weights: readonly number[]): SchedulerName {
  const equal = weights.every((weight) => weight === weights[0]);
  const chosen = equal || weighing.includes(configured) ? configured : configured === 'lc' ? 'wlc' : 'wrr';
  return chosen as string as SchedulerName;
}

/** mh hashes the source port too, so that one client's connections spread; slicewright sets no flags for the others. */
export function flagsFor(scheduler: SchedulerName): readonly string[] {
  return scheduler === 'mh' ? ['mh-port'] : [];
}

const maxWeight = 65_535;

/**
 * Real servers for a pool, weights in lowest terms.
 *
 * Weights that the kernel cannot hold are scaled to at most 65535 and never to 0, which would
 * mean "no new connections": an endpoint's share is then off by at most 1 / 65535 of the largest.
 */
export function realServers(pool: readonly Endpoint[]): readonly RealServer[] {
  const divisor = pool.reduce((common, endpoint) => gcd(common, endpoint.weight), 0) || 1;
  const largest = pool.reduce((most, endpoint) => Math.max(most, endpoint.weight / divisor), 0);
  const weigh = (weight: number) =>
    largest <= maxWeight ? weight / divisor : Math.max(1, Math.round((weight / divisor / largest) * maxWeight));
  return pool
    .map(
      (endpoint): RealServer => ({
        address: endpoint.address,
        port: endpoint.port,
        forwarding: 'masquerade',
        weight: weigh(endpoint.weight),
        other: '',
      }),
    )
    .sort(compareEndpoints);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
