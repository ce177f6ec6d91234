import {
  accessChange,
  accessText,
  affinityChange,
  affinityText,
  fateWords,
  frontendText,
  isAccess,
  isNoticed,
  kindsText,
  rangesText,
  sourceChanges,
  sourceText,
} from '../../backends/planning/facts.ts';
import { endpointsOf, type Fate, type Forward, isForward, isSpreadAlike } from '../../backends/planning/fate.ts';
import type { ClientFates, FrontendChange } from '../../backends/planning/traffic.ts';
import { compareText } from '../../compiler/values/names.ts';
import {
  add,
  compareRationals,
  formatPercent,
  isZero,
  type Rational,
  rational,
} from '../../compiler/values/rational.ts';
import { foldLine, type Fact } from './fold.ts';

/** + begins to be served, - ends, ~ is another to some client, = other rules with the same effect. */
export type Sign = '+' | '-' | '~' | '=';

/** What the clients of a frontend will notice, or of several of one Service port that change alike. */
export interface FrontendSentence {
  readonly service: string;
  readonly sign: Sign;
  /** All there is to say. */
  readonly text: string;
  /** The sign, the Service and what fits of the text: bounded, whatever there is to say. */
  readonly line: string;
  /** What becomes of each kind of client. */
  readonly details: readonly string[];
}

/** The cluster that an endpoint is in, for people; undefined when no object tells any more. */
export type ClusterOf = (endpoint: string) => string | undefined;

/** By Service and port. Frontends of one port that change alike share a sentence. */
export function describeChanges(changes: readonly FrontendChange[], clusterOf: ClusterOf): FrontendSentence[] {
  const byPort = [...Map.groupBy(changes, ({ servicePort }) => servicePort)].sort(([a], [b]) => compareText(a, b));
  return byPort.flatMap(([servicePort, ofPort]) => {
    const { moves, rest } = pairMoves(ofPort);
    return [
      ...groupAlike(rest).map((alike) =>
        sentence(
          servicePort,
          alike.map(frontendOf),
          signOf(alike[0]),
          alike[0],
          factsOf(alike[0], clusterOf),
          clusterOf,
        ),
      ),
      ...moves.map((move) =>
        sentence(servicePort, [frontendOf(move.to)], '~', move.to, moveFacts(move, clusterOf), clusterOf),
      ),
    ];
  });
}

const frontendOf = ({ frontend }: FrontendChange): string => frontendText(frontend);

function sentence(
  servicePort: string,
  frontends: readonly string[],
  sign: Sign,
  change: FrontendChange,
  facts: readonly Fact[],
  clusterOf: ClusterOf,
): FrontendSentence {
  const [service = servicePort, port = ''] = servicePort.split(':');
  return {
    service,
    sign,
    text: `${port === '' ? '' : `${port} `}${frontends.join(', ')}: ${facts.map(({ whole }) => whole).join('; ')}`,
    line: foldLine({ sign, service, port, frontends, facts }),
    details: detailsOf(change, clusterOf),
  };
}

/** One frontend that goes and one of its kind that comes are one that moves. */
interface Move {
  readonly from: FrontendChange;
  readonly to: FrontendChange;
}

function pairMoves(changes: readonly FrontendChange[]): { moves: readonly Move[]; rest: readonly FrontendChange[] } {
  const moving = changes.filter((change) => signOf(change) === '+' || signOf(change) === '-');
  const alike = Map.groupBy(moving, ({ frontend: { kind, protocol } }) => `${kind} ${protocol}`);
  const moves = [...alike.values()].flatMap((found): Move[] => {
    const [[from, ...gone], [to, ...come]] = [
      found.filter((change) => signOf(change) === '-'),
      found.filter((change) => signOf(change) === '+'),
    ];
    return from === undefined || to === undefined || gone.length + come.length > 0 ? [] : [{ from, to }];
  });
  const moved = new Set(moves.flatMap(({ from, to }) => [from, to]));
  return { moves, rest: changes.filter((change) => !moved.has(change)) };
}

function signOf(change: FrontendChange): Sign {
  if (!isNoticed(change)) return '=';
  if (change.was === undefined && change.before.kind === 'absent') return '+';
  return change.is === undefined && change.after.kind === 'absent' ? '-' : '~';
}

type Alike = readonly [FrontendChange, ...FrontendChange[]];

/** In the order of the first of each. */
function groupAlike(changes: readonly FrontendChange[]): Alike[] {
  const groups: [FrontendChange, ...FrontendChange[]][] = [];
  for (const change of changes) {
    const group = groups.find(([first]) => isAlike(first, change));
    if (group === undefined) groups.push([change]);
    else group.push(change);
  }
  return groups;
}

function isAlike(a: FrontendChange, b: FrontendChange): boolean {
  return (
    signOf(a) === signOf(b) &&
    isSpreadAlike(a.before, b.before) &&
    isSpreadAlike(a.after, b.after) &&
    sameWords(a) === sameWords(b) &&
    spreadChanges(a).length === spreadChanges(b).length
  );
}

/** How many of a kind are named where there can be many. */
const few = 2;

