import * as z from 'zod';
import { parsePolicy, policyAnnotation } from '../../compiler/policy/parse.ts';
import { defaultPolicy, type Policy } from '../../compiler/policy/policy.ts';
import {
  type RegisteredCluster,
  type Registry,
  type ServiceAddressRanges,
  sortClusters,
} from '../../compiler/registry/registry.ts';
import { type Cidr, parseCidr } from '../../compiler/values/address.ts';
import {
  type ClusterName,
  type Namespace,
  type ObjectName,
  parseClusterName,
  parseNamespace,
  parseObjectName,
} from '../../compiler/values/names.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { printable } from '../../compiler/values/object-ref.ts';

/** The registry file as its users write it. `docs/registry.md` describes every key. */
const clusterName = z.string().transform((text, context): ClusterName => {
  const name = parseClusterName(text);
  if (name === undefined) {
    context.addIssue(`"${printable(text, 60)}" is not a cluster's id (DNS-1123 name, and not local)`);
    return z.NEVER;
  }
  return name;
});

function named<T extends string>(parse: (value: unknown) => T | undefined, wanted: string) {
  return z.string().transform((text, context): T => {
    const name = parse(text);
    if (name !== undefined) return name;
    context.addIssue(`"${printable(text, 60)}" is not ${wanted}`);
    return z.NEVER;
  });
}

const grant = z.strictObject({
  namespace: named<Namespace | '*'>(
    (value) => (value === '*' ? '*' : parseNamespace(value)),
    "a namespace's name, or *",
  ),
  names: z.array(named<ObjectName>(parseObjectName, "a Service's name")).min(1).optional(),
});

/** Host bits are rejected, because masking them silently would hide a typing error: `10.10.0.6/16` instead of `10.10.0.0/16`. */
const cidr = z.string().transform((text, context): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined || parsed !== text) {
    const hint = parsed === undefined ? '' : `; did you mean ${parsed}?`;
    context.addIssue(`"${printable(text, 60)}" is not a network in canonical form${hint}`);
    return z.NEVER;
  }
  return parsed;
});

const label = z.string().min(1).max(253);
const onLost = z.enum(['keep', 'degrade', 'drop']);

const clusterSchema = z.strictObject({
  id: clusterName,
  aliases: z.array(clusterName).default([]),
  self: z.boolean().default(false),
  podCIDRs: z.array(cidr).default([]),
  serviceCIDRs: z.array(cidr).default([]),
  nodeCIDRs: z.array(cidr).default([]),
  zones: z.record(label, label).default({}),
  region: label.optional(),
  tier: z.int().min(0).max(9999).default(0),
  weight: z.int().min(0).max(1_000_000).default(100),
  drain: z.boolean().default(false),
  state: z.enum(['Unknown', 'Alive', 'Suspect', 'Lost', 'Removed']).default('Unknown'),
  onLost: onLost.optional(),
  mayServe: z.array(grant).default([]),
});

const addressesSchema = z.strictObject({
  restrict: z.boolean().default(false),
  externalIPs: z.array(cidr).optional(),
  loadBalancerIPs: z.array(cidr).optional(),
  clusterSetIPs: z.array(cidr).optional(),
});

const registrySchema = z.strictObject({
  apiVersion: z.literal('slicewright.dev/v1alpha1'),
  kind: z.literal('ClusterRegistry'),
  strictCIDR: z.boolean().optional(),
  policy: z.record(label, z.union([z.string().max(4096), z.number(), z.boolean()])).optional(),
  serviceAddresses: addressesSchema.optional(),
  clusters: z.array(clusterSchema),
});

