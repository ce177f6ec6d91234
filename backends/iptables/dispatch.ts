import type { LowerOptions } from './unit.ts';
import { type Endpoint, endpointText, type ServicePortIR } from '../../compiler/ir/ir.ts';
import { hostCidr } from '../../compiler/values/address.ts';
import type { Match, Rule } from '../netfilter/rule.ts';
import { balance } from './balance.ts';
import { comment, protocolModule, protocolOption, toMarkMasquerade } from './matches.ts';
import { endpointChain } from './names.ts';

/**
 * Rules that choose one endpoint of a pool: first the one that this client is known to, if
 * clients are remembered, then by chance.
 */
export function dispatchRules(
  ir: ServicePortIR,
  text: string,
  pool: readonly Endpoint[],
  options: LowerOptions,
): readonly Rule[] {
  const chances = balance(pool.map((endpoint) => endpoint.weight));
  const choices = pool.map((endpoint, i) => {
    const chain = endpointChain(text, ir.protocol, endpoint);
    const name: Match[] = options.endpointComments ? [comment(`${text} -> ${endpointText(endpoint)}`)] : [];
    return { chain, name, chance: chances[i] };
  });
  const byChance = choices.map(({ chain, name, chance }): Rule => {
    const random: Match[] = chance === undefined ? [] : [{ kind: 'probability', of31: chance }];
    return { matches: [...name, ...random], target: { kind: 'jump', chain } };
  });
  const { affinity } = ir;
  if (affinity.kind === 'none') return byChance;
  const remembered = choices.map(({ chain, name }): Rule => {
    // The list bears the chain's name, so both pools of a Service port remember alike, and a
    // client stays remembered when these rules are rewritten.
    const known: Match = { kind: 'recent', op: 'check', list: chain, seconds: affinity.seconds };
    return { matches: [...name, known], target: { kind: 'jump', chain } };
  });
  return [...remembered, ...byChance];
}

/** Rules that translate to one endpoint. */
export function endpointRules(
  ir: ServicePortIR,
  text: string,
  endpoint: Endpoint,
  options: LowerOptions,
): readonly Rule[] {
  const name: Match[] = options.endpointComments ? [comment(text)] : [];
  // An endpoint that reaches itself through the Service would answer itself directly, and never
  // see the connection: hence its own address is masqueraded even where other addresses are not.
  const whose: Match[] = endpoint.masquerade ? [] : [{ kind: 'source', cidr: hostCidr(endpoint.address) }];
  const remember: Match[] =
    ir.affinity.kind === 'none'
      ? []
      : [{ kind: 'recent', op: 'set', list: endpointChain(text, ir.protocol, endpoint) }];
  const { protocol } = ir;
  return [
    { matches: [...whose, ...name], target: toMarkMasquerade },
    {
      matches: [protocolOption(protocol), ...name, ...remember, protocolModule(protocol)],
      target: { kind: 'dnat', address: endpoint.address, port: endpoint.port },
    },
  ];
}
