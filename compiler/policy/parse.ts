import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, parseClusterName } from '../values/names.ts';
import { nearestName } from '../values/nearest.ts';
import { type ObjectRef, printable } from '../values/object-ref.ts';
import type { ClusterWeightKey, MinHealthy, Policy, Tier, TierSelector } from './policy.ts';

const domain = 'slicewright.dev/';

/** The annotation that holds a policy key. */
export function policyAnnotation(key: string): string {
  return `${domain}${key}`;
}

/** slicewright's keys, with the names that Cilium's users know for the same thing; slicewright's keys win. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  affinity: ['service.cilium.io/affinity', 'io.cilium/service-affinity'],
};

/** Names of clusters, ids and aliases; empty: the clusters are not known. */
export type KnownClusters = () => readonly ClusterName[];

const anyCluster: KnownClusters = () => [];

/**
 * The part of a policy that a value gives, with the names in it that match no cluster; or what is wrong with the value.
 */
type Said = { readonly policy: Partial<Policy>; readonly strangers: readonly string[] } | Wrong;

interface Wrong {
  readonly wrong: string;
  /** The only fault: the names in it match no cluster. */
  readonly isStrange?: true;
}

/** One value's parser. */
type Reader = (text: string, known: KnownClusters) => Said;

const readers: Readonly<Record<string, Reader>> = {
  affinity: readAffinity,
  failover: (text, known) => into(readFailover(text, known), (failover) => ({ failover })),
  'min-healthy': (text) => into(readMinHealthy(text), (minHealthy) => ({ minHealthy })),
  'cluster-weights': (text, known) => into(readWeights(text, known), (clusterWeights) => ({ clusterWeights })),
  'drain-clusters': (text, known) => into(readClusters(text, known), (drainClusters) => ({ drainClusters })),
  'on-cluster-lost': oneOf(['keep', 'degrade', 'drop'], (onClusterLost) => ({ onClusterLost })),
  panic: oneOf(['true', 'false'], (value) => ({ panic: value === 'true' })),
  portMatch: oneOf(['name', 'nameThenNumber'], (portMatch) => ({ portMatch })),
  topology: oneOf(['default', 'kube-proxy'], (topology) => ({ topology })),
  affinityOverridesTier: oneOf(['true', 'false'], (value) => ({ affinityOverridesTier: value === 'true' })),
  'accept-clusters': (text, known) => into(readAccepted(text, known), (acceptClusters) => ({ acceptClusters })),
  masqueradeRemote: oneOf(['auto', 'always'], (masqueradeRemote) => ({ masqueradeRemote })),
};

/** Defaults that fit into one word, by key. */
const plainDefaults: Readonly<Record<string, (defaults: Policy) => string | undefined>> = {
  affinity: ({ failover }) => (failover.length === 0 ? 'none' : undefined),
  'on-cluster-lost': ({ onClusterLost }) => onClusterLost,
  panic: ({ panic }) => String(panic),
  portMatch: ({ portMatch }) => portMatch,
  topology: ({ topology }) => topology,
  affinityOverridesTier: ({ affinityOverridesTier }) => String(affinityOverridesTier),
  masqueradeRemote: ({ masqueradeRemote }) => masqueradeRemote,
};

/** `using the default, none`; without the value where it is longer than one word. */
function usingDefault(key: string, defaults: Policy): string {
  const text = plainDefaults[key]?.(defaults);
  return `using the default${text === undefined ? '' : `, ${text}`}`;
}

/** Annotations under slicewright's domain that have a meaning outside a Service's policy. */
const notPolicy: ReadonlySet<string> = new Set([
  'local-addresses',
  'service-ports',
  'weight',
  'shared',
  'source-name',
  'source-resource-version',
  // Annotations that the controller writes on Services that it made, and those by which users direct it.
  'part-of',
  'content',
  'service-facts',
  'adopt',
  'keep',
]);

/** The suffixes of all policy annotations, for documentation and its test. */
export const policyKeys: readonly string[] = Object.keys(readers).sort(compareText);

/** With the annotations that hold each key; `failover` wins over `affinity`, so it is read later. */
const keysInOrder = ['affinity', ...policyKeys.filter((key) => key !== 'affinity')].map((key) => ({
  key,
  names: [policyAnnotation(key), ...(aliases[key] ?? [])],
}));

/**
 * The policy that an object's annotations give.
 *
 * defaults      the policy for keys that are absent or malformed
 * diagnostics   gets one warning for each malformed value, each unknown key under slicewright's domain, and each
 *               name that matches no cluster: such a name is ignored, and the rest of the value applies
 * source        docs/policies.md; `failover` wins over `affinity`, which is its short form
 */