/** A registry file that cannot be used: every problem with its place, for people. */
export class RegistryError extends Error {
  readonly problems: readonly string[];
  constructor(file: string, problems: readonly string[]) {
    super(`${file} is not a cluster registry:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'RegistryError';
    this.problems = problems;
  }
}

/**
 * The registry that a parsed YAML or JSON document describes.
 *
 * file     its name, for messages
 * throws   RegistryError with all problems at once: unknown keys, bad values, ids that are not
 *          unique, more than one cluster that is `self`
 */
export function parseRegistry(document: unknown, file: string): Registry {
  const parsed = registrySchema.safeParse(document);
  if (!parsed.success) {
    throw new RegistryError(
      file,
      parsed.error.issues.map(({ path, message }) => `${formatPath(path)}${message}`),
    );
  }
  const clusters = parsed.data.clusters.map(
    ({
      podCIDRs,
      serviceCIDRs,
      nodeCIDRs,
      zones,
      state,
      region,
      onLost: policy,
      mayServe,
      ...rest
    }): RegisteredCluster => ({
      ...rest,
      podCidrs: podCIDRs,
      serviceCidrs: serviceCIDRs,
      nodeCidrs: nodeCIDRs,
      zones: new Map(Object.entries(zones)),
      region,
      onLost: policy,
      mayServe: mayServe.map(({ namespace, names }) => ({ namespace, names })),
      removed: state === 'Removed',
      state: state === 'Removed' ? 'Lost' : state,
    }),
  );
  const problems = [...repeatedIds(clusters), ...severalSelves(clusters)];
  const remarks: Diagnostic[] = [];
  const policy = parsed.data.policy && readPolicy(parsed.data.policy, file, clusters, problems, remarks);
  if (problems.length > 0) throw new RegistryError(file, problems);
  const { strictCIDR, serviceAddresses } = parsed.data;
  return {
    clusters: sortClusters(clusters),
    strictCidr: strictCIDR,
    ...(policy && { policy }),
    ...(remarks.length > 0 && { remarks }),
    ...(serviceAddresses && { serviceAddresses: rangesOf(serviceAddresses) }),
  };
}

function rangesOf(given: z.infer<typeof addressesSchema>): ServiceAddressRanges {
  const { restrict, externalIPs, loadBalancerIPs, clusterSetIPs } = given;
  return { restrict, externalIPs, loadBalancerIPs, clusterSetIPs };
}

/** The annotations' keys and values, without their domain. */
function readPolicy(
  given: Readonly<Record<string, string | number | boolean>>,
  file: string,
  clusters: readonly RegisteredCluster[],
  problems: string[],
  remarks: Diagnostic[],
): Policy {
  const annotations = new Map(Object.entries(given).map(([key, value]) => [policyAnnotation(key), String(value)]));
  const diagnostics: Diagnostic[] = [];
  const names = clusters.flatMap(({ id, aliases }) => [id, ...aliases]);
  const policy = parsePolicy(
    annotations,
    { kind: 'ClusterRegistry', name: file },
    defaultPolicy,
    diagnostics,
    () => names,
  );
  for (const diagnostic of diagnostics) {
    const { code, field = '', message } = diagnostic;
    const place = field.replace(/^metadata\.annotations/, '');
    if (code === 'policy-unknown-cluster') remarks.push({ ...diagnostic, field: `policy${place}` });
    else
      problems.push(
        `policy: ${place}: ${message.replace(/; using the default(?:, [\w-]+)?$|; it is ignored\. Known: .*$/, '')}`,
      );
  }
  return policy;
}

function formatPath(path: readonly PropertyKey[]): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${printable(String(part), 60)}`))
    .join('');
  return text === '' ? '' : `${text.replace(/^\./, '')}: `;
}

/** Otherwise the sources of slices could not be told apart (karmada#6298, cilium#33822). */
function* repeatedIds(clusters: readonly RegisteredCluster[]): Generator<string> {
  const owners = new Map<ClusterName, ClusterName>();
  for (const { id, aliases } of clusters) {
    for (const name of [id, ...aliases]) {
      const owner = owners.get(name);
      if (owner !== undefined)
        yield `${name} names both cluster ${owner} and cluster ${id}; ids and aliases are unique`;
      owners.set(name, id);
    }
  }
}

function* severalSelves(clusters: readonly RegisteredCluster[]): Generator<string> {
  const selves = clusters.filter(({ self }) => self).map(({ id }) => id);
  if (selves.length > 1) yield `${selves.join(' and ')} all say self: true; a node belongs to one cluster`;
}
