import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { cidrContains, hostCidr } from '../../compiler/values/address.ts';
import type { Match, Rule, Target } from '../netfilter/rule.ts';
import { comment, fromPods, sourceWithin } from './matches.ts';
import { nodeChain } from './names.ts';
import { chainOfRoute, type Outline } from './outline.ts';

const masquerade: Target = { kind: 'jump', chain: nodeChain.markMasquerade };
const fromNode: Match = { kind: 'addrtype', side: 'src' };

/**
 * The chain for traffic to node ports, external and load balancer addresses.
 *
 * Cluster policy masquerades everything. Local policy keeps the client's address, and treats
 * what this node or its pods send as if it had left the cluster and come back: such traffic may
 * use all endpoints. Without a local endpoint the rest falls out of the chain and is dropped in filter.
 */
export function externalRules(ir: ServicePortIR, outline: Outline, node: NodeContext): Rule[] {
  const { text, clusterChain } = outline;
  const rules: Rule[] = [];
  if (!ir.keepClientAddress) {
    rules.push({ matches: [comment(`masquerade traffic for ${text} external destinations`)], target: masquerade });
  } else if (clusterChain !== undefined) {
    const target: Target = { kind: 'jump', chain: clusterChain };
    if (node.localDetector !== undefined) {
      const words = comment(`pod traffic for ${text} external destinations`);
      rules.push({ matches: [...fromPods(node.localDetector), words], target });
    }
    const masqueraded = comment(`masquerade LOCAL traffic for ${text} external destinations`);
    const routed = comment(`route LOCAL traffic for ${text} external destinations`);
    rules.push({ matches: [masqueraded, fromNode], target: masquerade }, { matches: [routed, fromNode], target });
  }
  const chain = chainOfRoute(outline, ir.external);
  if (chain !== undefined) rules.push({ matches: [], target: { kind: 'jump', chain } });
  return rules;
}

/** The chain that lets a load balancer's clients in by their address. */
export function firewallRules(outline: Outline, node: NodeContext): Rule[] {
  const { text, externalChain, sourceRanges, loadBalancers } = outline;
  if (externalChain === undefined) return [];
  const words = comment(`${text} loadbalancer IP`);
  const target: Target = { kind: 'jump', chain: externalChain };
  const rules: Rule[] = sourceRanges.map((range) => ({ matches: [...sourceWithin(range), words], target }));
  // A node that may dial the address does so from that very address, once it is bound here.
  if (sourceRanges.some((range) => cidrContains(range, node.nodeIP))) {
    for (const { address } of loadBalancers) {
      rules.push({ matches: [{ kind: 'source', cidr: hostCidr(address) }, words], target });
    }
  }
  // No target: it only counts, and its comment tells where the rest goes.
  rules.push({ matches: [comment(`other traffic to ${text} will be dropped by ${nodeChain.proxyFirewall}`)] });
  return rules;
}
