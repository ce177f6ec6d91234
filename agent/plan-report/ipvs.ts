import type { FoundFrontend } from '../../backends/iptables/frontends.ts';
import { ownChainsOf } from '../../backends/iptables/own-chains.ts';
import { conflictText, findConflicts } from '../../backends/ipvs/conflicts.ts';
import { departures } from '../../backends/ipvs/departure.ts';
import { drainSeconds } from '../../backends/ipvs/ledger.ts';
import { translates } from '../../backends/ipvs/own-chains.ts';
import { parameterWords, realWords } from '../../backends/ipvs/print.ts';
import { type IpvsProgram, linkName, nothingFound } from '../../backends/ipvs/program.ts';
import { type ServerKey, serverKey, type VirtualServer } from '../../backends/ipvs/servers.ts';
import { frontendEntry, type SetEntry, type SetId, setName } from '../../backends/ipvs/sets.ts';
import { type IpvsStep, scriptOf } from '../../backends/ipvs/steps.ts';
import { traceProgram } from '../../backends/ipvs/trace.ts';
import { diffRulesets } from '../../backends/netfilter/diff.ts';
import { besideOthers, withMark } from '../../backends/netfilter/ownership.ts';
import { sameLines } from '../../backends/netfilter/lines.ts';
import { ownersIn } from '../../backends/netfilter/owners.ts';
import type { Foreign } from '../../backends/netfilter/parse.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { compareText, servicePortText } from '../../compiler/values/names.ts';
import { type ChainDiff, count, diffChains, diffLines } from './chains.ts';
import { type Danger, findDangers } from './dangers.ts';
import { counted, type FamilyReport, rulesetSide } from './report.ts';
import { type ClusterOf, describeChanges } from './sentences.ts';
import { compareTraffic, endpointsOf, type Side } from './traffic.ts';

export interface IpvsReportInput {
  readonly source: string;
  readonly observed: IpvsProgram;
  /** Without rules and servers: IPVS is not wanted at all. */
  readonly desired: IpvsProgram;
  readonly steps: readonly IpvsStep[];
  /** Of the family, as compiled. */
  readonly services: readonly ServicePortIR[];
  readonly node: NodeContext;
  /** Of the place itself, whatever the plan does there. */
  readonly dangers: readonly Danger[];
}

const noOthers: Foreign = { chains: [], inFront: [], references: [], remarks: [] };

/** The report of a plan for virtual servers, sets, addresses and rules. */
export function makeIpvsReport(input: IpvsReportInput, clusterOf: ClusterOf): FamilyReport {
  const { source, observed, desired, steps, services, node } = input;
  const wasTranslated = translates(observed.rules, observed.prefix);
  const before = wasTranslated ? rulesetSide(observed.rules, node) : ipvsSide(observed, services, node);
  const frontends = compareTraffic(before, ipvsSide(desired, services, node), node.family, node.nodeIP);
  const foreign = observed.found?.tables?.foreign ?? noOthers;
  // Of another mode's hooks none is missing.
  const hooked = wasTranslated ? desired.rules : observed.rules;
  const chains = differences(observed, desired, foreign, services);
  const scripts = steps.map((step) => scriptOf(step).text);
  return {
    family: node.family,
    backend: 'ipvs',
    source,
    services: describeChanges(frontends, clusterOf),
    frontends,
    dangers: [
      ...input.dangers,
      ...conflictDangers(observed, desired),
      ...findDangers(frontends, countReached(before, node), hooked, desired.rules, foreign),
    ],
    chains,
    cost: {
      transactions: scripts.length,
      lines: scripts.reduce((sum, text) => sum + text.split('\n').length - 1, 0),
      chains: chains.filter(({ change }) => change !== 'hooks').length,
    },
    notes: [...modeNote(wasTranslated), ...drainNote(observed, desired)],
  };
}

