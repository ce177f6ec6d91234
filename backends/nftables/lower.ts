import { type Endpoint, type Frontend, type Route, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { cidrContains, hostCidr } from '../../compiler/values/address.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { exact } from '../../compiler/values/exact.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import { protocolText } from '../../compiler/values/port.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import type { Lowered } from '../maker.ts';
import { fromPods, mark, notFromPods, within } from './matches.ts';
import {
  affinitySet,
  endpointChain,
  endpointMapName,
  type Purpose,
  serviceChain,
  type SpreadChain,
  spreadChain,
} from './names.ts';
import { keyText, makeElement } from './program/element.ts';
import { type Name, nameOf } from './program/names.ts';
import { type Chain, makeChain, type NftSet } from './program/program.ts';
import type { Rule, Statement, Verdict } from './program/rule.ts';
import { createShares } from './shares.ts';
import { isEven, outcomesOf, type Spread, spreadOver } from './slots.ts';
import type { NamedSpread, NftablesUnit, SetShare } from './unit.ts';

/**
 * The share of one Service port.
 *
 *     services, node-ports ──► spread/tcp/N ──► endpoints            plain: elements only
 *            ├──► firewall ──► external ──► spread | cluster | local
 *            └──► cluster-ip ──► cluster ──► endpoint (one each)      affinity, policy, large weights
 *
 * A Service port gets chains of its own only where elements cannot express what it needs, because a kernel reads and writes
 * tables with thousands of chains and anonymous sets in time that grows with their square.
 */
export function lower(
  ir: ServicePortIR,
  node: NodeContext,
  _whole?: undefined,
  before?: NftablesUnit,
): Lowered<NftablesUnit> {
  const writer = createWriter(ir, node);
  for (const frontend of ir.frontends) {
    if (isInternal(frontend)) writeInternal(writer, frontend);
    else writeExternal(writer, frontend);
  }
  if (ir.healthCheckNodePort !== undefined) writer.put('health-check-ports', `${ir.healthCheckNodePort}`);
  return { unit: writer.finish(before), diagnostics: shareDiagnostics(writer) };
}

type InternalFrontend = Extract<Frontend, { readonly kind: 'clusterIP' | 'clusterSetIP' }>;
type ExternalFrontend = Exclude<Frontend, InternalFrontend>;
type Masquerade = SpreadChain['masquerade'];

function isInternal(frontend: Frontend): frontend is InternalFrontend {
  return frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
}

function writeInternal(writer: Writer, frontend: InternalFrontend): void {
  const { ir, node } = writer;
  writer.put('cluster-ips', frontend.address);
  if (ir.internal.kind !== 'forward') {
    writer.refuse(frontend, ir.internal);
    return;
  }
  const { pool } = ir.internal;
  const masquerade: Masquerade = node.masqueradeAll
    ? 'all'
    : node.localDetector === undefined || notFromPods(node.localDetector) === undefined
      ? 'none'
      : 'strangers';
  if (ir.pools[pool].length === 0) return;
  writer.forward(frontend, writer.wayTo(frontend, pool, masquerade, false));
}

function writeExternal(writer: Writer, frontend: ExternalFrontend): void {
  const { ir } = writer;
  if (ir.external.kind !== 'forward') writer.refuse(frontend, ir.external);
  if (ir.external.kind === 'reject') return;
  const way = externalWay(writer, frontend);
  if (frontend.kind !== 'loadBalancerIP' || frontend.sourceRanges.length === 0) {
    if (way !== undefined) writer.forward(frontend, way);
    return;
  }
  writer.put('guarded', placeKey(ir, frontend));
  if (way !== undefined) writer.forward(frontend, { kind: 'jump', chain: firewall(writer, frontend, way) });
}

/**
 * Where traffic to a place outside the cluster goes.
 *
 * Cluster policy masquerades everything. Local policy keeps the client's address, and lets what this node or its pods
 * send use all endpoints, as if it had not left the cluster. The rest falls out of the chain where no endpoint is here.
 */
function externalWay(writer: Writer, frontend: ExternalFrontend): Verdict | undefined {
  const { ir, node } = writer;
  const pool = ir.external.kind === 'forward' ? ir.external.pool : undefined;
  const isEmpty = pool === undefined || ir.pools[pool].length === 0;
  if (!ir.keepClientAddress) return isEmpty ? undefined : writer.wayTo(frontend, pool, 'all', false);
  const hasInside = ir.pools.cluster.length > 0;
  if (!hasInside) return isEmpty ? undefined : writer.wayTo(frontend, pool, 'none', false);
  const inside = verdict(writer.wayTo(frontend, 'cluster', 'none', true));
  const rules: Rule[] = [];
  if (node.localDetector !== undefined) rules.push(rule(...fromPods(node.localDetector), inside));
  const fromNode: Statement = { kind: 'localAddress', side: 'saddr' };
  rules.push(rule(fromNode, mark(node)), rule(fromNode, inside));
  if (!isEmpty) rules.push(rule(verdict(writer.wayTo(frontend, pool, 'none', false))));
  const name = writer.chain(frontend.kind === 'nodePort' ? 'external-node-port' : 'external', rules);
  return { kind: isEmpty ? 'jump' : 'goto', chain: name };
}

/** The chain that lets a load balancer's clients in by their address. A packet that falls out of it is dropped as guarded. */
function firewall(writer: Writer, frontend: Extract<Frontend, { kind: 'loadBalancerIP' }>, way: Verdict): Name {
  const { ir, node } = writer;
  const ranges = frontend.sourceRanges;
  // A node that may dial the address does so from that very address, once it is bound here.
  const own = ranges.some((range) => cidrContains(range, node.nodeIP))
    ? ir.frontends.filter((other) => other.kind === 'loadBalancerIP').map(({ address }) => hostCidr(address))
    : [];
  const rules = [...new Set([...ranges, ...own])].map((range) => rule(...within('saddr', range), verdict(way)));
  return writer.chain('firewall', rules);
}

/** Collects the share of one Service port: chains and elements that are needed twice are in it once. */
interface Writer {
  readonly ir: ServicePortIR;
  readonly node: NodeContext;
  formOf(pool: 'cluster' | 'local'): Form;
  put(set: string, key: string, data?: Verdict, comment?: string): void;
  forward(frontend: Frontend, way: Verdict): void;
  refuse(frontend: Frontend, route: Route): void;
  /** Leads to one endpoint of a pool that has some. */
  wayTo(frontend: Frontend, pool: 'cluster' | 'local', masquerade: Masquerade, inside: boolean): Verdict;
  chain(purpose: Purpose, rules: readonly Rule[]): Name;
  finish(before: NftablesUnit | undefined): NftablesUnit;
}

function createWriter(ir: ServicePortIR, node: NodeContext): Writer {
  const shares = createShares();
  const spreads: NamedSpread[] = [];
  const chains = new Map<Name, Chain>();
  const sets = new Map<Name, NftSet>();
  const comment = servicePortText(ir.service, ir.portName).slice(0, longestComment);
  const forms: Partial<Record<'cluster' | 'local', Form>> = {};

  function addChain(name: Name, rules: readonly Rule[]): Name {
    if (!chains.has(name)) chains.set(name, makeChain(ir.family, name, rules));
    return name;
  }

  const writer: Writer = {
    ir,
    node,
    formOf: (pool) => (forms[pool] ??= formOf(ir, ir.pools[pool])),
    put: (set, key, data, words) => shares.add(set, [makeElement(key, data, words)]),
    forward(frontend, way) {
      writer.put(frontend.kind === 'nodePort' ? 'node-ports' : 'services', placeKey(ir, frontend), way, comment);
    },
    refuse(frontend, route) {
      if (route.kind === 'forward') return;
      const set = frontend.kind === 'nodePort' ? 'refused-node-ports' : 'refused';
      const data: Verdict = route.kind === 'drop' ? { kind: 'drop' } : { kind: 'goto', chain: nameOf('refuse') };
      writer.put(set, placeKey(ir, frontend), data, comment);
    },
    wayTo(frontend, pool, masquerade, inside) {
      const protocol = protocolText(ir.protocol);
      shares.add(
        'hairpin',
        ir.pools[pool].map(({ address, port }) => makeElement(keyText(address, address, protocol, `${port}`))),
      );
      const form = writer.formOf(pool);
      if (form.kind === 'elements') {
        const place = frontend.kind === 'nodePort' ? 'nodePort' : 'address';
        const modulus = form.outcomes.length;
        const spread: SpreadChain = { inside, place, masquerade, protocol: ir.protocol, modulus };
        const name = spreadChain(spread);
        if (!spreads.some((other) => other.name === name)) spreads.push({ name, spread });
        const dialled =
          frontend.kind === 'nodePort' ? `${frontend.port}` : keyText(frontend.address, `${frontend.port}`);
        shares.add(
          endpointMapName(spread),
          form.outcomes.map((outcome, slot) => makeElement(keyText(dialled, `${slot}`), outcome)),
        );
        return { kind: 'goto', chain: name };
      }
      const chosen = addPool(pool, form.spread);
      if (masquerade === 'none') return { kind: 'goto', chain: chosen };
      const marking = masquerade === 'all' ? [] : ((node.localDetector && notFromPods(node.localDetector)) ?? []);
      const rules = [rule(...marking, mark(node)), rule(verdict({ kind: 'goto', chain: chosen }))];
      const purpose = masquerade === 'all' && !isInternal(frontend) ? 'external' : 'cluster-ip';
      return { kind: 'goto', chain: writer.chain(purpose, rules) };
    },
    chain: (purpose, rules) => addChain(serviceChain(purpose, ir), rules),
    finish(before) {
      const made = shares.finish(before?.shares ?? noShares);
      // Most Service ports have elements only, and all of these lead to one chain.
      if (chains.size === 0 && spreads.length < 2) {
        return { id: ir.id, shares: made, spreads: exact(spreads), chains: noChains, sets: noSets };
      }
      const used = reachable(made, chains);
      return {
        id: ir.id,
        shares: made,
        spreads: spreads.filter(({ name }) => used.has(name)),
        chains: [...chains.values()].filter(({ name }) => used.has(name)),
        sets: [...sets.values()],
      };
    },
  };

  /** The chain of a pool that takes more than elements. */
  function addPool(pool: 'cluster' | 'local', spread: Spread): Name {
    const endpoints = ir.pools[pool];
    const name = serviceChain(pool, ir);
    // One rule for all of them could not count them apart.
    if (ir.affinity.kind === 'none' && !node.countsTraffic && !endpoints.some(({ masquerade }) => masquerade)) {
      const { modulus, slots } = spread;
      return addChain(name, [rule({ kind: 'protocol', protocol: ir.protocol }, { kind: 'dnatSlots', modulus, slots })]);
    }
    const targets = new Map(endpoints.map((endpoint) => [endpoint, addEndpoint(endpoint)]));
    const wayOf = (endpoint: Endpoint): Verdict => ({ kind: 'goto', chain: targets.get(endpoint) ?? name });
    const remembered =
      ir.affinity.kind === 'none'
        ? []
        : endpoints.map((endpoint) =>
            rule({ kind: 'inSet', fields: ['saddr'], set: affinitySet(ir, endpoint) }, verdict(wayOf(endpoint))),
          );
    return addChain(name, [...remembered, choice(spread, wayOf)]);
  }

  function addEndpoint(endpoint: Endpoint): Name {
    const rules: Rule[] = [];
    if (endpoint.masquerade) rules.push(rule(mark(node)));
    if (ir.affinity.kind === 'clientIP') {
      const set = affinitySet(ir, endpoint);
      const timeoutSeconds = ir.affinity.seconds;
      sets.set(set, {
        name: set,
        key: ['address'],
        data: 'none',
        dynamic: { size: 65_535, timeoutSeconds },
        elements: new Map(),
      });
      // A rule of its own: where the set is full the connection still goes on.
      rules.push(rule({ kind: 'update', set }));
    }
    const protocol: Statement = { kind: 'protocol', protocol: ir.protocol };
    const translation: Statement = { kind: 'dnat', to: endpoint };
    rules.push(
      node.countsTraffic
        ? { statements: [protocol, { kind: 'counter' }, translation], comment }
        : rule(protocol, translation),
    );
    return addChain(endpointChain(ir, endpoint), rules);
  }

  return writer;
}

const noShares: readonly SetShare[] = [];
const noChains: readonly Chain[] = [];
const noSets: readonly NftSet[] = [];

/** Chains that elements lead to: where a Service names one address twice, the second place's chains are unreached. */
function reachable(shares: readonly SetShare[], chains: ReadonlyMap<Name, Chain>): ReadonlySet<Name> {
  const reached = new Set<Name>();
  const pending: Name[] = [];
  for (const { elements } of shares) {
    for (const { data } of elements) if (data !== undefined && 'chain' in data) pending.push(data.chain);
  }
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    for (const { statements } of chains.get(name)?.rules.filter((one) => one !== undefined) ?? []) {
      for (const statement of statements) pending.push(...chainsOf(statement));
    }
  }
  return reached;
}

