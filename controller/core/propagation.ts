import type { Fields } from '../../compiler/model/fields.ts';
import { type ClusterName, compareText } from '../../compiler/values/names.ts';
import { conditionsFor } from './conditions.ts';
import type { Draft } from './draft.ts';
import { isOfKind, kinds } from './kinds.ts';
import type { Held } from './object.ts';
import { parsePolicy, type Policy, preciseness } from './policy.ts';
import { templateOf } from './template.ts';
import { hub, type World } from './world.ts';

/**
 * The policy that applies to an object of the hub; undefined: none, so the object stays there. A policy in the object's namespace
 * comes before one for all namespaces, as in Karmada; then the higher priority, a name before labels before a whole
 * kind, and the older policy.
 */
export function policyFor(world: World, object: Held): Policy | undefined {
  if (world.hub === undefined) return undefined;
  for (const kind of [kinds.policy, kinds.clusterPolicy]) {
    const fitting = world.hub
      .all(kind)
      .filter(({ isDeleting, namespace }) => !isDeleting && (namespace === undefined || namespace === object.namespace))
      .map((held) => {
        const policy = parsePolicy(held);
        return { policy, rank: preciseness(policy, object) };
      })
      .filter(({ rank }) => rank > 0)
      .sort(
        (a, b) =>
          b.policy.priority - a.policy.priority ||
          b.rank - a.rank ||
          older(a.policy.object, b.policy.object) ||
          compareText(a.policy.object.name, b.policy.object.name),
      );
    if (fitting[0] !== undefined) return fitting[0].policy;
  }
  return undefined;
}

/** Infinity minus itself would be NaN. */
function older(a: Held, b: Held): number {
  return a.createdMs === b.createdMs ? 0 : a.createdMs < b.createdMs ? -1 : 1;
}

/** The clusters that policies send an object of the hub to, in order. Folders are left out: nothing is written there. */
export function placementOf(world: World, object: Held): readonly ClusterName[] {
  const policy = policyFor(world, object);
  if (policy === undefined || object.isDeleting) return [];
  return [...world.members]
    .filter(([name, { labels, takesWrites }]) => takesWrites && policy.selects(name, labels))
    .map(([name]) => name);
}

/** Wants an object of the hub in every cluster that policies send it to, in the version that the member serves. */
export function propagate(draft: Draft, object: Held, more: readonly ClusterName[] = []): ReadonlySet<ClusterName> {
  const { world } = draft;
  const targets = new Set([...placementOf(world, object), ...more]);
  const standing = new Set<ClusterName>();
  const template = templateOf(object, world.settings);
  for (const target of targets) {
    const version = world.members.get(target)?.apiVersionOf(object);
    const manifest: Fields = version === undefined ? template : { ...template, apiVersion: version };
    if (draft.want(target, manifest)) standing.add(target);
  }
  return standing;
}

/** The unsupported parts of a policy, by name: nothing is silently ignored. */
export function reportPolicy(draft: Draft, object: Held): void {
  const policy = parsePolicy(object);
  const isSupported = policy.unsupported.length === 0;
  const message = isSupported
    ? 'Everything that the policy asks for is done.'
    : `Not done: ${policy.unsupported.join(', ')}. Objects are copied whole to every cluster that clusterAffinity selects.`;
  const reason = isSupported ? 'Supported' : 'FieldsIgnored';
  const id = { ...object };
  const finding = { type: 'Supported', status: isSupported ? 'True' : 'False', reason, message } as const;
  draft.status({
    target: hub,
    id,
    apiVersion: object.apiVersion,
    conditions: conditionsFor(object, [finding], draft.world.time),
  });
  if (!isSupported) draft.event({ target: hub, id, type: 'Warning', reason, message });
}

export function isPolicy(object: Held): boolean {
  return isOfKind(object, kinds.policy) || isOfKind(object, kinds.clusterPolicy);
}
