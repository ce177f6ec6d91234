import type { Diagnostic } from '../values/diagnostic.ts';
import { type ClusterName, compareText, parseClusterName } from '../values/names.ts';
import { type ObjectRef, printable } from '../values/object-ref.ts';
import type { ClusterWeightKey, MinHealthy, Policy, Tier, TierSelector } from './policy.ts';

const domain = 'slicewright.dev/';

/** The annotation that a policy key stands in. */
export function policyAnnotation(key: string): string {
  return `${domain}${key}`;
}

/** Our keys, and the names that Cilium's users know for the same thing; ours win over theirs. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  affinity: ['service.cilium.io/affinity', 'io.cilium/service-affinity'],
};

/** One value's parser: the part of a policy that it says, or what is wrong with it. */
type Reader = (text: string) => Partial<Policy> | { readonly wrong: string };

const readers: Readonly<Record<string, Reader>> = {
  affinity: readAffinity,
  failover: (text) => into(readFailover(text), (failover) => ({ failover })),
  'min-healthy': (text) => into(readMinHealthy(text), (minHealthy) => ({ minHealthy })),
  'cluster-weights': (text) => into(readWeights(text), (clusterWeights) => ({ clusterWeights })),
  'drain-clusters': (text) => into(readClusters(text), (drainClusters) => ({ drainClusters })),
  'on-cluster-lost': oneOf(['keep', 'degrade', 'drop'], (onClusterLost) => ({ onClusterLost })),
  panic: oneOf(['true', 'false'], (value) => ({ panic: value === 'true' })),
  portMatch: oneOf(['name', 'nameThenNumber'], (portMatch) => ({ portMatch })),
  topology: oneOf(['default', 'kube-proxy'], (topology) => ({ topology })),
  affinityOverridesTier: oneOf(['true', 'false'], (value) => ({ affinityOverridesTier: value === 'true' })),
  'accept-clusters': (text) => into(readAccepted(text), (acceptClusters) => ({ acceptClusters })),
  masqueradeRemote: oneOf(['auto', 'always'], (masqueradeRemote) => ({ masqueradeRemote })),
};

/** Annotations under our domain that mean something elsewhere than in a Service's policy. */
const notPolicy: ReadonlySet<string> = new Set([
  'local-addresses',
  'service-ports',
  'weight',
  'shared',
  'source-name',
  'source-resource-version',
]);

/** The suffixes of all policy annotations, for documentation and its test. */
export const policyKeys: readonly string[] = Object.keys(readers).sort(compareText);

/**
 * The policy that an object's annotations give.
 *
 * defaults      what holds for keys that are absent or malformed
 * diagnostics   gets one warning for each malformed value and each unknown key under our domain
 * source        docs/policies.md; `failover` wins over `affinity`, which is its short form
 */