export function parsePolicy(
  annotations: ReadonlyMap<string, string>,
  object: ObjectRef,
  defaults: Policy,
  diagnostics: Diagnostic[],
  known: KnownClusters = anyCluster,
): Policy {
  if (annotations.size === 0) return defaults;
  let policy = defaults;
  for (const { key, names } of keysInOrder) {
    const found = findAnnotation(annotations, names);
    const reader = readers[key];
    if (found === undefined || reader === undefined) continue;
    const read = reader(found.text.trim(), known);
    const field = `metadata.annotations["${found.name}"]`;
    if ('wrong' in read) {
      const message =
        read.isStrange === true
          ? followedBy(read.wrong, `no other cluster is named; ${usingDefault(key, defaults)}`)
          : `"${printable(found.text, 80)}" ${read.wrong}; ${usingDefault(key, defaults)}`;
      const code = read.isStrange === true ? 'policy-unknown-cluster' : 'policy-malformed';
      diagnostics.push({ severity: 'warning', code, object, field, message });
      continue;
    }
    policy = { ...policy, ...read.policy };
    for (const stranger of read.strangers) {
      const message = followedBy(strangerText(stranger, known), 'this name is ignored, the rest of the policy applies');
      diagnostics.push({ severity: 'warning', code: 'policy-unknown-cluster', object, field, message });
    }
  }
  const unknown = Array.from(annotations.keys()).filter(isUnknown);
  for (const name of unknown.sort(compareText)) {
    diagnostics.push({
      severity: 'warning',
      code: 'policy-unknown',
      object,
      field: `metadata.annotations["${printable(name, 80)}"]`,
      message: `no such policy; it is ignored. Known: ${policyKeys.join(', ')}`,
    });
  }
  return policy;
}

const acceptAnnotation = policyAnnotation('accept-clusters');

/** Clusters whose exports may feed a Service with these annotations; an unreadable value accepts no cluster. */
export function acceptedClusters(
  annotations: ReadonlyMap<string, string>,
  defaults: Policy,
): readonly (ClusterName | '*')[] {
  const text = annotations.get(acceptAnnotation);
  if (text === undefined) return defaults.acceptClusters;
  const read = readAccepted(text.trim(), anyCluster);
  return 'wrong' in read ? [] : read.value;
}

/** Under slicewright's domain, and without a meaning. */
function isUnknown(name: string): boolean {
  if (!name.startsWith(domain)) return false;
  const suffix = name.slice(domain.length);
  return !Object.hasOwn(readers, suffix) && !notPolicy.has(suffix);
}