/** The most important first: who gets in, where they get to, what else they notice. */
function factsOf(change: FrontendChange, clusterOf: ClusterOf): Fact[] {
  if (!isNoticed(change)) {
    return [fact('other rules, the same endpoints and shares'), ...nameFacts(change)];
  }
  if (signOf(change) === '+') return [fact(`new, ${fateText(change.after, clusterOf)}`), ...rangeFacts(change)];
  if (signOf(change) === '-') return [fact(endText(change.before, clusterOf))];
  return [...accessFacts(change), ...spreadFacts(change, clusterOf), ...smallFacts(change)];
}

/** Everything that takes no walk through endpoints, and is equal where nothing of it differs. */
function sameWords(change: FrontendChange): string {
  const facts = [...smallFacts(change), ...rangeFacts(change), ...accessFacts(change)];
  return facts.map(({ whole }) => whole).join('\n');
}

function smallFacts(change: FrontendChange): Fact[] {
  const affinity = affinityChange(change);
  return [
    ...sourceText(sourceChanges(change)).map((text) => fact(text)),
    ...(affinity === undefined ? [] : [fact(affinityText(affinity))]),
    ...nameFacts(change),
  ];
}

const fact = (whole: string, brief = whole): Fact => ({ whole, brief });

function rangeFacts({ is }: FrontendChange): Fact[] {
  if (is?.allowedFrom === undefined) return [];
  return [
    fact(
      `only from ${rangesText(is.allowedFrom, is.allowedFrom.length)}`,
      `only from ${rangesText(is.allowedFrom, few)}`,
    ),
  ];
}

function accessFacts(change: FrontendChange): Fact[] {
  const access = accessChange(change);
  if (access === undefined) return [];
  const short = accessText(change, access, few);
  return accessText(change, access, Number.POSITIVE_INFINITY).map((text, i) => fact(text, short[i]));
}

function nameFacts({ was, is }: FrontendChange): Fact[] {
  if (was === undefined || is === undefined || was.servicePort === is.servicePort) return [];
  const [[oldService, oldPort = 'unnamed'], [newService, newPort = 'unnamed']] = [
    was.servicePort.split(':'),
    is.servicePort.split(':'),
  ];
  if (oldService !== newService) return [fact(`of ${was.servicePort} before`)];
  return [fact(`the port is called ${newPort} now, ${oldPort} before`)];
}

/** Whose way to endpoints changes, each kind of client with its fates. */
interface SpreadChange {
  /** undefined: everyone's, alike. */
  readonly kinds: readonly ClientFates['client']['kind'][] | undefined;
  readonly before: Fate;
  readonly after: Fate;
}

function spreadChanges(change: FrontendChange): SpreadChange[] {
  const told = (['outside', 'pod', 'node'] as const).flatMap((kind) => {
    const one = kind === 'outside' ? tellingOf(change, kind, change) : tellingOf(change, kind, undefined);
    return one === undefined ? [] : [{ kind, ...one }];
  });
  const groups: { kinds: ClientFates['client']['kind'][]; before: Fate; after: Fate }[] = [];
  for (const { kind, before, after } of told) {
    if (isSpreadAlike(before, after)) continue;
    const group = groups.find((one) => isSpreadAlike(one.before, before) && isSpreadAlike(one.after, after));
    if (group === undefined) groups.push({ kinds: [kind], before, after });
    else group.kinds.push(kind);
  }
  return groups.map((group) => (group.kinds.length === told.length ? { ...group, kinds: undefined } : group));
}

/** What a kind of client is told by: its fates where it gets to an endpoint; undefined: the firewall has told already. */
function tellingOf(
  change: FrontendChange,
  kind: ClientFates['client']['kind'],
  known: Pick<ClientFates, 'before' | 'after'> | undefined,
): Pick<ClientFates, 'before' | 'after'> | undefined {
  const all = change.clients.filter((one) => one.client.kind === kind && !isAccess(one, change));
  if (all.length === 0) return undefined;
  return (
    known ??
    all.find((one) => isForward(one.before) && isForward(one.after)) ??
    all.find((one) => !isSpreadAlike(one.before, one.after)) ??
    all[0]
  );
}

function spreadFacts(change: FrontendChange, clusterOf: ClusterOf): Fact[] {
  return spreadChanges(change).map(({ kinds, before, after }) => {
    const who = kinds === undefined ? '' : `${kindsText(kinds)}: `;
    const { whole, brief } = describeFates(before, after, clusterOf);
    return fact(`${who}${whole}`, `${who}${brief}`);
  });
}

function describeFates(before: Fate, after: Fate, clusterOf: ClusterOf): Fact {
  if (isForward(before) && isForward(after)) return describeForwards(before, after, clusterOf);
  return fact(
    `${fateText(before, clusterOf)} → ${fateText(after, clusterOf)}`,
    `${briefText(before)} → ${briefText(after)}`,
  );
}

function briefText(fate: Fate): string {
  return isForward(fate) ? endpointCount(fate.shares.size) : fateWords(fate);
}