export function parsePolicy(
  annotations: ReadonlyMap<string, string>,
  object: ObjectRef,
  defaults: Policy,
  diagnostics: Diagnostic[],
): Policy {
  let policy = defaults;
  for (const key of ['affinity', ...policyKeys.filter((other) => other !== 'affinity')]) {
    const found = findAnnotation(annotations, key);
    const reader = readers[key];
    if (found === undefined || reader === undefined) continue;
    const read = reader(found.text.trim());
    if ('wrong' in read) {
      diagnostics.push({
        severity: 'warning',
        code: 'policy-malformed',
        object,
        field: `metadata.annotations["${found.name}"]`,
        message: `"${printable(found.text, 80)}" ${read.wrong}; the default holds`,
      });
    } else {
      policy = { ...policy, ...read };
    }
  }
  for (const name of [...annotations.keys()].sort(compareText)) {
    const suffix = name.startsWith(domain) ? name.slice(domain.length) : undefined;
    if (suffix === undefined || Object.hasOwn(readers, suffix) || notPolicy.has(suffix)) continue;
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

/** Clusters whose exports may feed a Service with these annotations; what cannot be read accepts nobody. */
export function acceptedClusters(
  annotations: ReadonlyMap<string, string>,
  defaults: Policy,
): readonly (ClusterName | '*')[] {
  const text = annotations.get(policyAnnotation('accept-clusters'));
  if (text === undefined) return defaults.acceptClusters;
  const read = readAccepted(text.trim());
  return 'wrong' in read ? [] : read.value;
}

function findAnnotation(annotations: ReadonlyMap<string, string>, key: string) {
  for (const name of [`${domain}${key}`, ...(aliases[key] ?? [])]) {
    const text = annotations.get(name);
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

/** A value, or what is wrong with the text it was read from. */
type Read<T> = { readonly value: T } | { readonly wrong: string };

function into<T>(read: Read<T>, make: (value: T) => Partial<Policy>): Partial<Policy> | { readonly wrong: string } {
  return 'wrong' in read ? read : make(read.value);
}

function oneOf<const T extends string>(values: readonly T[], make: (value: T) => Partial<Policy>): Reader {
  return (text) => {
    const value = values.find((candidate) => candidate === text);
    return value === undefined ? { wrong: `is none of ${values.join(', ')}` } : make(value);
  };
}

/** Affinity is failover with two tiers: all or nothing, as Cilium's users know it. */
function readAffinity(text: string): Partial<Policy> | { readonly wrong: string } {
  const local: Tier = [{ kind: 'local' }];
  const remote: Tier = [{ kind: 'remote' }];
  switch (text) {
    case 'none':
      return { failover: [] };
    case 'local':
      return { failover: [local, remote] };
    case 'remote':
      return { failover: [remote, local] };
    default:
      return { wrong: 'is none of none, local, remote' };
  }
}

/** `local; region:eu, member1; *`: tiers by `;`, selectors of one tier by `,`. */
function readFailover(text: string): Read<readonly Tier[]> {
  const tiers: Tier[] = [];
  for (const tierText of text.split(';')) {
    const tier: TierSelector[] = [];
    for (const part of tierText.split(',')) {
      const selector = readSelector(part.trim());
      if (selector === undefined) {
        return {
          wrong: `has no cluster selector in "${printable(part.trim(), 40)}" (local, remote, region:NAME, tier:N, a cluster's id, or *)`,
        };
      }
      tier.push(selector);
    }
    tiers.push(tier);
  }
  return tiers.length > 32 ? { wrong: 'has more than 32 tiers' } : { value: tiers };
}

function readSelector(text: string): TierSelector | undefined {
  if (text === 'local' || text === 'remote') return { kind: text };
  if (text === '*') return { kind: 'any' };
  const region = /^region:([A-Za-z0-9._-]{1,63})$/.exec(text)?.[1];
  if (region !== undefined) return { kind: 'region', region };
  const tier = /^tier:(\d{1,4})$/.exec(text)?.[1];
  if (tier !== undefined) return { kind: 'tier', tier: Number(tier) };
  const cluster = parseClusterName(text);
  return cluster === undefined ? undefined : { kind: 'cluster', cluster };
}

function readMinHealthy(text: string): Read<MinHealthy> {
  const percent = /^(\d{1,3})%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100) {
    return { value: { kind: 'percent', percent: Number(percent) } };
  }
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1) return { value: { kind: 'count', count: Number(text) } };
  return { wrong: 'is neither a number of endpoints from 1 nor a percentage from 1% to 100%' };
}

const maxClusterWeight = 1_000_000;

/** `local=80,member1=20,*=1`. */
function readWeights(text: string): Read<ReadonlyMap<ClusterWeightKey, number>> {
  const weights = new Map<ClusterWeightKey, number>();
  for (const part of text.split(',')) {
    const [, name = '', number = ''] = /^\s*([^=\s]+)\s*=\s*(\d{1,7})\s*$/.exec(part) ?? [];
    const key = name === 'local' || name === '*' ? name : parseClusterName(name);
    if (key === undefined || number === '' || Number(number) > maxClusterWeight) {
      return {
        wrong: `has no CLUSTER=WEIGHT with a weight from 0 to ${maxClusterWeight} in "${printable(part.trim(), 40)}"`,
      };
    }
    if (weights.has(key)) return { wrong: `names ${key} twice` };
    weights.set(key, Number(number));
  }
  return [...weights.values()].some((weight) => weight > 0)
    ? { value: weights }
    : { wrong: 'leaves no cluster with a weight' };
}

function readClusters(text: string): Read<readonly (ClusterName | 'local')[]> {
  if (text === '') return { value: [] };
  const clusters: (ClusterName | 'local')[] = [];
  for (const part of text.split(',')) {
    const cluster = part.trim() === 'local' ? 'local' : parseClusterName(part.trim());
    if (cluster === undefined) return { wrong: `has no cluster's id in "${printable(part.trim(), 40)}"` };
    clusters.push(cluster);
  }
  return { value: clusters };
}

function readAccepted(text: string): Read<readonly (ClusterName | '*')[]> {
  if (text === '') return { value: [] };
  const clusters: (ClusterName | '*')[] = [];
  for (const part of text.split(',')) {
    const cluster = part.trim() === '*' ? '*' : parseClusterName(part.trim());
    if (cluster === undefined) return { wrong: `has neither a cluster's id nor * in "${printable(part.trim(), 40)}"` };
    clusters.push(cluster);
  }
  return { value: clusters };
}
