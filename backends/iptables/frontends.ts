import { type Cidr, hostCidr, type IpAddress, splitCidr } from '../../compiler/values/address.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { isForCounting } from '../netfilter/accounts.ts';
import { chainKey, type Match, type Rule, type Ruleset, type Table } from '../netfilter/rule.ts';
import { kubeNameOf, underPrefix } from '../netfilter/prefix.ts';
import { hasPurpose, isServiceChain, nodeChain } from './names.ts';
import type { InterfaceSign } from '../planning/clients.ts';
import { type FoundFrontend, frontendKey } from '../planning/side.ts';

interface Entrance {
  readonly table: Table;
  readonly chain: string;
  readonly comment: RegExp;
  readonly kind: (kindWords: string | undefined, address: IpAddress | undefined) => FoundFrontend['kind'];
}

const refusal = /^(.*) has no (?:local )?endpoints$/;

/** The chains that hold rules for frontends. The first one that names a frontend decides its kind. */
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
  {
    table: 'filter',
    chain: nodeChain.proxyFirewall,
    comment: /^(.*) traffic not accepted by \S+$/,
    kind: () => 'loadbalancer IP',
  },
  {
    table: 'filter',
    chain: nodeChain.nodePorts,
    comment: /^(.*) health check node port$/,
    kind: () => 'health check node port',
  },
];

/**
 * The frontends of a program, found or made, by what clients dial. Works on kube-proxy's rules and on slicewright's. A rule
 * without the comment that both write is passed over: it belongs to no Service that could be named.
 */
export function findFrontends(ruleset: Ruleset, prefix: ChainPrefix): ReadonlyMap<string, FoundFrontend> {
  const frontends = new Map<string, FoundFrontend>();
  const below = createBelow(ruleset, prefix);
  for (const { table, chain, comment, kind: kindOf } of entrances) {
    const found = ruleset.chains.get(chainKey(table, underPrefix(chain, prefix)));
    found?.rules.forEach((rule, place) => {
      const dialled = rule && !isForCounting(rule) ? dialledBy(rule) : undefined;
      const [, servicePort, words] = comment.exec((rule && commentOf(rule)) ?? '') ?? [];
      if (rule === undefined || dialled === undefined || servicePort === undefined) return;
      const kind = kindOf(words, dialled.address);
      const key = frontendKey({ ...dialled, kind });
      const earlier = frontends.get(key);
      const target = rule.target?.kind === 'jump' ? rule.target.chain : undefined;
      const leads = target === undefined ? nothing : below(table, target);
      const own = signsIn([rule]);
      const networks = [...(earlier?.signs.networks ?? []), ...own.networks, ...leads.networks];
      const interfaces = [...(earlier?.signs.interfaces ?? []), ...own.interfaces, ...leads.interfaces];
      frontends.set(key, {
        ...dialled,
        servicePort: earlier?.servicePort ?? servicePort,
        kind: earlier?.kind ?? kind,
        allowedFrom: earlier?.allowedFrom ?? allowedFrom(ruleset, target, prefix),
        signs: { networks, interfaces },
        affinitySeconds: earlier?.affinitySeconds ?? leads.affinitySeconds,
        rules: `${earlier?.rules ?? ''}${table} ${found.lines[place]}\n${leads.text}`,
      });
    });
  }
  return withoutOwnAddresses(frontends);
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

/** The source ranges of a KUBE-FW chain; undefined: the rule leads to none, or everyone is let in. */
function allowedFrom(ruleset: Ruleset, chain: string | undefined, prefix: ChainPrefix): readonly Cidr[] | undefined {
  if (chain === undefined || !hasPurpose('FW', kubeNameOf(chain, prefix) ?? '')) return undefined;
  const ranges: Cidr[] = [];
  for (const rule of ruleset.chains.get(chainKey('nat', chain))?.rules ?? []) {
    if (rule?.target?.kind !== 'jump') continue;
    const { networks } = signsIn([rule]);
    // A network of every address is no condition, and no tool prints it.
    if (networks.length === 0) return undefined;
    ranges.push(...networks);
  }
  return ranges;
}

/** A node that may dial a load balancer's address has that very address as its source: no range that anybody wrote. */
function withoutOwnAddresses(frontends: ReadonlyMap<string, FoundFrontend>): ReadonlyMap<string, FoundFrontend> {
  const own = new Set(
    [...frontends.values()].flatMap(({ kind, address }) =>
      kind === 'loadbalancer IP' && address !== undefined ? [hostCidr(address)] : [],
    ),
  );
  const withRanges = [...frontends].map(([key, frontend]) => {
    const ranges = frontend.allowedFrom?.filter((range) => !own.has(range));
    return [key, ranges === undefined ? frontend : { ...frontend, allowedFrom: ranges }] as const;
  });
  return new Map(withRanges);
}

/** What the rules of a chain and of those below it do. */
interface Below {
  readonly text: string;
  readonly networks: readonly Cidr[];
  readonly interfaces: readonly InterfaceSign[];
  readonly affinitySeconds: number | undefined;
}

const nothing: Below = { text: '', networks: [], interfaces: [], affinitySeconds: undefined };

/** A chain and every chain below it, remembered; a loop ends where it closes. */
function createBelow(ruleset: Ruleset, prefix: ChainPrefix): (table: Table, name: string) => Below {
  const known = new Map<string, Below>();
  const below = (table: Table, name: string): Below => {
    const key = chainKey(table, name);
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, nothing);
    const chain = ruleset.chains.get(key);
    const lines = chain?.lines ?? [];
    const targets = new Set(lines.map((line) => / -j (\S+)$/.exec(line)?.[1]).filter((target) => target !== undefined));
    const leads = [...targets].map((target) => below(table, target));
    const kubeName = kubeNameOf(name, prefix) ?? '';
    // An endpoint's own rules tell it from all others, which is so in every program.
    const rules = hasPurpose('SEP', kubeName) ? [] : (chain?.rules ?? []);
    const own = hasPurpose('FW', kubeName) && isPlainFirewall(rules) ? nothing : signsIn(rules);
    const made: Below = {
      text: [lines.join('\n'), ...leads.map(({ text }) => text)].join('\n'),
      networks: distinct([own, ...leads].map(({ networks }) => networks)),
      interfaces: distinct([own, ...leads].map(({ interfaces }) => interfaces)),
      affinitySeconds:
        affinityIn(rules) ?? leads.find(({ affinitySeconds }) => affinitySeconds !== undefined)?.affinitySeconds,
    };
    known.set(key, made);
    return made;
  };
  return below;
}

