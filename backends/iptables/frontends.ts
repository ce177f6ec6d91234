import { type Cidr, type IpAddress, splitCidr } from '../../compiler/values/address.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { chainKey, type Match, type Rule, type Ruleset, type Table } from '../netfilter/rule.ts';
import { kubeNameOf, underPrefix } from '../netfilter/prefix.ts';
import { hasPurpose, isServiceChain, nodeChain } from './names.ts';
import type { FoundFrontend } from '../planning/traffic.ts';

interface Entrance {
  readonly table: Table;
  readonly chain: string;
  readonly comment: RegExp;
  readonly kind: (kindWords: string | undefined, address: IpAddress | undefined) => FoundFrontend['kind'];
}

const refusal = /^(.*) has no (?:local )?endpoints$/;

/** Where rules for frontends stand. The first that names a frontend says its kind. */
const entrances: readonly Entrance[] = [
  {
    table: 'nat',
    chain: nodeChain.services,
    comment: /^(.*) (cluster IP|clusterset IP|external IP|loadbalancer IP)$/,
    kind: (words) => words as FoundFrontend['kind'],
  },
  { table: 'nat', chain: nodeChain.nodePorts, comment: /^(.*)$/, kind: () => 'node port' },
  { table: 'filter', chain: nodeChain.services, comment: refusal, kind: () => 'cluster IP' },
  {
    table: 'filter',
    chain: nodeChain.externalServices,
    comment: refusal,
    kind: (_, address) => (address === undefined ? 'node port' : 'external'),
  },
];

/**
 * The frontends of a program, found or made, by a key that is the same in both: the Service port
 * and what clients dial. Works on kube-proxy's rules as well as on ours. A rule without the
 * comment that both write is passed over: it belongs to no Service that could be named.
 */
export function findFrontends(ruleset: Ruleset, prefix: ChainPrefix): ReadonlyMap<string, FoundFrontend> {
  const frontends = new Map<string, FoundFrontend>();
  const textOfChain = createChainText(ruleset);
  for (const { table, chain, comment, kind } of entrances) {
    const found = ruleset.chains.get(chainKey(table, underPrefix(chain, prefix)));
    found?.rules.forEach((rule, place) => {
      const dialled = rule && dialledBy(rule);
      const [, servicePort, words] = comment.exec((rule && commentOf(rule)) ?? '') ?? [];
      if (rule === undefined || dialled === undefined || servicePort === undefined) return;
      const key = `${servicePort} ${dialled.protocol} ${dialled.address ?? 'node'} ${dialled.port}`;
      const earlier = frontends.get(key);
      const target = rule.target?.kind === 'jump' ? rule.target.chain : undefined;
      const line = `${table} ${found.lines[place]}\n${target === undefined ? '' : textOfChain(table, target)}`;
      frontends.set(key, {
        ...dialled,
        servicePort,
        kind: earlier?.kind ?? kind(words, dialled.address),
        allowedFrom: earlier?.allowedFrom ?? allowedFrom(ruleset, target, prefix),
        rules: `${earlier?.rules ?? ''}${line}`,
      });
    });
  }
  return frontends;
}

/** The rules that are for no frontend alone but lead packets to them: hooks, and jumps between shared chains. */
export function entryText({ hooks, chains }: Ruleset, prefix: ChainPrefix): string {
  const shared = [...chains.values()].filter(({ name }) => !isServiceChain(kubeNameOf(name, prefix) ?? ''));
  const lines = shared.flatMap(({ table, lines: all }) =>
    all.filter((line) => !line.includes(' --dport ')).map((line) => `${table} ${line}`),
  );
  return [...hooks.map(({ table, line }) => `${table} ${line}`), ...lines.sort()].join('\n');
}

/** How many endpoints a program has chains for: each Service port counts its own. */
export function countEndpoints(ruleset: Ruleset, prefix: ChainPrefix): number {
  let count = 0;
  for (const { table, name } of ruleset.chains.values()) {
    if (table === 'nat' && hasPurpose('SEP', kubeNameOf(name, prefix) ?? '')) count++;
  }
  return count;
}

function commentOf({ matches }: Rule): string | undefined {
  return matches.find((match): match is Extract<Match, { kind: 'comment' }> => match.kind === 'comment')?.text;
}

function dialledBy({ matches }: Rule): Pick<FoundFrontend, 'address' | 'protocol' | 'port'> | undefined {
  let address: IpAddress | undefined;
  for (const match of matches) {
    if (match.kind === 'destination' && match.not === undefined) ({ address } = splitCidr(match.cidr));
  }
  for (const match of matches) {
    if (match.kind === 'transport' && match.dport !== undefined) {
      return { address, protocol: match.protocol, port: match.dport };
    }
  }
  return undefined;
}

/** First source range of a KUBE-FW chain. */
function allowedFrom(ruleset: Ruleset, chain: string | undefined, prefix: ChainPrefix): Cidr | undefined {
  if (chain === undefined || !hasPurpose('FW', kubeNameOf(chain, prefix) ?? '')) return undefined;
  const matches = ruleset.chains.get(chainKey('nat', chain))?.rules.flatMap((rule) => rule?.matches ?? []) ?? [];
  for (const match of matches) if (match.kind === 'source' && match.not === undefined) return match.cidr;
  return undefined;
}

/** A chain's lines and those of every chain below it, remembered; a loop ends where it closes. */
function createChainText(ruleset: Ruleset): (table: Table, name: string) => string {
  const texts = new Map<string, string>();
  const textOf = (table: Table, name: string): string => {
    const key = chainKey(table, name);
    const known = texts.get(key);
    if (known !== undefined) return known;
    texts.set(key, '');
    const lines = ruleset.chains.get(key)?.lines ?? [];
    const targets = new Set(lines.map((line) => / -j (\S+)$/.exec(line)?.[1]).filter((target) => target !== undefined));
    const text = [lines.join('\n'), ...[...targets].map((target) => textOf(table, target))].join('\n');
    texts.set(key, text);
    return text;
  };
  return textOf;
}
