import { hostCidr, type IpAddress, parseAddress } from '../../../compiler/values/address.ts';
import { parsePort, parseProtocol } from '../../../compiler/values/port.ts';
import { chainFromLines, makeChain } from '../../netfilter/chain.ts';
import { type Chain, type Match, parseSetName, type Rule, type Ruleset, type SetName } from '../../netfilter/rule.ts';
import type { IpvsProgram } from '../program/program.ts';
import { defaultMaxEntries, type IpSet, isAlwaysThere, type SetEntry, setIds, setName } from '../program/sets.ts';

/*
 * A program as kube-proxy's IPVS mode finds its own. kube-proxy takes over virtual servers, real servers, addresses, its
 * chains and its sets; it rewrites all rules of these chains, and never looks at a set of another name. So slicewright's
 * own sets go, and the rules that look into them are replaced by equal rules without a set until kube-proxy has synced.
 */

/** Sets that kube-proxy does not know and that rules look into. */
export function ownSets({ family, prefix, sets }: IpvsProgram): readonly IpSet[] {
  return setIds.filter((id) => !isAlwaysThere(id)).flatMap((id) => sets.get(setName(id, family, prefix)) ?? []);
}

/** Sets of kube-proxy's names that it would not take: it creates each with room for so many entries, and stops its sync where one is larger. */
export function tooLargeSets({ family, prefix, sets }: IpvsProgram): readonly IpSet[] {
  return setIds
    .filter(isAlwaysThere)
    .flatMap((id) => sets.get(setName(id, family, prefix)) ?? [])
    .filter(({ definition }) => Number(/ maxelem (\d+)/.exec(definition)?.[1] ?? 0) > defaultMaxEntries);
}

/** The rules with one rule for each entry in the place of a rule over a set of slicewright's own. */
export function rulesWithoutOwnSets(program: IpvsProgram): Ruleset {
  const own = new Map(ownSets(program).map((set) => [set.name, set.entries]));
  const { rules, family } = program;
  if (own.size === 0) return rules;
  const chains = [...rules.chains].map(([key, chain]): [string, Chain] => [key, withoutSets(chain, own, family)]);
  return { ...rules, chains: new Map(chains) };
}

function withoutSets(
  chain: Chain,
  own: ReadonlyMap<SetName, readonly SetEntry[]>,
  family: IpvsProgram['family'],
): Chain {
  const { table, name, lines, rules } = chain;
  const isOver = (line: string) => {
    const set = parseSetName(/ --match-set (\S+) /.exec(line)?.[1]);
    return set !== undefined && own.has(set);
  };
  if (!lines.some(isOver)) return chain;
  const written = lines.flatMap((line, i) => {
    const rule = rules[i];
    if (!isOver(line)) return [line];
    // What another program's rule in the chain means without the set is unknown, and kube-proxy removes it anyway.
    return rule === undefined ? [] : makeChain(family, table, name, perEntry(rule, own)).lines;
  });
  return chainFromLines(family, table, name, written);
}

function perEntry(rule: Rule, own: ReadonlyMap<SetName, readonly SetEntry[]>): Rule[] {
  const set = rule.matches.find((match) => match.kind === 'set');
  const entries = (set && own.get(set.name)) ?? [];
  return entries.flatMap((entry) => {
    const place = placeOf(entry);
    if (place === undefined) return [];
    const matches = rule.matches.flatMap((match) => (match === set ? place : [match]));
    return [{ ...rule, matches }];
  });
}

/** What `10.96.0.1,tcp:80` is of a packet that comes to it. */
function placeOf(entry: SetEntry): readonly Match[] | undefined {
  const [, text, word, number] = /^([^,]+),([a-z]+):(\d+)$/.exec(entry) ?? [];
  const address: IpAddress | undefined = parseAddress(text);
  const protocol = parseProtocol(word?.toUpperCase());
  const dport = parsePort(Number(number));
  if (address === undefined || protocol === undefined || dport === undefined) return undefined;
  return [
    { kind: 'destination', cidr: hostCidr(address) },
    { kind: 'protocol', protocol },
    { kind: 'transport', protocol, dport },
  ];
}