function findAnnotation(annotations: ReadonlyMap<string, string>, names: readonly string[]) {
  for (const name of names) {
    const text = annotations.get(name);
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

/** A value with the names in its text that match no cluster; or what is wrong with the text. */
type Read<T> = { readonly value: T; readonly strangers: readonly string[] } | Wrong;

function into<T>(read: Read<T>, make: (value: T) => Partial<Policy>): Said {
  return 'wrong' in read ? read : { policy: make(read.value), strangers: read.strangers };
}

function plain(policy: Partial<Policy>): Said {
  return { policy, strangers: [] };
}

/** `keep, degrade or drop`. */
function alternatives(values: readonly string[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

function oneOf<const T extends string>(values: readonly T[], make: (value: T) => Partial<Policy>): Reader {
  return (text) => {
    const value = values.find((candidate) => candidate === text);
    return value === undefined ? { wrong: `is not valid: use ${alternatives(values)}` } : plain(make(value));
  };
}

/** Affinity is failover with two tiers: all or nothing, as Cilium's users know it. */
function readAffinity(text: string): Said {
  const local: Tier = [{ kind: 'local' }];
  const remote: Tier = [{ kind: 'remote' }];
  switch (text) {
    case 'none':
      return plain({ failover: [] });
    case 'local':
      return plain({ failover: [local, remote] });
    case 'remote':
      return plain({ failover: [remote, local] });
    default:
      return { wrong: 'is not valid: use none, local or remote' };
  }
}

/** `local; region:eu, member1; *`: tiers by `;`, selectors of one tier by `,`. */
function readFailover(text: string, known: KnownClusters): Read<readonly Tier[]> {
  const tiers: Tier[] = [];
  const strangers: string[] = [];
  for (const tierText of text.split(';')) {
    const tier: TierSelector[] = [];
    for (const part of tierText.split(',').map((each) => each.trim())) {
      const selector = readSelector(part, known);
      if (selector === undefined) {
        return {
          wrong: `has no cluster selector in "${printable(part, 40)}" (local, remote, region:NAME, tier:N, a cluster's id, or *)`,
        };
      }
      if (selector === stranger) strangers.push(part);
      else tier.push(selector);
    }
    if (tier.length > 0) tiers.push(tier);
  }
  if (tiers.length > 32) return { wrong: 'has more than 32 tiers' };
  return tiers.length === 0 ? onlyStrangers(strangers, known) : { value: tiers, strangers };
}

function readSelector(text: string, known: KnownClusters): TierSelector | typeof stranger | undefined {
  if (text === 'local' || text === 'remote') return { kind: text };
  if (text === '*') return { kind: 'any' };
  const region = /^region:([A-Za-z0-9._-]{1,63})$/.exec(text)?.[1];
  if (region !== undefined) return { kind: 'region', region };
  const tier = /^tier:(\d{1,4})$/.exec(text)?.[1];
  if (tier !== undefined) return { kind: 'tier', tier: Number(tier) };
  const cluster = readCluster(text, known);
  return typeof cluster === 'string' ? { kind: 'cluster', cluster } : cluster;
}

function readMinHealthy(text: string): Read<MinHealthy> {
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) {
    return { value: { kind: 'percent', percent: Number(percent) }, strangers: [] };
  }
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1) {
    return { value: { kind: 'count', count: Number(text) }, strangers: [] };
  }
  return { wrong: 'is not valid: use a number of endpoints from 1 or a percentage from 1% to 100%' };
}

const maxClusterWeight = 1_000_000;

/** `local=80,member1=20,*=1`. */
function readWeights(text: string, known: KnownClusters): Read<ReadonlyMap<ClusterWeightKey, number>> {
  const weights = new Map<ClusterWeightKey, number>();
  const strangers: string[] = [];
  for (const part of text.split(',')) {
    const [, name = '', number = ''] = /^\s*([^=\s]+)\s*=\s*(\d{1,7})\s*$/.exec(part) ?? [];
    const key = name === 'local' || name === '*' ? name : readCluster(name, known);
    if (key === undefined || number === '' || Number(number) > maxClusterWeight) {
      return {
        wrong: `has no CLUSTER=WEIGHT with a weight from 0 to ${maxClusterWeight} in "${printable(part.trim(), 40)}"`,
      };
    }
    if (key === stranger) {
      strangers.push(name);
      continue;
    }
    if (weights.has(key)) return { wrong: `names ${key} twice` };
    weights.set(key, Number(number));
  }
  if ([...weights.values()].some((weight) => weight > 0)) return { value: weights, strangers };
  return strangers.length > 0 ? onlyStrangers(strangers, known) : { wrong: 'leaves no cluster with a weight' };
}

function readClusters(text: string, known: KnownClusters): Read<readonly (ClusterName | 'local')[]> {
  return readNames(text, 'local', known, "has no cluster's id");
}

function readAccepted(text: string, known: KnownClusters): Read<readonly (ClusterName | '*')[]> {
  return readNames(text, '*', known, "has neither a cluster's id nor *");
}

/** Names separated by commas, or one special word. */
function readNames<T extends string>(
  text: string,
  word: T,
  known: KnownClusters,
  wrong: string,
): Read<readonly (ClusterName | T)[]> {
  const names: (ClusterName | T)[] = [];
  const strangers: string[] = [];
  for (const part of text === '' ? [] : text.split(',').map((each) => each.trim())) {
    const name = part === word ? word : readCluster(part, known);
    if (name === undefined) return { wrong: `${wrong} in "${printable(part, 40)}"` };
    if (name === stranger) strangers.push(part);
    else names.push(name);
  }
  return names.length === 0 && strangers.length > 0 ? onlyStrangers(strangers, known) : { value: names, strangers };
}

/** Stands for a valid cluster name that no cluster has. */
const stranger = Symbol('stranger');

/** undefined: the text is no name at all. */
function readCluster(text: string, known: KnownClusters): ClusterName | typeof stranger | undefined {
  const name = parseClusterName(text);
  const names = known();
  if (name !== undefined && (names.length === 0 || names.includes(name))) return name;
  // A capital letter or an underscore is a typing error, which must not invalidate what the value gives other clusters.
  return name !== undefined || /^[A-Za-z0-9._-]{1,253}$/.test(text) ? stranger : undefined;
}

function onlyStrangers(strangers: readonly string[], known: KnownClusters): Wrong {
  const [first = ''] = strangers;
  return { wrong: strangerText(first, known), isStrange: true };
}

function followedBy(text: string, then: string): string {
  return text.endsWith('?') ? `${text} ${then.charAt(0).toUpperCase()}${then.slice(1)}` : `${text}; ${then}`;
}

/** `no cluster wset; did you mean west?` */
export function strangerText(name: string, known: KnownClusters): string {
  const nearest = nearestName(name, known());
  return `no cluster ${printable(name, 60)}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}
