import type { Endpoint, Frontend, Route, ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { cidrContains, hostCidr, type IpAddress, splitCidr } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import type { Lowered } from '../../maker.ts';
import type { Match, Rule } from '../../netfilter/rule.ts';
import { shortcomings } from './exceptions.ts';
import type { IpvsUnit, UnitEntry } from './program.ts';
import { frontendsElsewhere, withinReach } from './reachable.ts';
import { flagsFor, realServers, schedulerFor, type VirtualServer } from './servers.ts';
import { frontendEntry, portEntry, type SetEntry, type SetId, sourceEntry, sourceRangeEntry } from './sets.ts';

/** A frontend with an address: node ports are one for each address of the node that answers on them. */
type Dialled =
  | { readonly kind: 'cluster' | 'external'; readonly address: IpAddress; readonly port: Frontend['port'] }
  | Extract<Frontend, { kind: 'loadBalancerIP' }>
  | { readonly kind: 'node'; readonly address: IpAddress; readonly port: Frontend['port'] };

/**
 * One Service port as virtual servers, set entries, addresses to bind and outgoing filters.
 *
 * The chains are the same for every Service: which rules a packet meets is decided by the sets it
 * is in (IPVS-5.5). With `node.compat` it is kube-proxy v1.30 to the letter. Without, a policy
 * without local endpoints drops as in iptables mode, where kube-proxy's IPVS mode falls back to
 * endpoints elsewhere; see README.md for that and for what remains different.
 */
export function lowerServicePort(given: ServicePortIR, node: NodeContext): Lowered<IpvsUnit> {
  const ir = withinReach(given, node);
  const dialled = ir.frontends.flatMap((frontend) => expandFrontend(frontend, node));
  const isUnanswerable = ir.frontends.some(({ kind }) => kind === 'nodePort') && nodePortAddresses(node).length === 0;
  const [atNode, atAddresses] = [dialled.filter(isOfNodePort), dialled.filter((one) => !isOfNodePort(one))];
  const entries: UnitEntry[] = [...hairpinEntries(ir, node), ...entriesOf(atAddresses, ir, node)];
  if (!node.compat) entries.push(...masqueradeEntries(ir));
  // kube-proxy stops before the health check port of such a Service (IPVS-7.2).
  if (ir.healthCheckNodePort !== undefined && !(node.compat && isUnanswerable)) {
    entries.push({ set: 'healthCheckNodePort', entry: portEntry(ir.healthCheckNodePort) });
  }
  const unit: IpvsUnit = {
    servers: serversOf(atAddresses, ir, node),
    entries,
    nodePorts: { servers: serversOf(atNode, ir, node), entries: entriesOf(atNode, ir, node) },
    bind: dialled.filter((frontend) => isBound(frontend, node)).map(({ address }) => address),
    outFilter: dialled.flatMap((frontend) => outFilterRule(frontend, ir, node) ?? []),
  };
  return { unit, diagnostics: node.compat ? [] : diagnosticsOf(given, node) };
}

function isOfNodePort({ kind }: Dialled): boolean {
  return kind === 'node';
}

function serversOf(dialled: readonly Dialled[], ir: ServicePortIR, node: NodeContext): VirtualServer[] {
  return dialled.flatMap((frontend) => virtualServer(frontend, ir, node) ?? []);
}

function entriesOf(dialled: readonly Dialled[], ir: ServicePortIR, node: NodeContext): UnitEntry[] {
  const entries = dialled.flatMap((frontend) => frontendEntries(frontend, ir, node));
  return node.compat ? entries : [...entries, ...dropEntries(dialled, ir)];
}

function expandFrontend(frontend: Frontend, node: NodeContext): readonly Dialled[] {
  switch (frontend.kind) {
    case 'clusterIP':
    case 'clusterSetIP':
      return [{ kind: 'cluster', address: frontend.address, port: frontend.port }];
    case 'externalIP':
      return [{ kind: 'external', address: frontend.address, port: frontend.port }];
    case 'loadBalancerIP':
      return [frontend];
    case 'nodePort':
      return nodePortAddresses(node).map((address) => ({ kind: 'node', address, port: frontend.port }));
    default:
      return unreachable(frontend);
  }
}

/** Never loopback: IPVS takes no packet that would have to leave with such a source. */
function nodePortAddresses(node: NodeContext): readonly IpAddress[] {
  const addresses = node.nodePorts.kind === 'all' ? node.addresses : node.nodePorts.addresses;
  return addresses.filter((address) => !isLoopback(address));
}

function isLoopback(address: IpAddress): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** An address that the node has anyway needs no binding, and must not lose it with the Service. */
function isBound(frontend: Dialled, node: NodeContext): boolean {
  if (frontend.kind === 'node') return false;
  return frontend.kind === 'cluster' || !node.addresses.includes(frontend.address);
}

function routeOf(frontend: Dialled, ir: ServicePortIR): Route {
  return frontend.kind === 'cluster' ? ir.internal : ir.external;
}

/**
 * undefined where nothing may answer: IPVS takes the node's own packets before any filter could
 * drop them, and refuses what it has no real server for, so the way to drop is to have no virtual
 * server (the filter rules over SLICEWRIGHT-DROP do the rest).
 */
function virtualServer(frontend: Dialled, ir: ServicePortIR, node: NodeContext): VirtualServer | undefined {
  const route = routeOf(frontend, ir);
  if (route.kind === 'drop' && isDroppedForAll(frontend, ir) && !node.compat) return undefined;
  const pool = poolOf(route, ir);
  const reals = realServers(node.compat ? pool.map((endpoint) => ({ ...endpoint, weight: 1 })) : pool);
  const scheduler = schedulerFor(
    node.ipvs.scheduler,
    reals.map(({ weight }) => weight),
  );
  return {
    protocol: ir.protocol,
    address: frontend.address,
    port: frontend.port,
    scheduler,
    persistenceSeconds: ir.affinity.kind === 'clientIP' ? ir.affinity.seconds : undefined,
    flags: flagsFor(scheduler),
    other: '',
    reals,
  };
}

function poolOf(route: Route, ir: ServicePortIR): readonly Endpoint[] {
  switch (route.kind) {
    case 'forward':
      return ir.pools[route.pool];
    case 'reject':
      return [];
    case 'drop':
      // kube-proxy falls back to all endpoints (IPVS-8.1). Slicewright drops clients from outside by rule, so
      // that this is only for the node and its pods, whose traffic may go to any endpoint.
      return ir.pools.cluster;
    default:
      return unreachable(route);
  }
}

/** Internal traffic that stays local has nowhere to go; external traffic may have begun on the node. */
function isDroppedForAll(frontend: Dialled, ir: ServicePortIR): boolean {
  return routeOf(frontend, ir).kind === 'drop' && (frontend.kind === 'cluster' || ir.pools.cluster.length === 0);
}

/** In both LOCAL and plain sets where the policy is Local: the LOCAL rules come first and return. */
function frontendEntries(frontend: Dialled, ir: ServicePortIR, node: NodeContext): readonly UnitEntry[] {
  const at = { address: frontend.address, port: frontend.port, protocol: ir.protocol };
  const isLocal = ir.keepClientAddress;
  switch (frontend.kind) {
    case 'cluster':
      return [{ set: 'clusterIp', entry: frontendEntry(at) }];
    case 'external':
      return [{ set: isLocal ? 'externalIpLocal' : 'externalIp', entry: frontendEntry(at) }];
    case 'loadBalancerIP':
      return [
        { set: 'loadBalancer', entry: frontendEntry(at) },
        ...(isLocal ? [{ set: 'loadBalancerLocal' as const, entry: frontendEntry(at) }] : []),
        ...sourceRangeEntries(frontend, ir, node),
      ];
    case 'node':
      return nodePortEntries(frontend, ir);
    default:
      return unreachable(frontend);
  }
}

function nodePortEntries(frontend: Extract<Dialled, { kind: 'node' }>, ir: ServicePortIR): readonly UnitEntry[] {
  const inSets = (plain: SetId, local: SetId, entry: SetEntry) =>
    (ir.keepClientAddress ? [plain, local] : [plain]).map((set) => ({ set, entry }));
  switch (ir.protocol) {
    case 'TCP':
      return inSets('nodePortTcp', 'nodePortLocalTcp', portEntry(frontend.port));
    case 'UDP':
      return inSets('nodePortUdp', 'nodePortLocalUdp', portEntry(frontend.port));
    case 'SCTP':
      return inSets(
        'nodePortSctp',
        'nodePortLocalSctp',
        frontendEntry({ address: frontend.address, port: frontend.port, protocol: ir.protocol }),
      );
    default:
      return unreachable(ir.protocol);
  }
}

type Restricted = Extract<Dialled, { kind: 'loadBalancerIP' }>;

function isRestricted(frontend: Restricted, ir: ServicePortIR, node: NodeContext): boolean {
  if (frontend.sourceRanges.length === 0) return false;
  if (node.compat) return true;
  // A range of length 0 holds everyone, and a set cannot hold it. A frontend without endpoints is
  // refused to all clients, as in iptables mode.
  return ir.external.kind !== 'reject' && frontend.sourceRanges.every((range) => splitCidr(range).length > 0);
}

function allowsNode(frontend: Restricted, node: NodeContext): boolean {
  return frontend.sourceRanges.some((range) => cidrContains(range, node.nodeIP));
}

function sourceRangeEntries(frontend: Restricted, ir: ServicePortIR, node: NodeContext): readonly UnitEntry[] {
  if (!isRestricted(frontend, ir, node)) return [];
  const at = { address: frontend.address, port: frontend.port, protocol: ir.protocol };
  const ranges = frontend.sourceRanges.flatMap((range) => sourceRangeEntry(at, range) ?? []);
  return [
    { set: 'loadBalancerFw', entry: frontendEntry(at) },
    ...ranges.map((entry) => ({ set: 'loadBalancerSourceCidr' as const, entry })),
    // What the node sends to an address of its own has that address as its source.
    ...(allowsNode(frontend, node)
      ? [{ set: 'loadBalancerSourceIp' as const, entry: sourceEntry(at, frontend.address) }]
      : []),
  ];
}

/** The node's own packets never pass INPUT on their way to IPVS: they are stopped when it sends them out. */
function outFilterRule(frontend: Dialled, ir: ServicePortIR, node: NodeContext): Rule | undefined {
  if (frontend.kind !== 'loadBalancerIP' || !isRestricted(frontend, ir, node) || allowsNode(frontend, node)) {
    return undefined;
  }
  // kube-proxy asks for the address that the node has as its source once the frontend is bound;
  // until then, and by choice of the process, it has another one of its own.
  const fromNode: Match = node.compat
    ? { kind: 'source', cidr: hostCidr(frontend.address) }
    : { kind: 'addrtype', side: 'src' };
  return {
    matches: [fromNode, { kind: 'ipvs', address: frontend.address, protocol: ir.protocol, port: frontend.port }],
    target: { kind: 'drop' },
  };
}

/**
 * A pod that is sent to itself must not see its own address as the client. kube-proxy knows this
 * node's endpoints by their node's name, in whatever state. An endpoint whose slice names no node may run
 * here too, so slicewright counts every endpoint in use.
 */
function hairpinEntries(ir: ServicePortIR, node: NodeContext): UnitEntry[] {
  const here = ir.known.filter((endpoint) => endpoint.local);
  const used = node.compat ? [] : [...ir.pools.cluster, ...ir.pools.local];
  return [...here, ...used].map(({ address, port }) => ({
    set: 'loopBack',
    entry: sourceEntry({ address, port, protocol: ir.protocol }, address),
  }));
}

function dropEntries(dialled: readonly Dialled[], ir: ServicePortIR): readonly UnitEntry[] {
  return dialled
    .filter((frontend) => routeOf(frontend, ir).kind === 'drop')
    .map((frontend) => ({
      set: isDroppedForAll(frontend, ir) ? 'dropAll' : 'dropOutside',
      entry: frontendEntry({ address: frontend.address, port: frontend.port, protocol: ir.protocol }),
    }));
}

function masqueradeEntries(ir: ServicePortIR): readonly UnitEntry[] {
  return [...ir.pools.cluster, ...ir.pools.local]
    .filter((endpoint) => endpoint.masquerade)
    .map((endpoint) => ({ set: 'masquerade', entry: frontendEntry({ ...endpoint, protocol: ir.protocol }) }));
}

function diagnosticsOf(ir: ServicePortIR, node: NodeContext): readonly Diagnostic[] {
  const object = ir.origin[0];
  if (object === undefined) return [];
  return [
    ...frontendsElsewhere(ir, node).map(
      ({ address, whose }): Diagnostic => ({
        severity: 'warning',
        code: 'ipvs-address-elsewhere',
        object,
        message: `${address} is the address of ${whose}; binding it would cut this node off from there, so in IPVS mode slicewright does not serve it on this node`,
      }),
    ),
    ...shortcomings(withinReach(ir, node), node).map(
      ({ code, message }): Diagnostic => ({
        severity: 'info',
        code,
        object,
        message,
      }),
    ),
  ];
}
