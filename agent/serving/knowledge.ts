import type { Compiler } from '../../compiler/incremental.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { EndpointRecord } from '../../compiler/merge/record.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import type { ChainPrefix, Settings } from '../../compiler/settings.ts';
import { type Cidr, type Family, familyOf, parseAddress } from '../../compiler/values/address.ts';
import { parsePort, protocols } from '../../compiler/values/port.ts';
import { documentVersion } from '../terminal/document.ts';
import { type Answer, plain } from './listener.ts';

/** An agent's knowledge about one Service, for `slicewright explain` on a node: it takes the place of objects from files. */
export interface AgentKnowledge {
  readonly mode: string;
  readonly chainPrefix: ChainPrefix;
  readonly clusterCidrs: readonly Cidr[];
  readonly excludeCidrs: readonly Cidr[];
  readonly node: Readonly<Record<Family, NodeContext>>;
  /** The ports of the Service and of the ServiceImport of its name; or those that answer at an address. */
  readonly services: readonly ServicePortIR[];
  readonly endpoints: readonly EndpointRecord[];
}

/** The labels of every Service that an agent serves, for selectors. */
export interface AgentLabels {
  /** By the key of a Service or ServiceImport: `shop/cart`, `shop/cart@clusterset`. */
  readonly labels: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const knowledgeKind = 'AgentKnowledge';
export const labelsKind = 'AgentLabels';
/** The prefix of a question's path: `NAMESPACE/NAME`, `at/PROTOCOL/PORT/ADDRESS`, or {@link labelsQuestion}. */
export const knowledgePath = '/slicewright/explain/';
/** The question that {@link AgentLabels} answers. */
export const labelsQuestion = 'labels';
/** The most endpoints in one answer: some 600 bytes each. */
export const mostEndpoints = 20_000;

type Known = Pick<AgentKnowledge, 'services' | 'endpoints'>;

/**
 * Answers a question with the part of the agent's knowledge that it is about.
 *
 * path      the rest behind `knowledgePath`
 * returns   404 for an unknown question, 413 for more than {@link mostEndpoints}; 200 without Services if none is served
 */
export function knowledgeAnswer(
  path: string,
  compiler: Pick<Compiler, 'services' | 'node' | 'labelsOf'>,
  { chainPrefix, clusterCidrs, ipvs }: Settings,
  mode: string,
): Answer {
  if (path === labelsQuestion) return typed({ kind: labelsKind, ...labelsIn(compiler) });
  const node = compiler.node();
  const known = knownOf(path.split('/'), compiler.services(), node);
  if (known === undefined) return plain(404);
  if (known.endpoints.length > mostEndpoints) return plain(413);
  const knowledge: AgentKnowledge = {
    mode,
    chainPrefix,
    clusterCidrs,
    excludeCidrs: ipvs.excludeCidrs,
    node,
    ...known,
  };
  return typed({ kind: knowledgeKind, ...knowledge });
}

function typed(content: (AgentKnowledge | AgentLabels) & { readonly kind: string }): Answer {
  const body = JSON.stringify({ apiVersion: documentVersion, ...content }, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}

function labelsIn({ services, labelsOf }: Pick<Compiler, 'services' | 'labelsOf'>): AgentLabels {
  const served = [...services()].filter(([, { ports }]) => ports.length > 0).map(([key]) => key);
  const labels = served.map((key) => [key, Object.fromEntries(labelsOf(key) ?? [])] as const);
  return { labels: Object.fromEntries(labels) };
}

function knownOf(
  words: readonly string[],
  services: ReturnType<Compiler['services']>,
  node: AgentKnowledge['node'],
): Known | undefined {
  const [first = '', second = '', third = '', fourth = ''] = words;
  if (words.length === 2) {
    const key = `${first}/${second}`;
    return joined([...services].filter(([one]) => one === key || one === `${key}@clusterset`).map(([, of]) => of));
  }
  const protocol = protocols.find((one) => one.toLowerCase() === second);
  const [port, address] = [parsePort(Number(third)), parseAddress(fourth)];
  if (words.length !== 4 || first !== 'at' || protocol === undefined || port === undefined || address === undefined) {
    return undefined;
  }
  const family = familyOf(address);
  const isHere = isNodeAddress(address, node[family]);
  const answers = (ir: ServicePortIR): boolean =>
    ir.family === family &&
    ((isHere && ir.healthCheckNodePort === port) ||
      ir.frontends.some((one) =>
        one.kind === 'nodePort' ? isHere && one.port === port && ir.protocol === protocol : one.address === address,
      ));
  return joined([...services.values()].filter(({ ports }) => ports.some(answers)));
}

function joined(
  found: readonly { readonly ports: Known['services']; readonly endpoints: Known['endpoints'] }[],
): Known {
  return {
    services: found.flatMap(({ ports }) => ports),
    endpoints: found.flatMap(({ endpoints }) => endpoints),
  };
}
