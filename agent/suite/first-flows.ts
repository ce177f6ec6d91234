import { byName } from '../../backends/index.ts';
import type { Target } from '../../backends/target.ts';
import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { Packet, Share, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isFromPod } from '../../compiler/semantics/place.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { families } from '../../compiler/values/address.ts';
import { add, type Rational, zero } from '../../compiler/values/rational.ts';
import { targetsOf } from '../planning/targets.ts';
import { type ClusterByEndpoint, clustersByEndpoint, shareText } from './flow-check.ts';
import { fateKey } from './flow-table.ts';
import type { CompiledState } from './states.ts';

/** In larger pools than this, clusters are named instead of endpoints. */
const namedEndpoints = 8;

/**
 * A first flow table: one flow for each Service port and family, from a pod of this node if that is possible. It states what
 * the Services mean, and for each backend that does something else, what that backend does.
 */
export async function firstFlows(state: CompiledState, backends: readonly string[]): Promise<string> {
  const targets = targetsOf(state.compilation);
  const clusterOf = clustersByEndpoint(state);
  const flows = new Map<string, string[]>();
  for (const family of families) {
    const { services, node } = targets[family];
    const verdictOf = expectation(services, node);
    for (const ir of services) {
      const packet = firstPacket(ir, node);
      if (packet === undefined) continue;
      const lines = await linesOf(packet, verdictOf(packet), targets[family], clusterOf, backends);
      const text = flowText(ir, packet, services);
      flows.set(flows.has(text) ? formatPacket(packet) : text, lines);
    }
  }
  return tableOf(flows);
}

/** A flow table that states what the Services mean for these packets. */
export async function flowsOfPackets(
  state: CompiledState,
  packets: readonly Packet[],
  backends: readonly string[],
): Promise<string> {
  const targets = targetsOf(state.compilation);
  const clusterOf = clustersByEndpoint(state);
  const flows = new Map<string, string[]>();
  for (const packet of packets) {
    const target = targets[packet.family];
    const verdict = expectation(target.services, target.node)(packet);
    flows.set(formatPacket(packet), await linesOf(packet, verdict, target, clusterOf, backends));
  }
  return tableOf(flows);
}

/** What the Services mean, and for each backend that does something else, what that backend does. */
async function linesOf(
  packet: Packet,
  verdict: Verdict,
  target: Target,
  clusterOf: ClusterByEndpoint,
  backends: readonly string[],
): Promise<string[]> {
  const lines = fateLines(verdict, clusterOf);
  for (const backend of backends) {
    const { trace } = await (await byName(backend)).witness();
    const found = trace(target, packet).verdict;
    if (disagreement(verdict, found) === undefined) continue;
    lines.push(...fateLines(found, clusterOf).map((line) => `${backend}: ${line}`));
  }
  return lines;
}

function tableOf(flows: ReadonlyMap<string, readonly string[]>): string {
  const paragraphs = [...flows].map(([text, lines]) => [text, ...lines.map((line) => `  ${line}`), ''].join('\n'));
  return `${heading}\n${paragraphs.join('\n')}`;
}

const heading = `# The expected fate of new connections, for every backend. Edit it before you change the rules.
`;

/** A new connection to an address of a Service port inside of the cluster: from a pod of this node, else from anywhere. */
function firstPacket(ir: ServicePortIR, node: NodeContext): Packet | undefined {
  const frontend = ir.frontends.find(isInternal);
  if (frontend === undefined) return undefined;
  const endpoints = new Set([...ir.known, ...ir.pools.cluster].map(({ address }) => address));
  const candidates = probes([ir], node).filter(
    (packet) =>
      packet.destination === frontend.address &&
      packet.destinationPort === frontend.port &&
      packet.protocol === ir.protocol &&
      packet.remembered === undefined &&
      packet.from.kind === 'interface' &&
      !endpoints.has(packet.source),
  );
  return candidates.find((packet) => isFromPod(packet, node)) ?? candidates[0];
}

function isInternal(frontend: Frontend): frontend is Extract<Frontend, { kind: 'clusterIP' | 'clusterSetIP' }> {
  return frontend.kind === 'clusterIP' || frontend.kind === 'clusterSetIP';
}

/** Names the Service, and the protocol if another port has the same name or number. */
function flowText(ir: ServicePortIR, packet: Packet, services: readonly ServicePortIR[]): string {
  const [, source = ''] = /^(.*) -> /.exec(formatPacket(packet)) ?? [];
  const name = ir.service.replace(/@clusterset$/, '');
  const port = ir.portName === '' ? String(packet.destinationPort) : ir.portName;
  const alike = services.filter(
    (other) =>
      other.service.replace(/@clusterset$/, '') === name &&
      (other.portName === port || other.frontends.some((one) => isInternal(one) && String(one.port) === port)),
  );
  const isOneProtocol = new Set(alike.map(({ protocol }) => protocol)).size === 1;
  return `${source} -> ${name}:${port}${isOneProtocol ? '' : `/${packet.protocol.toLowerCase()}`}`;
}

function fateLines(verdict: Verdict, clusterOf: ClusterByEndpoint): string[] {
  if (verdict.kind !== 'forward' && verdict.kind !== 'mixed') return [verdict.kind];
  const shares = new Map<string, Rational>();
  const byCluster = verdict.to.length > namedEndpoints;
  for (const { share, ...endpoint } of verdict.to) {
    const key = fateOf(endpoint, byCluster ? clusterOf(endpoint) : undefined);
    shares.set(key, add(shares.get(key) ?? zero, share));
  }
  for (const { fate, share } of verdict.kind === 'mixed' ? verdict.rest : []) shares.set(fate, share);
  return [...shares].map(([key, share]) => `${shareText(share)} ${key}`);
}

function fateOf(endpoint: Omit<Share, 'share'>, cluster: ReturnType<ClusterByEndpoint>): string {
  if (cluster === undefined) return fateKey({ kind: 'endpoint', ...endpoint });
  return fateKey({ kind: 'cluster', cluster: cluster ?? undefined, masquerade: endpoint.masquerade });
}
