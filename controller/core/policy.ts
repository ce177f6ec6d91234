import { asFields, type Fields, type TextMap } from '../../compiler/model/fields.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { groupOf, isOfKind, kinds } from './kinds.ts';
import { type Matches, parseLabelSelector } from './label-selector.ts';
import { type Held, parsedOnce } from './object.ts';

interface ResourceSelector {
  readonly group: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly labels: Matches | undefined;
}

/** A PropagationPolicy or ClusterPropagationPolicy, as far as the controller understands it. */
export interface Policy {
  readonly object: Held;
  readonly selectors: readonly ResourceSelector[];
  readonly priority: number;
  selects(cluster: ClusterName, labels: TextMap): boolean;
  /** Paths of fields that ask for something that the controller does not do. */
  readonly unsupported: readonly string[];
}

/** Fields of a policy's spec, with the values that ask for nothing special. */
const passive: Readonly<Record<string, readonly unknown[]>> = {
  resourceSelectors: [],
  placement: [],
  priority: [],
  propagateDeps: [true, false],
  conflictResolution: ['Abort'],
  preemption: ['Never'],
  schedulerName: ['default-scheduler'],
  association: [false],
  activationPreference: [''],
  preserveResourcesOnDeletion: [false],
};
const understood = new Set(['resourceSelectors', 'placement', 'priority']);

/** Parses a policy; a part that is not understood never lets objects go to more clusters. */
export const parsePolicy = parsedOnce((object: Held): Policy => {
  const spec = asFields(object.fields.spec) ?? {};
  const placement = asFields(spec.placement) ?? {};
  const { selects, unsupported: ofAffinity } = parseAffinity(placement);
  const unsupported = [
    ...Object.keys(spec)
      .filter((key) => !understood.has(key) && !isEmpty(spec[key]) && passive[key]?.includes(spec[key]) !== true)
      .map((key) => `spec.${key}`),
    ...Object.keys(placement)
      .filter((key) => key !== 'clusterAffinity' && !isEmpty(placement[key]) && !isPassive(key, placement[key]))
      .map((key) => `spec.placement.${key}`),
    ...ofAffinity,
  ];
  const selectors = Array.isArray(spec.resourceSelectors) ? spec.resourceSelectors.map(asFields) : [];
  return {
    object,
    selectors: selectors.flatMap((one) => (one === undefined ? [] : parseSelector(one, object))),
    priority: typeof spec.priority === 'number' ? spec.priority : 0,
    selects,
    unsupported: unsupported.sort(),
  };
});

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return asFields(value) !== undefined && Object.keys(value).length === 0;
}

/** Values that Karmada fills in by itself, and those that copy objects whole to every cluster, as the controller does. */
function isPassive(key: string, value: unknown): boolean {
  if (key === 'replicaScheduling') return asFields(value)?.replicaSchedulingType === 'Duplicated';
  if (key !== 'clusterTolerations' || !Array.isArray(value)) return false;
  const keys = value.map((each) => asFields(each)?.key);
  return keys.every((each) => each === 'cluster.karmada.io/not-ready' || each === 'cluster.karmada.io/unreachable');
}

function parseSelector(fields: Fields, policy: Held): ResourceSelector[] {
  const { apiVersion, kind, namespace, name, labelSelector } = fields;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return [];
  const isNamespaced = isOfKind(policy, kinds.policy);
  const labels = isEmpty(labelSelector) && labelSelector === undefined ? undefined : parseLabelSelector(labelSelector);
  // A selector that is not understood must not count as absent: it selects nothing.
  if (labelSelector !== undefined && labelSelector !== null && labels === undefined) return [];
  return [
    {
      apiVersion,
      group: groupOf(apiVersion),
      kind,
      // A policy with a namespace only applies to objects in it.
      namespace: isNamespaced
        ? policy.namespace
        : typeof namespace === 'string' && namespace !== ''
          ? namespace
          : undefined,
      name: typeof name === 'string' && name !== '' ? name : undefined,
      labels,
    },
  ];
}

function parseAffinity(placement: Fields): Pick<Policy, 'selects' | 'unsupported'> {
  const given = placement.clusterAffinity;
  if (given === undefined || given === null) {
    // Groups of clusters, tried one after the other, narrow the choice too.
    return { selects: () => isEmpty(placement.clusterAffinities), unsupported: [] };
  }
  const affinity = asFields(given) ?? {};
  const names = textsOf(affinity.clusterNames);
  const excluded = textsOf(affinity.exclude);
  const hasLabels = affinity.labelSelector !== undefined && affinity.labelSelector !== null;
  const labels = hasLabels ? parseLabelSelector(affinity.labelSelector) : () => true;
  const narrowing = Object.keys(affinity)
    .filter((key) => !['clusterNames', 'exclude', 'labelSelector'].includes(key) && !isEmpty(affinity[key]))
    .map((key) => `spec.placement.clusterAffinity.${key}`);
  const unsupported = labels === undefined ? [...narrowing, 'spec.placement.clusterAffinity.labelSelector'] : narrowing;
  return {
    unsupported,
    selects: (cluster, ofCluster) =>
      narrowing.length === 0 &&
      (names.length === 0 || names.includes(cluster)) &&
      !excluded.includes(cluster) &&
      labels?.(ofCluster) === true,
  };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** How exactly a policy selects an object; 0: it does not. */
export function preciseness(policy: Policy, object: Held): 0 | 1 | 2 | 3 {
  let best: 0 | 1 | 2 | 3 = 0;
  for (const selector of policy.selectors) {
    if (selector.kind !== object.kind || selector.group !== object.group) continue;
    if (selector.namespace !== undefined && selector.namespace !== object.namespace) continue;
    if (selector.name !== undefined) {
      if (selector.name === object.name) return 3;
    } else if (selector.labels !== undefined) {
      if (selector.labels(object.labels)) best = 2;
    } else if (best === 0) best = 1;
  }
  return best;
}
