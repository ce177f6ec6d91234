import type { Frontend, Route, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Cidr, parseCidr } from '../../compiler/values/address.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import { counting } from '../netfilter/accounts.ts';
import { chainUnder, ruleUnder } from '../netfilter/prefix.ts';
import type { ChainName, Match, Rule, Target } from '../netfilter/rule.ts';
import { comment, destinationAddress, destinationPort } from './matches.ts';
import { nodeChain } from './names.ts';
import { chainOfRoute, type Outline } from './outline.ts';
import { type Entry, makeEntry } from './unit.ts';

/**
 * Rules of one Service port in the chains that all share: table nat captures packets for it,
 * table filter refuses those that nat has left alone.
 */
export function entriesOf(ir: ServicePortIR, outline: Outline, node: NodeContext): Entry[] {
  const { chainPrefix: prefix } = node;
  const places = ir.frontends.flatMap((frontend) => frontendRules(ir, outline, frontend, node));
  if (ir.healthCheckNodePort !== undefined) {
    const matches = destinationPort('TCP', ir.healthCheckNodePort, comment(`${outline.text} health check node port`));
    places.push({ table: 'filter', into: nodeChain.nodePorts, rule: { matches, target: { kind: 'accept' } } });
  }
  return places.map(({ table, into, rule }) =>
    makeEntry(ir.family, table, chainUnder(into, prefix), ruleUnder(rule, prefix)),
  );
}

type Placed = Pick<Entry, 'table' | 'into'> & { readonly rule: Rule };

function frontendRules(ir: ServicePortIR, outline: Outline, frontend: Frontend, node: NodeContext): Placed[] {
  const { text, externalChain, firewallChain } = outline;
  switch (frontend.kind) {
    case 'clusterIP':
      return [
        ...capture(ir, frontend, `${text} cluster IP`, chainOfRoute(outline, ir.internal)),
        ...refuse(ir, frontend, text, ir.internal, nodeChain.services),
      ];
    case 'clusterSetIP':
      return [
        ...capture(ir, frontend, `${text} clusterset IP`, chainOfRoute(outline, ir.internal)),
        ...refuse(ir, frontend, text, ir.internal, nodeChain.services),
      ];
    case 'externalIP':
      return [
        ...capture(ir, frontend, `${text} external IP`, externalChain),
        ...refuse(ir, frontend, text, ir.external, nodeChain.externalServices),
      ];
    case 'loadBalancerIP':
      return [
        ...capture(ir, frontend, `${text} loadbalancer IP`, firewallChain ?? externalChain),
        ...(firewallChain === undefined ? [] : [dropRest(ir, frontend, text, firewallChain)]),
        ...refuse(ir, frontend, text, ir.external, nodeChain.externalServices),
      ];
    case 'nodePort':
      return [
        ...countLoopback(ir, frontend, text, externalChain, node),
        ...capture(ir, frontend, text, externalChain),
        ...refuse(ir, frontend, text, ir.external, nodeChain.externalServices),
      ];
    default:
      return unreachable(frontend);
  }
}

function capture(ir: ServicePortIR, frontend: Frontend, words: string, chain: ChainName | undefined): Placed[] {
  if (chain === undefined) return [];
  const into = frontend.kind === 'nodePort' ? nodeChain.nodePorts : nodeChain.services;
  const matches = [...addressOf(frontend), ...destinationPort(ir.protocol, frontend.port, comment(words))];
  return [{ table: 'nat', into, rule: { matches, target: { kind: 'jump', chain } } }];
}

const loopback: Match = { kind: 'destination', cidr: parseCidr('127.0.0.0/8') as Cidr };

/** kube-proxy 1.31: connections to a node port on 127.0.0.1 go where all other connections go, and are counted. */
function countLoopback(
  ir: ServicePortIR,
  frontend: Frontend,
  words: string,
  chain: ChainName | undefined,
  { family, nodePorts, packetCounters }: NodeContext,
): Placed[] {
  if (!packetCounters || chain === undefined || family !== 'IPv4' || !nodePorts.loopback) return [];
  const port = destinationPort(ir.protocol, frontend.port, comment(words));
  const rule = { matches: [loopback, ...port, counting('loopback')], target: { kind: 'jump', chain } } as const;
  return [{ table: 'nat', into: nodeChain.nodePorts, rule }];
}

function refuse(ir: ServicePortIR, frontend: Frontend, text: string, route: Route, into: ChainName): Placed[] {
  if (route.kind === 'forward') return [];
  const words = route.kind === 'reject' ? `${text} has no endpoints` : `${text} has no local endpoints`;
  const target: Target = { kind: route.kind };
  // Every local address, even where only some of them answer on node ports: as kube-proxy has it.
  const local: Match[] = frontend.kind === 'nodePort' ? [{ kind: 'addrtype', side: 'dst' }] : [];
  const matches = [...addressOf(frontend), ...destinationPort(ir.protocol, frontend.port, comment(words), ...local)];
  return [{ table: 'filter', into, rule: { matches, target } }];
}

/** Table nat cannot drop: what the source ranges have not let in is dropped where it would go on. */
function dropRest(ir: ServicePortIR, frontend: Frontend, text: string, firewallChain: ChainName): Placed {
  const words = comment(`${text} traffic not accepted by ${firewallChain}`);
  const matches = [...addressOf(frontend), ...destinationPort(ir.protocol, frontend.port, words)];
  return { table: 'filter', into: nodeChain.proxyFirewall, rule: { matches, target: { kind: 'drop' } } };
}

function addressOf(frontend: Frontend): readonly Match[] {
  return frontend.kind === 'nodePort' ? [] : [destinationAddress(frontend.address)];
}
