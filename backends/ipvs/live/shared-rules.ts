import type { Match } from '../../netfilter/rule.ts';
import type { Signs } from '../../planning/clients.ts';
import type { IpvsProgram } from '../program/program.ts';
import { serverKey, type ServerKey } from '../program/servers.ts';

/** The rules that all virtual servers share, what they tell clients apart by, and the rules of single virtual servers. */
export interface Rules {
  readonly shared: readonly string[];
  readonly signs: Signs;
  readonly own: ReadonlyMap<ServerKey, readonly string[]>;
}

export function sortRules({ rules: { chains, hooks } }: IpvsProgram): Rules {
  const shared = hooks.map(({ table, line }) => `${table} ${line}`);
  const own = new Map<ServerKey, string[]>();
  const matches: Match[] = [];
  for (const chain of chains.values()) {
    chain.lines.forEach((line, i) => {
      const rule = chain.rules[i];
      const server = rule?.matches.find((match) => match.kind === 'ipvs');
      matches.push(...(rule?.matches ?? []));
      if (server === undefined) shared.push(`${chain.table} ${line}`);
      else own.set(serverKey(server), [...(own.get(serverKey(server)) ?? []), line]);
    });
  }
  const networks = matches.flatMap((match) => (match.kind === 'source' ? [match.cidr] : []));
  const interfaces = matches.flatMap((match) =>
    match.kind === 'inInterface' ? [{ name: match.name, prefix: match.prefix }] : [],
  );
  return { shared, own, signs: { networks: [...new Set(networks)], interfaces } };
}
