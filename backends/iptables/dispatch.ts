import type { LowerOptions } from './unit.ts';
import type { Endpoint, ServicePortIR } from '../../compiler/ir/ir.ts';
import { hostCidr } from '../../compiler/values/address.ts';
import type { ChainName, Match, Rule } from '../netfilter/rule.ts';
import { comment, protocolModule, protocolOption, toMarkMasquerade } from './matches.ts';

/** An endpoint with the names that its rules, and rules that lead to it, bear: each is made once. */
export interface NamedEndpoint {
  readonly endpoint: Endpoint;
  /** `ip:port` */
  readonly text: string;
  readonly chain: ChainName;
}

/**
 * Rules that choose one endpoint of a pool: first the one that this client is known to, if
 * clients are remembered, then by chance.
 *
 * chances   of `balance`, for each endpoint of the pool
 */
export function dispatchRules(
  ir: ServicePortIR,
  text: string,
  pool: readonly NamedEndpoint[],
  chances: readonly (number | undefined)[],
  options: LowerOptions,
): readonly Rule[] {
  const nameOf = (endpoint: NamedEndpoint): Match[] =>
    options.endpointComments ? [comment(`${text} -> ${endpoint.text}`)] : [];
  const byChance = pool.map((endpoint, i): Rule => {
    const matches = nameOf(endpoint);
    const chance = chances[i];
    if (chance !== undefined) matches.push({ kind: 'probability', of31: chance });
    return { matches, target: { kind: 'jump', chain: endpoint.chain } };
  });
  const { affinity } = ir;
  if (affinity.kind === 'none') return byChance;
  const remembered = pool.map((endpoint): Rule => {
    const { chain } = endpoint;
    // The list bears the chain's name, so both pools of a Service port remember alike, and a
    // client stays remembered when these rules are rewritten.
    const known: Match = { kind: 'recent', op: 'check', list: chain, seconds: affinity.seconds };
    return { matches: [...nameOf(endpoint), known], target: { kind: 'jump', chain } };
  });
  return [...remembered, ...byChance];
}

/** Rules that translate to one endpoint. */
export function endpointRules(
  ir: ServicePortIR,
  text: string,
  { endpoint, chain }: NamedEndpoint,
  options: LowerOptions,
): readonly Rule[] {
  const { protocol } = ir;
  const marked: Match[] = [];
  const translated: Match[] = [protocolOption(protocol)];
  // An endpoint that reaches itself through the Service would answer itself directly, and never
  // see the connection: hence its own address is masqueraded even where other addresses are not.
  if (!endpoint.masquerade) marked.push({ kind: 'source', cidr: hostCidr(endpoint.address) });
  if (options.endpointComments) {
    const name = comment(text);
    marked.push(name);
    translated.push(name);
  }
  if (ir.affinity.kind !== 'none') translated.push({ kind: 'recent', op: 'set', list: chain });
  translated.push(protocolModule(protocol));
  return [
    { matches: marked, target: toMarkMasquerade },
    { matches: translated, target: { kind: 'dnat', address: endpoint.address, port: endpoint.port } },
  ];
}