function chainsOf(statement: Statement): Name[] {
  const verdicts =
    statement.kind === 'verdict'
      ? [statement.verdict]
      : statement.kind === 'verdictSlots'
        ? statement.slots.map(({ outcome }) => outcome)
        : [];
  return verdicts.flatMap((way) => ('chain' in way ? [way.chain] : []));
}

/** nft keeps 128 bytes of an element's comment. */
const longestComment = 128;

function choice({ modulus, slots }: Spread, wayOf: (endpoint: Endpoint) => Verdict): Rule {
  const [first] = slots;
  if (first !== undefined && slots.length === 1) return rule(verdict(wayOf(first.outcome)));
  return rule({
    kind: 'verdictSlots',
    modulus,
    slots: slots.map(({ from, to, outcome }) => ({ from, to, outcome: wayOf(outcome) })),
  });
}

/** How one of a pool's endpoints is chosen: by an element for each number that is drawn, or by chains. */
type Form =
  | { readonly kind: 'elements'; readonly outcomes: readonly Endpoint[] }
  | { readonly kind: 'chains'; readonly spread: Spread };

/** More numbers than this, where endpoints are fewer, would be a map of copies; a chain with ranges is smaller. */
const mostCopies = 128;

function formOf(ir: ServicePortIR, pool: readonly Endpoint[]): Form {
  const isPlain = ir.affinity.kind === 'none' && !pool.some(({ masquerade }) => masquerade);
  if (isPlain && isEven(pool)) return { kind: 'elements', outcomes: pool };
  const spread = spreadOver(pool);
  const isSmall = spread.modulus <= Math.max(pool.length, mostCopies);
  return isPlain && isSmall ? { kind: 'elements', outcomes: outcomesOf(spread) } : { kind: 'chains', spread };
}