/** `2 → 3 endpoints (+10.1.0.7:8080), local 50 % → 66.6667 %, member1 50 % → 33.3333 %`. */
function describeForwards(before: Forward, after: Forward, clusterOf: ClusterOf): Fact {
  const [was, is] = [endpointsOf(before), endpointsOf(after)];
  const come = [...is].filter((endpoint) => !was.has(endpoint)).map((endpoint) => `+${endpoint}`);
  const leave = [...was].filter((endpoint) => !is.has(endpoint)).map((endpoint) => `-${endpoint}`);
  const moved = [...come, ...leave];
  const counts = was.size === is.size ? endpointCount(is.size) : `${was.size} → ${endpointCount(is.size)}`;
  const named = moved.length === 0 ? '' : ` (${bounded(moved)})`;
  // The counts tell the rest, unless some come and others leave.
  const replaced = come.length > 0 && leave.length > 0 ? ` (+${come.length}, -${leave.length})` : '';
  const shares = describeShares(before, after, clusterOf);
  return fact(
    [`${counts}${named}`, ...shares].join(', '),
    [`${counts}${replaced}`, ...shares.filter((text) => text !== asBefore).slice(0, few)].join(', '),
  );
}

/** Three of them, and how many more there are. */
function bounded(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join(', ');
  return texts.length <= 3 ? shown : `${shown} and ${texts.length - 3} more`;
}

function endpointCount(count: number): string {
  return `${count} ${count === 1 ? 'endpoint' : 'endpoints'}`;
}

const asBefore = 'shares of the clusters as before';

/** Each cluster's part of new connections, before and after, where it changes. */
function describeShares(before: Forward, after: Forward, clusterOf: ClusterOf): string[] {
  const [was, is] = [sharesByCluster(before, clusterOf), sharesByCluster(after, clusterOf)];
  const zero = rational(0);
  const changed = [...new Set([...was.keys(), ...is.keys()])].sort(compareText).flatMap((cluster) => {
    const [from, to] = [was.get(cluster) ?? zero, is.get(cluster) ?? zero];
    return compareRationals(from, to) === 0 ? [] : [`${cluster} ${formatPercent(from)} → ${formatPercent(to)}`];
  });
  return changed.length > 0 ? changed : [asBefore];
}

function sharesByCluster({ shares, refused }: Forward, clusterOf: ClusterOf): Map<string, Rational> {
  const sums = new Map<string, Rational>();
  for (const [endpoint, share] of shares) {
    const cluster = clusterOf(endpoint) ?? 'gone endpoints';
    sums.set(cluster, add(sums.get(cluster) ?? rational(0), share));
  }
  if (!isZero(refused)) sums.set('refused', refused);
  return sums;
}

/** `2 endpoints: local 50 %, member1 50 %`, or what becomes of clients that get to none. */
function fateText(fate: Fate, clusterOf: ClusterOf): string {
  if (!isForward(fate)) return fateWords(fate);
  const shares = [...sharesByCluster(fate, clusterOf)].sort(([a], [b]) => compareText(a, b));
  return `${endpointCount(fate.shares.size)}: ${shares.map(([cluster, share]) => `${cluster} ${formatPercent(share)}`).join(', ')}`;
}

function endText(before: Fate, clusterOf: ClusterOf): string {
  return before.kind === 'accept' ? 'no longer let in' : `no longer served (${fateText(before, clusterOf)} before)`;
}

function moveFacts({ from, to }: Move, clusterOf: ClusterOf): Fact[] {
  const moved = fact(`moved from ${frontendText(from.frontend)}`);
  if (from.before.kind === 'accept' && to.after.kind === 'accept') return [moved];
  if (isSpreadAlike(from.before, to.after)) return [moved, fact(fateText(to.after, clusterOf), briefText(to.after))];
  return [moved, describeFates(from.before, to.after, clusterOf)];
}

/** `outside clients (198.51.100.77): 2 endpoints: local 100 %, node's address → dropped for want of local endpoints`. */
function detailsOf({ clients }: FrontendChange, clusterOf: ClusterOf): string[] {
  const groups: ClientFates[][] = [];
  for (const one of clients) {
    const group = groups.find(
      ([first]) => first?.before === one.before && first.after === one.after && first.client.kind === one.client.kind,
    );
    if (group === undefined) groups.push([one]);
    else group.push(one);
  }
  return groups.flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { client, before, after } = first;
    const more = group.length === 1 ? '' : ` and ${group.length - 1} more`;
    const [was, is] = [withAddress(before, clusterOf), withAddress(after, clusterOf)];
    return [
      `${kindsText([client.kind])} (${client.source}${more}): ${was === is ? `as before, ${is}` : `${was} → ${is}`}`,
    ];
  });
}

function withAddress(fate: Fate, clusterOf: ClusterOf): string {
  const text = fateText(fate, clusterOf);
  if (!isForward(fate) || fate.masqueraded.size === 0) return text;
  const all = fate.masqueraded.size === fate.shares.size;
  return `${text}, ${all ? "with the node's address" : `with the node's address at ${fate.masqueraded.size}`}`;
}
