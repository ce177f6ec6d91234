import type { Cidr } from '../../../compiler/values/address.ts';
import type { InterfaceSign } from '../../planning/clients.ts';
import { statementTargets } from '../program/check.ts';
import type { Chain, NftProgram } from '../program/program.ts';
import type { Statement } from '../program/rule.ts';

/** What the rules of a chain and of those below it do. */
export interface Below {
  readonly text: string;
  readonly networks: readonly Cidr[];
  readonly interfaces: readonly InterfaceSign[];
  readonly affinitySeconds: number | undefined;
}

export const nothing: Below = { text: '', networks: [], interfaces: [], affinitySeconds: undefined };

/** A chain and every chain below it, remembered; a loop ends where it closes. */
export function createBelow(program: NftProgram): (name: string) => Below {
  const known = new Map<string, Below>();
  const below = (name: string): Below => {
    const before = known.get(name);
    if (before !== undefined) return before;
    known.set(name, nothing);
    const chain = program.chains.get(name);
    const statements = chain?.rules.flatMap((rule) => rule?.statements ?? []) ?? [];
    const targets = new Set(statements.flatMap((one) => statementTargets(program, one)));
    const leads = [...targets].map(below);
    // An endpoint's own rules tell it from all others, which is so in every program.
    const isEndpoint = name.startsWith('endpoint');
    const own: Below = {
      text: (chain?.lines ?? []).join('\n'),
      networks: isEndpoint || isPlainFirewall(name, chain) ? [] : networksIn(statements),
      interfaces: statements.flatMap((one) =>
        one.kind === 'inInterface' ? [{ name: one.name, prefix: one.prefix }] : [],
      ),
      affinitySeconds: isEndpoint ? undefined : affinityIn(statements, program),
    };
    const all = [own, ...leads];
    const seconds = all.find(({ affinitySeconds }) => affinitySeconds !== undefined)?.affinitySeconds;
    const made: Below = {
      text: [...all.map(({ text }) => text), `${seconds}`].join('\n'),
      networks: distinct(all.map(({ networks }) => networks)),
      interfaces: distinct(all.map(({ interfaces }) => interfaces)),
      affinitySeconds: seconds,
    };
    known.set(name, made);
    return made;
  };
  return below;
}

/** Whether a firewall does one thing for all networks that it names. */
function isPlainFirewall(name: string, chain: Chain | undefined): boolean {
  if (!name.startsWith('firewall') || chain === undefined) return false;
  const told = chain.rules.map((rule) =>
    rule?.statements.filter((one) => one.kind !== 'address' || one.side !== 'saddr'),
  );
  const asked = chain.rules.map((rule) =>
    rule?.statements.filter((one) => one.kind === 'address' && one.side === 'saddr'),
  );
  return (
    told.every((rest) => rest !== undefined && JSON.stringify(rest) === JSON.stringify(told[0])) &&
    asked.every((addresses) => addresses?.length === 1) &&
    (chain.rules.length === 1 || asked.flat().every((one) => one !== undefined && !('not' in one)))
  );
}

/** Nearly always they are few, of thousands of chains. */
function distinct<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return [...new Set(lists.filter((list) => list.length > 0).flat())];
}

export function networksIn(statements: readonly Statement[]): Cidr[] {
  return statements.flatMap((one) => (one.kind === 'address' && one.side === 'saddr' ? one.networks : []));
}

/** For how long the sets of clients keep them. */
function affinityIn(statements: readonly Statement[], { sets }: NftProgram): number | undefined {
  for (const one of statements) {
    const seconds = one.kind === 'inSet' ? sets.get(one.set)?.dynamic?.timeoutSeconds : undefined;
    if (seconds !== undefined) return seconds;
  }
  return undefined;
}
