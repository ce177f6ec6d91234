import { type Endpoint, endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { exact } from '../../compiler/values/exact.ts';
import { compareText } from '../../compiler/values/names.ts';
import type { Lowered } from '../maker.ts';
import { makeChain } from '../netfilter/chain.ts';
import { chainUnder, rulesUnder } from '../netfilter/prefix.ts';
import type { Chain, ChainName, Rule } from '../netfilter/rule.ts';
import { balance, largestDeviation } from './balance.ts';
import { dispatchRules, endpointRules, type NamedEndpoint } from './dispatch.ts';
import { entriesOf } from './entries.ts';
import { externalRules, firewallRules } from './external.ts';
import { comment, destinationAddress, destinationPort, notFromPods, toMarkMasquerade } from './matches.ts';
import { endpointChain } from './names.ts';
import { chainOfRoute, type Outline, outlineOf } from './outline.ts';
import type { IptablesUnit, LowerOptions } from './unit.ts';

/**
 * The rules of one Service port, as kube-proxy writes them.
 *
 *     SERVICES, NODEPORTS ──► FW ──► EXT ──► SVC | SVL ──► SEP (one per endpoint)
 *            └──────── cluster IP ──────────►┘
 */
export function lower(ir: ServicePortIR, node: NodeContext, options: LowerOptions): Lowered<IptablesUnit> {
  const outline = outlineOf(ir);
  const { clusterChain, localChain, externalChain, firewallChain, text } = outline;
  const { local, cluster, all } = nameEndpoints(ir, outline);
  const shares = { local: sharesOf(ir.pools.local), cluster: sharesOf(ir.pools.cluster) };
  const chains: Chain[] = [];
  const add = (name: ChainName | undefined, rules: (name: ChainName) => readonly Rule[]): void => {
    if (name === undefined) return;
    const renamed = rulesUnder(rules(name), node.chainPrefix);
    chains.push(makeChain(ir.family, 'nat', chainUnder(name, node.chainPrefix), renamed));
  };
  add(externalChain, () => externalRules(ir, outline, node));
  add(firewallChain, () => firewallRules(outline, node));
  add(clusterChain, (name) => [
    ...masqueradeRules(ir, outline, node, name),
    ...dispatchRules(ir, text, cluster, shares.cluster.chances, options),
  ]);
  add(localChain, (name) => [
    ...masqueradeRules(ir, outline, node, name),
    ...dispatchRules(ir, text, local, shares.local.chances, options),
  ]);
  for (const endpoint of all) add(endpoint.chain, () => endpointRules(ir, text, endpoint, options));
  return {
    unit: { id: ir.id, chains: exact(chains), entries: entriesOf(ir, outline, node), known: ir.known.length },
    diagnostics: shareDiagnostics(ir, [shares.cluster, shares.local]),
  };
}

/**
 * The first rule of the chain that cluster IPs lead to: clients that are no pods of this node get
 * the node's address, so that answers come back through it. It names the address because traffic
 * from outside uses the same chain.
 */
function masqueradeRules(ir: ServicePortIR, outline: Outline, node: NodeContext, chain: ChainName): Rule[] {
  if (chain !== chainOfRoute(outline, ir.internal)) return [];
  const clients = node.masqueradeAll ? [] : node.localDetector && notFromPods(node.localDetector);
  if (clients === undefined) return [];
  return outline.internal.map(({ kind, address, port }) => {
    const words = comment(`${outline.text} ${kind === 'clusterIP' ? 'cluster IP' : 'clusterset IP'}`);
    return {
      matches: [...clients, destinationAddress(address), ...destinationPort(ir.protocol, port, words)],
      target: toMarkMasquerade,
    };
  });
}

/**
 * The endpoints of the pools that one of slicewright's chains leads to, with their names.
 *
 * returns   in `all` each once, by `ip:port`
 */
function nameEndpoints(ir: ServicePortIR, { text: servicePort, localChain, clusterChain }: Outline) {
  const used = new Map<string, NamedEndpoint>();
  const name = (endpoint: Endpoint): NamedEndpoint => {
    const text = endpointText(endpoint);
    const chain = used.get(text)?.chain ?? endpointChain(servicePort, ir.protocol, text);
    const named = { endpoint, text, chain };
    used.set(text, named);
    return named;
  };
  const local = localChain === undefined ? [] : ir.pools.local.map(name);
  const cluster = clusterChain === undefined ? [] : ir.pools.cluster.map(name);
  return { local, cluster, all: [...used.values()].sort((a, b) => compareText(a.text, b.text)) };
}

/** What the endpoints of a pool should get, and the chances that give it to them. */
interface Shares {
  readonly weights: readonly number[];
  readonly chances: readonly (number | undefined)[];
}

function sharesOf(pool: readonly Endpoint[]): Shares {
  const weights = pool.map((endpoint) => endpoint.weight);
  return { weights, chances: balance(weights) };
}

/** MR-63 allows a thousandth of a share. */
const allowedDeviation = 0.001;

function shareDiagnostics(ir: ServicePortIR, shares: readonly Shares[]): Diagnostic[] {
  const [object] = ir.origin;
  if (object === undefined) return [];
  const diagnostics: Diagnostic[] = [];
  for (const { weights, chances } of shares) {
    const deviation = largestDeviation(weights, chances);
    if (deviation <= allowedDeviation) continue;
    const percent = (deviation * 100).toPrecision(2);
    diagnostics.push({
      severity: 'warning',
      code: 'share-imprecise',
      object,
      message: `the kernel keeps chances in steps of 2⁻³¹: an endpoint of ${ir.id} gets a share that is ${percent} % off`,
    });
  }
  return diagnostics;
}