function placeKey(ir: ServicePortIR, frontend: Frontend): string {
  switch (frontend.kind) {
    case 'nodePort':
      return keyText(protocolText(ir.protocol), `${frontend.port}`);
    case 'clusterIP':
    case 'clusterSetIP':
    case 'externalIP':
    case 'loadBalancerIP':
      return keyText(frontend.address, protocolText(ir.protocol), `${frontend.port}`);
    default:
      return unreachable(frontend);
  }
}

function rule(...statements: readonly Statement[]): Rule {
  return { statements };
}

function verdict(way: Verdict): Statement {
  return { kind: 'verdict', verdict: way };
}

/** MR-63 allows a thousandth of a share. */
const allowedDeviation = 0.001;

const noDiagnostics: readonly Diagnostic[] = [];

function shareDiagnostics({ ir, formOf: form }: Writer): readonly Diagnostic[] {
  const [object] = ir.origin;
  if (object === undefined || (isEven(ir.pools.cluster) && isEven(ir.pools.local))) return noDiagnostics;
  return [form('cluster'), form('local')]
    .map((one) => (one.kind === 'chains' ? one.spread.deviation : 0))
    .filter((deviation) => deviation > allowedDeviation)
    .map((deviation) => ({
      severity: 'warning',
      code: 'share-imprecise',
      object,
      message: `a choice has at most 2³¹ numbers: an endpoint of ${ir.id} gets a share that is ${(deviation * 100).toPrecision(2)} % off`,
    }));
}