/** How many endpoints new connections reach: each Service port counts its own. */
function countReached(side: Side, { family, nodeIP }: NodeContext): number {
  const all = compareTraffic(side, { ...side, frontends: new Map() }, family, nodeIP);
  const reached = all.flatMap(({ servicePort, before }) =>
    [...endpointsOf(before)].map((endpoint) => `${servicePort} ${endpoint}`),
  );
  return new Set(reached).size;
}

/** A step for programs: the command, and what it reads from standard input. */
export function ipvsStepJson(step: IpvsStep): object {
  const { file, args, text } = scriptOf(step);
  return { phase: step.phase, kind: step.kind, command: [file, ...args].join(' '), script: text };
}

function modeNote(wasTranslated: boolean): string[] {
  return wasTranslated ? ['the rules of iptables mode go when virtual servers stand in for them'] : [];
}

function drainNote(observed: IpvsProgram, desired: IpvsProgram): string[] {
  const { found = nothingFound } = observed;
  const leaving = departures(observed, desired, found).reals.filter(({ how }) => how !== 'delete');
  if (leaving.length === 0) return [];
  const keep = leaving.length === 1 ? 'keeps its' : 'keep their';
  return [`${counted(leaving.length, 'real server')} ${keep} connections until they end, ${drainSeconds} s at most`];
}

function conflictDangers(observed: IpvsProgram, desired: IpvsProgram): Danger[] {
  return findConflicts(observed, desired).map((conflict) => ({ code: conflict.kind, message: conflictText(conflict) }));
}

/** What virtual servers and the rules around them do with packets. */
export function ipvsSide(program: IpvsProgram, services: readonly ServicePortIR[], node: NodeContext): Side {
  return {
    frontends: serverFrontends(program, services, node),
    // Virtual servers answer, whatever rules there are.
    entry: '',
    verdictOf: (packet) => traceProgram(program, packet, node).verdict,
  };
}

/** In which set a frontend of each kind is. */
const kindSets: readonly (readonly [SetId, FoundFrontend['kind']])[] = [
  ['clusterIp', 'cluster IP'],
  ['loadBalancer', 'loadbalancer IP'],
  ['externalIp', 'external IP'],
  ['externalIpLocal', 'external IP'],
];

/**
 * The frontends of a program by the keys of `findFrontends`, so that they compare with those of
 * rules. One node port is one frontend, whatever number of the node's addresses it is served on.
 */
function serverFrontends(
  program: IpvsProgram,
  services: readonly ServicePortIR[],
  node: NodeContext,
): ReadonlyMap<string, FoundFrontend> {
  const entries = (id: SetId) =>
    new Set<SetEntry>(program.sets.get(setName(id, program.family, program.prefix))?.entries);
  const kinds = kindSets.map(([id, kind]) => ({ kind, known: entries(id) }));
  const setsOf = entryIndex(program);
  const nameOf = createNames(program, services, node);
  const found = new Map<string, FoundFrontend>();
  for (const server of program.servers.values()) {
    const entry = frontendEntry(server);
    const kind = kinds.find(({ known }) => known.has(entry))?.kind ?? 'node port';
    const address = kind === 'node port' ? undefined : server.address;
    const servicePort = nameOf(server);
    const key = `${servicePort} ${server.protocol} ${address ?? 'node'} ${server.port}`;
    const earlier = found.get(key);
    const rules = [...linesOf(server), ...(setsOf.get(entry) ?? [])].join('\n');
    found.set(key, {
      servicePort,
      kind,
      address,
      protocol: server.protocol,
      port: server.port,
      allowedFrom: undefined,
      rules: earlier === undefined ? rules : `${earlier.rules}\n${rules}`,
    });
  }
  return found;
}

/** Sets by the frontend that their entries are about, with what else the entry says. */
function entryIndex({ sets }: IpvsProgram): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const { name, entries } of sets.values()) {
    for (const entry of entries) {
      const frontend = entry.split(',', 2).join(',');
      const known = index.get(frontend);
      if (known === undefined) index.set(frontend, [`${name} ${entry}`]);
      else known.push(`${name} ${entry}`);
    }
  }
  return index;
}