/** Whether a firewall treats all networks that it names alike: it sends them to one chain, and no other client anywhere. */
function isPlainFirewall(rules: readonly (Rule | undefined)[]): boolean {
  const targets = rules.map((rule) => (rule?.target?.kind === 'jump' ? rule.target.chain : rule?.target?.kind));
  const leading = rules.filter((rule) => rule?.target !== undefined);
  return (
    rules.every((rule) => rule !== undefined) &&
    new Set(targets.filter((target) => target !== undefined)).size <= 1 &&
    leading.every((rule) => {
      const asked = rule?.matches.filter(({ kind }) => kind !== 'comment') ?? [];
      return asked.length === 1 && asked[0]?.kind === 'source' && asked[0].not === undefined;
    })
  );
}

/** Nearly always they are few, of thousands of chains. */
function distinct<T>(lists: readonly (readonly T[])[]): readonly T[] {
  return [...new Set(lists.filter((list) => list.length > 0).flat())];
}

function signsIn(rules: readonly (Rule | undefined)[]): Pick<Below, 'networks' | 'interfaces'> {
  const networks: Cidr[] = [];
  const interfaces: InterfaceSign[] = [];
  for (const rule of rules) {
    for (const match of rule?.matches ?? []) {
      if (match.kind === 'source') networks.push(match.cidr);
      else if (match.kind === 'inInterface') interfaces.push({ name: match.name, prefix: match.prefix });
    }
  }
  return { networks, interfaces };
}

function affinityIn(rules: readonly (Rule | undefined)[]): number | undefined {
  for (const rule of rules) {
    for (const match of rule?.matches ?? []) if (match.kind === 'recent' && match.op === 'check') return match.seconds;
  }
  return undefined;
}
