import type { FoundFrontend } from '../../backends/planning/traffic.ts';
import { compareText } from '../../compiler/values/names.ts';
import {
  add,
  compareRationals,
  formatPercent,
  isZero,
  type Rational,
  rational,
} from '../../compiler/values/rational.ts';
import { unreachable } from '../../compiler/values/unreachable.ts';
import { endpointsOf, type Fate, fateText, type FrontendChange } from '../../backends/planning/traffic.ts';

/** What one Service's clients will notice: its sign and a sentence. */
export interface ServiceSentence {
  readonly service: string;
  /** + begins to be served, - ends, ~ is served otherwise, = other rules with the same effect. */
  readonly sign: '+' | '-' | '~' | '=';
  readonly text: string;
}

/** The cluster that an endpoint is in, for people; undefined when no object tells any more. */
export type ClusterOf = (endpoint: string) => string | undefined;

/** One sentence per Service, by name. Frontends that meet the same fate share a part of it. */
export function describeChanges(changes: readonly FrontendChange[], clusterOf: ClusterOf): ServiceSentence[] {
  return groupBy(changes, ({ servicePort }) => servicePort.split(':')[0] ?? '').map(([service, ofService]) => ({
    service,
    sign: signOf(ofService),
    text: groupBy(ofService, ({ servicePort, before, after }) => fateKey(servicePort, before, after))
      .map(([, alike]) => describeAlike(alike, clusterOf))
      .join('; '),
  }));
}

/** In order of the keys' text. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  return [...Map.groupBy(items, keyOf)].sort(([a], [b]) => compareText(a, b));
}

function fateKey(servicePort: string, before: Fate, after: Fate): string {
  return [servicePort, fateText(before), fateText(after)].join('\n');
}

function signOf(changes: readonly FrontendChange[]): ServiceSentence['sign'] {
  if (changes.every(({ before }) => before.kind === 'absent')) return '+';
  if (changes.every(({ after }) => after.kind === 'absent')) return '-';
  return changes.every(({ before, after }) => fateText(before) === fateText(after)) ? '=' : '~';
}

/** alike   frontends of one Service port with the same fates */
function describeAlike(alike: readonly FrontendChange[], clusterOf: ClusterOf): string {
  const [first] = alike;
  if (first === undefined) return '';
  const { servicePort, before, after } = first;
  const portName = servicePort.split(':')[1];
  const dialled = bounded(alike.map(({ frontend }) => frontendLabel(frontend)));
  return `${portName === undefined ? '' : `${portName} `}${dialled}: ${describeFates(before, after, clusterOf)}`;
}

/** `cluster IP 10.96.0.10:80/TCP`, `node port 30080/TCP`. */
function frontendLabel({ kind, address, port, protocol }: FoundFrontend): string {
  if (address === undefined) return `${kind} ${port}/${protocol}`;
  const dialled = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return `${kind === 'external' ? 'external address' : kind} ${dialled}/${protocol}`;
}

/** Three of them, and how many more there are: a line stays one. */
function bounded(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join(', ');
  return texts.length <= 3 ? shown : `${shown} and ${texts.length - 3} more`;
}

function describeFates(before: Fate, after: Fate, clusterOf: ClusterOf): string {
  if (fateText(before) === fateText(after)) return 'other rules, the same endpoints and shares';
  if (before.kind === 'forward' && after.kind === 'forward') return describeForwards(before, after, clusterOf);
  if (after.kind === 'absent') return `no longer served (${describeFate(before, clusterOf)} before)`;
  if (before.kind === 'absent') return `new, ${describeFate(after, clusterOf)}`;
  return `${describeFate(before, clusterOf)} → ${describeFate(after, clusterOf)}`;
}

type Forward = Extract<Fate, { kind: 'forward' }>;

/** `2 → 3 endpoints (+10.1.0.7:8080), local 50 % → 66.6667 %, member1 50 % → 33.3333 %`. */
function describeForwards(before: Forward, after: Forward, clusterOf: ClusterOf): string {
  const [was, is] = [endpointsOf(before), endpointsOf(after)];
  const come = [...is].filter((endpoint) => !was.has(endpoint)).map((endpoint) => `+${endpoint}`);
  const leave = [...was].filter((endpoint) => !is.has(endpoint)).map((endpoint) => `-${endpoint}`);
  const moved = come.length + leave.length === 0 ? '' : ` (${bounded([...come, ...leave])})`;
  const counts = was.size === is.size ? endpointCount(is.size) : `${was.size} → ${endpointCount(is.size)}`;
  return [`${counts}${moved}`, ...describeShares(before, after, clusterOf)].join(', ');
}

function endpointCount(count: number): string {
  return `${count} ${count === 1 ? 'endpoint' : 'endpoints'}`;
}

/** Each cluster's part of new connections, before and after, where it changes. */
function describeShares(before: Forward, after: Forward, clusterOf: ClusterOf): string[] {
  const [was, is] = [sharesByCluster(before, clusterOf), sharesByCluster(after, clusterOf)];
  const zero = rational(0);
  const changed = [...new Set([...was.keys(), ...is.keys()])].sort(compareText).flatMap((cluster) => {
    const [from, to] = [was.get(cluster) ?? zero, is.get(cluster) ?? zero];
    return compareRationals(from, to) === 0 ? [] : [`${cluster} ${formatPercent(from)} → ${formatPercent(to)}`];
  });
  return changed.length > 0 || fateText(before) === fateText(after) ? changed : ['shares of the clusters as before'];
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

function describeFate(fate: Fate, clusterOf: ClusterOf): string {
  switch (fate.kind) {
    case 'forward': {
      const shares = [...sharesByCluster(fate, clusterOf)].sort(([a], [b]) => compareText(a, b));
      return `${endpointCount(fate.shares.size)}: ${shares.map(([cluster, share]) => `${cluster} ${formatPercent(share)}`).join(', ')}`;
    }
    case 'reject':
      return 'refused for want of endpoints';
    case 'drop':
      return 'dropped for want of local endpoints';
    case 'accept':
      return 'answered by the node';
    case 'untouched':
      return 'not reached by the rules';
    case 'absent':
      return 'not served';
    default:
      return unreachable(fate);
  }
}