/** Nothing in a kernel says whose a virtual server is: the objects do, for as long as they have it. */
const nobodys = 'Services that are gone';

function createNames(
  { owners }: IpvsProgram,
  services: readonly ServicePortIR[],
  { nodeIP, addresses }: NodeContext,
): (server: VirtualServer) => string {
  const byId = new Map(services.map((ir) => [ir.id, servicePortText(ir.service, ir.portName)]));
  const byFrontend = new Map<ServerKey, string>();
  const nodes = new Set([nodeIP, ...addresses]);
  for (const { service, portName, protocol, frontends } of services) {
    for (const frontend of frontends) {
      const at = frontend.kind === 'nodePort' ? [...nodes] : [frontend.address];
      for (const address of at) {
        const key = serverKey({ address, port: frontend.port, protocol });
        if (!byFrontend.has(key)) byFrontend.set(key, servicePortText(service, portName));
      }
    }
  }
  return (server) => {
    const key = serverKey(server);
    const owner = owners.get(key);
    return (owner && byId.get(owner)) ?? byFrontend.get(key) ?? nobodys;
  };
}

function linesOf(server: VirtualServer): string[] {
  return [`-A ${parameterWords(server)}`, ...server.reals.map((real) => `-a ${realWords(server, real)}`)];
}

/** Everything that differs, in the order in which the parts depend on each other. */
function differences(
  observed: IpvsProgram,
  desired: IpvsProgram,
  foreign: Foreign,
  services: readonly ServicePortIR[],
): ChainDiff[] {
  const isEnd = desired.sets.size === 0;
  const rules = besideOthers(isEnd ? undefined : desired.rules, observed.rules, foreign, observed.prefix);
  const own = withMark(ownChainsOf(observed.prefix));
  return [
    ...differenceOf('sysctl', 'settings', undefined, settingsOf(observed, desired), settingsOf(desired, desired)),
    ...byName(observed.sets, desired.sets).flatMap(([name, from, to]) =>
      differenceOf('ipset', name, undefined, from?.entries ?? [], to?.entries ?? []),
    ),
    ...byName(observed.servers, desired.servers).flatMap(([key, from, to]) =>
      differenceOf('ipvs', key, ownerOf(key, desired, services), from ? linesOf(from) : [], to ? linesOf(to) : []),
    ),
    ...differenceOf('ip', linkName(observed.prefix), undefined, observed.addresses, desired.addresses),
    ...diffChains(diffRulesets(observed.rules, rules), ownersIn([rules, observed.rules], own)),
  ];
}

function ownerOf(
  key: ServerKey,
  { owners }: IpvsProgram,
  services: readonly ServicePortIR[],
): ChainDiff['servicePort'] {
  const owner = owners.get(key);
  const ir = owner === undefined ? undefined : services.find(({ id }) => id === owner);
  return ir && servicePortText(ir.service, ir.portName);
}

function settingsOf({ sysctls }: IpvsProgram, wanted: IpvsProgram): string[] {
  return [...wanted.sysctls.keys()].flatMap((name) => {
    const value = sysctls.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

function byName<Name extends string, Value>(
  from: ReadonlyMap<Name, Value>,
  to: ReadonlyMap<Name, Value>,
): (readonly [Name, Value | undefined, Value | undefined])[] {
  const names = [...new Set([...from.keys(), ...to.keys()])].sort(compareText);
  return names.map((name) => [name, from.get(name), to.get(name)]);
}

function differenceOf(
  table: ChainDiff['table'],
  chain: string,
  servicePort: string | undefined,
  from: readonly string[],
  to: readonly string[],
): ChainDiff[] {
  if (sameLines(from, to)) return [];
  const change = from.length === 0 ? 'created' : to.length === 0 ? 'deleted' : 'changed';
  return [{ table, chain, servicePort, change, ...count(diffLines({ name: chain, from, to })) }];
}
