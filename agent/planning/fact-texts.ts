import {
  accessChange,
  accessText,
  affinityChange,
  affinityText,
  fateWords,
  isAccess,
  isNoticed,
  kindsText,
  placeChanges,
  placeText,
  rangesText,
  sourceChanges,
  sourceText,
} from '../../backends/planning/facts.ts';
import { endpointsOf, type Fate, type Forward, isForward, isSpreadAlike } from '../../backends/planning/fate.ts';
import type { ClientFates } from '../../backends/planning/side.ts';
import type { FrontendChange } from '../../backends/planning/traffic.ts';
import { compareText } from '../../compiler/values/names.ts';
import {
  add,
  compareRationals,
  formatPercent,
  isZero,
  type Rational,
  rational,
} from '../../compiler/values/rational.ts';
import type { Fact } from './fold.ts';

/** + begins to be served, - ends, ~ changes for some client, = other rules with the same effect. */
export type Sign = '+' | '-' | '~' | '=';

/** The cluster that an endpoint is in, for people; undefined if no object says it any more. */
export type ClusterOf = (endpoint: string) => string | undefined;

export function signOf(change: FrontendChange): Sign {
  if (!isNoticed(change)) return '=';
  if (change.was === undefined && change.before.kind === 'absent') return '+';
  return change.is === undefined && change.after.kind === 'absent' ? '-' : '~';
}

/** How many items of a long list are named. */
const few = 2;

/** The most important first: which clients get in, which endpoints they reach, what else they notice. */
export function factsOf(change: FrontendChange, clusterOf: ClusterOf): Fact[] {
  if (!isNoticed(change)) {
    return [fact('other rules, the same endpoints and shares'), ...nameFacts(change)];
  }
  if (signOf(change) === '+') return [fact(`new, ${fateText(change.after, clusterOf)}`), ...rangeFacts(change)];
  if (signOf(change) === '-') return [fact(endText(change.before, clusterOf))];
  const facts = [...accessFacts(change), ...spreadFacts(change, clusterOf), ...smallFacts(change)];
  const all = facts.length > 0 ? facts : restFacts(change, clusterOf);
  return all.map(({ whole, brief }) => fact(inGuard(change, whole), inGuard(change, brief)));
}

/** With a firewall, the firewall may be what drops a packet, so the text only says `dropped`. */
export function inGuard({ was, is }: FrontendChange, text: string): string {
  const isGuarded = was?.allowedFrom !== undefined || is?.allowedFrom !== undefined;
  return isGuarded ? text.replaceAll(fateWords({ kind: 'drop' }), 'dropped') : text;
}

/** A change that only some clients of a kind notice, or clients of another address of the node: the first such change. */
function restFacts({ clients, elsewhere }: FrontendChange, clusterOf: ClusterOf): Fact[] {
  const [one] = [...clients, ...elsewhere].filter(({ before, after }) => before !== after);
  if (one === undefined) return [];
  const who = one.at === undefined ? `clients like ${one.client.source}` : `at ${one.at}`;
  if (isSpreadAlike(one.before, one.after)) return [fact(`${who}: endpoints see another source address`)];
  const { whole, brief } = describeFates(one.before, one.after, clusterOf);
  return [fact(`${who}: ${whole}`, `${who}: ${brief}`)];
}

/** All facts that can be found without comparing endpoints; equal texts if none of them differs. */
export function sameWords(change: FrontendChange): string {
  const facts = isNoticed(change)
    ? [...smallFacts(change), ...rangeFacts(change), ...accessFacts(change)]
    : nameFacts(change);
  return facts.map(({ whole }) => whole).join('\n');
}

function smallFacts(change: FrontendChange): Fact[] {
  const affinity = affinityChange(change);
  return [
    ...sourceText(sourceChanges(change)).map((text) => fact(text)),
    ...(affinity === undefined ? [] : [fact(affinityText(affinity))]),
    ...placeTexts(change).map((text) => fact(text)),
    ...nameFacts(change),
  ];
}

export const fact = (whole: string, brief = whole): Fact => ({ whole, brief });

/** Changes at other addresses. They are left out if the change at the usual address has said it already. */
function placeTexts(change: FrontendChange): string[] {
  const isTold = change.clients.some((one) => isForward(one.before) !== isForward(one.after));
  return isTold ? [] : placeText(placeChanges(change));
}

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
  if (oldService !== newService) return [fact(`previously of ${was.servicePort}`)];
  return [fact(`the port is called ${newPort} now, ${oldPort} before`)];
}

/** Kinds of clients whose endpoints change in the same way, with their fates. */
interface SpreadChange {
  /** undefined: all kinds alike. */
  readonly kinds: readonly ClientFates['client']['kind'][] | undefined;
  readonly before: Fate;
  readonly after: Fate;
}

export function spreadChanges(change: FrontendChange): SpreadChange[] {
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

/** The client that represents its kind: one that reaches an endpoint; undefined: the access facts cover the kind already. */
function tellingOf(
  change: FrontendChange,
  kind: ClientFates['client']['kind'],
  known: Pick<ClientFates, 'before' | 'after'> | undefined,
): Pick<ClientFates, 'before' | 'after'> | undefined {
  const all = change.clients.filter((one) => one.client.kind === kind && !isAccess(one, change));
  return (
    all.find((one) => one.before === known?.before && one.after === known.after) ??
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

export function describeFates(before: Fate, after: Fate, clusterOf: ClusterOf): Fact {
  if (isForward(before) && isForward(after)) return describeForwards(before, after, clusterOf);
  return fact(
    `${fateText(before, clusterOf)} → ${fateText(after, clusterOf)}`,
    `${briefText(before)} → ${briefText(after)}`,
  );
}

export function briefText(fate: Fate): string {
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
  // The counts are enough, unless some endpoints come and others leave.
  const replaced = come.length > 0 && leave.length > 0 ? ` (+${come.length}, -${leave.length})` : '';
  const shares = describeShares(before, after, clusterOf);
  return fact(
    [`${counts}${named}`, ...shares].join(', '),
    [`${counts}${replaced}`, ...shares.filter((text) => text !== asBefore).slice(0, few)].join(', '),
  );
}

/** The first three, and how many more there are. */
function bounded(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join(', ');
  return texts.length <= 3 ? shown : `${shown} and ${texts.length - 3} more`;
}

function endpointCount(count: number): string {
  return `${count} ${count === 1 ? 'endpoint' : 'endpoints'}`;
}

const asBefore = 'shares of the clusters as before';

/** Each cluster's share of new connections, before and after, if it changes. */
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

/** `2 endpoints: local 50 %, member1 50 %`, or what happens to clients that reach none. */
export function fateText(fate: Fate, clusterOf: ClusterOf): string {
  if (!isForward(fate)) return fateWords(fate);
  const shares = [...sharesByCluster(fate, clusterOf)].sort(([a], [b]) => compareText(a, b));
  return `${endpointCount(fate.shares.size)}: ${shares.map(([cluster, share]) => `${cluster} ${formatPercent(share)}`).join(', ')}`;
}

function endText(before: Fate, clusterOf: ClusterOf): string {
  return before.kind === 'accept' ? 'no longer let in' : `no longer served (${fateText(before, clusterOf)} before)`;
}
