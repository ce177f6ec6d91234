import { asFields } from '../../compiler/model/fields.ts';
import { type MultiClusterService, parseMultiClusterService } from '../../compiler/model/multi-cluster-service.ts';
import { type ClusterName, parseClusterName } from '../../compiler/values/names.ts';
import { conditionsFor, type Finding, sentences } from './conditions.ts';
import type { Draft } from './draft.ts';
import { idIn, kinds } from './kinds.ts';
import { type Held, parsedOnce } from './object.ts';
import { propagate } from './propagation.ts';
import { collectableSlices, copyOf, isFedByKarmada } from './slices.ts';
import { hub, type Target, type World } from './world.ts';

/** A MultiClusterService with the fields of Karmada 1.8 too, which later versions take and ignore. */
interface Spread {
  readonly isCrossCluster: boolean;
  /** Empty: all clusters. */
  readonly providers: readonly ClusterName[];
  readonly consumers: readonly ClusterName[];
  readonly ports: boolean;
}

const parseSpread = parsedOnce((object: Held): Spread | undefined => {
  const manifest = { metadata: { name: object.name, namespace: object.namespace }, ...object.fields };
  const parsed: MultiClusterService | undefined = parseMultiClusterService(manifest, undefined, []);
  if (parsed === undefined) return undefined;
  const spec = asFields(object.fields.spec) ?? {};
  const either = (now: readonly ClusterName[], before: unknown) => (now.length > 0 ? now : clusterNames(before));
  return {
    isCrossCluster: parsed.isCrossCluster,
    providers: either(parsed.providers, spec.serviceProvisionClusters),
    consumers: either(parsed.consumers, spec.serviceConsumptionClusters),
    ports: Array.isArray(spec.ports) && spec.ports.length > 0,
  };
});

/** An invalid name must not leave the list empty, because an empty list means all clusters. */
function clusterNames(value: unknown): readonly ClusterName[] {
  if (!Array.isArray(value)) return [];
  return value.map((each) => parseClusterName(each) ?? ('' as ClusterName));
}

/** The MultiClusterService of a key, and its cluster: the hub's, otherwise the oldest of the members'. */
function findMultiClusterService(world: World, namespace: string, name: string): Found | undefined {
  const id = idIn(kinds.multiClusterService, namespace, name);
  if (world.hub !== undefined) {
    const object = world.hub.get(id);
    return object && { target: hub, object };
  }
  const found = [...world.members].flatMap(([target, view]) => {
    const object = view.get(id);
    return object === undefined ? [] : [{ target, object }];
  });
  return found.sort((a, b) => (a.object.createdMs < b.object.createdMs ? -1 : 1))[0];
}

interface Found {
  readonly target: Target;
  readonly object: Held;
}

/**
 * The Service of a key in every cluster where policies or a MultiClusterService want it, and the slices that a
 * MultiClusterService sends to its consumers (CC-2 to CC-6, CC-9).
 */
export function desireService(draft: Draft, namespace: string, name: string): void {
  const { world } = draft;
  const found = findMultiClusterService(world, namespace, name);
  const spread = found && !found.object.isDeleting ? parseSpread(found.object) : undefined;
  const id = idIn(kinds.service, namespace, name);
  const template = (found?.target === hub || found === undefined ? world.hub : world.members.get(found.target))?.get(
    id,
  );
  const isSpread = spread?.isCrossCluster === true && template !== undefined && !template.isDeleting;
  const members = [...world.members];
  const takers = members.filter(([, { takesWrites }]) => takesWrites).map(([cluster]) => cluster);
  const offerers = members
    .filter(([, view]) => view.takesWrites || view.get(id) !== undefined)
    .map(([cluster]) => cluster);
  const isKnown = (cluster: ClusterName) => world.members.has(cluster);
  const providers = isSpread ? (spread.providers.length === 0 ? offerers : spread.providers.filter(isKnown)) : [];
  const consumers = isSpread ? (spread.consumers.length === 0 ? takers : spread.consumers.filter(isKnown)) : [];
  const standing = placeService(draft, template, found?.target, [...providers, ...consumers]);
  if (found === undefined || spread === undefined) return;
  const doubled = dispatch(draft, `${namespace}/${name}`, { providers, consumers, standing });
  report(draft, found, spread, { hasTemplate: template !== undefined, doubled });
}

/**
 * Wants the Service, and returns the clusters in which it can be served. Without a hub each cluster keeps its own Service
 * as it is, which then also serves other clusters' endpoints.
 */
function placeService(
  draft: Draft,
  template: Held | undefined,
  home: Target | undefined,
  targets: readonly ClusterName[],
): ReadonlySet<ClusterName> {
  const { world } = draft;
  if (template === undefined) return new Set();
  // A folder's objects exist already.
  const offering = targets.filter((target) => {
    const view = world.members.get(target);
    return view?.takesWrites === false && view.get(template) !== undefined;
  });
  if (world.hub !== undefined) {
    const takers = targets.filter((target) => !offering.includes(target));
    const standing = new Set([...propagate(draft, template, takers), ...offering]);
    // Karmada's Service can be fed as well as the controller's own.
    for (const { target, reason } of draft.refusals()) if (reason === 'Karmada' && target !== hub) standing.add(target);
    return standing;
  }
  const missing = targets.filter((target) => target !== home && world.members.get(target)?.get(template) === undefined);
  const made = targets.filter((target) => {
    const there = world.members.get(target)?.get(template);
    return there !== undefined && target !== home && there.labels.get('slicewright.dev/managed') === 'true';
  });
  const standing = new Set(targets.filter((target) => !missing.includes(target)));
  for (const target of propagate(draft, template, [...missing, ...made])) standing.add(target);
  return standing;
}

/** Sends each provider's slices to every other consumer. Returns the consumers that Karmada already feeds. */
function dispatch(
  draft: Draft,
  key: string,
  {
    providers,
    consumers,
    standing,
  }: {
    readonly providers: readonly ClusterName[];
    readonly consumers: readonly ClusterName[];
    readonly standing: ReadonlySet<ClusterName>;
  },
): readonly ClusterName[] {
  const { world } = draft;
  const name = key.slice(key.indexOf('/') + 1);
  const doubled: ClusterName[] = [];
  for (const consumer of new Set(consumers)) {
    const view = world.members.get(consumer);
    if (view === undefined || !standing.has(consumer)) continue;
    if (isFedByKarmada(view, key)) {
      doubled.push(consumer);
      continue;
    }
    for (const provider of new Set(providers)) {
      const from = world.members.get(provider);
      if (provider === consumer || from === undefined || !standing.has(provider)) continue;
      const service = from.get(idIn(kinds.service, key.slice(0, key.indexOf('/')), name));
      for (const slice of collectableSlices(from, key)) {
        const facts = { service, keepNodeNames: world.settings.keepNodeNames };
        const copy = copyOf(slice, provider, consumer, { service: name, prefix: '' }, facts);
        draft.want(consumer, copy, { source: provider });
      }
    }
  }
  return doubled;
}

function report(
  draft: Draft,
  { target, object }: Found,
  spread: Spread,
  { hasTemplate, doubled }: { readonly hasTemplate: boolean; readonly doubled: readonly ClusterName[] },
): void {
  const { world } = draft;
  const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
    draft.event({ target, id: object, type, reason, message });
  if (!spread.isCrossCluster) return;
  for (const cluster of new Set([...spread.providers, ...spread.consumers])) {
    if (!world.members.has(cluster))
      tell('Warning', 'ClusterNotFound', `Cluster ${cluster || '(unreadable name)'} is not registered.`);
  }
  if (spread.ports) {
    tell('Warning', 'FieldIgnored', 'spec.ports is not applied, as in Karmada: every port of the Service is offered.');
  }
  const away = [...world.members.values()].filter(({ access }) => access !== 'live').map((view) => view.target);
  const refusals = draft.refusals();
  const conflicts = refusals.filter(({ reason, id }) => reason === 'Exists' && id.kind === 'Service');
  const failed = (isSlice: boolean) => [
    ...refusals
      .filter(({ id, reason }) => (id.kind === 'EndpointSlice') === isSlice && reason !== 'Karmada')
      .map(({ message }) => message),
    ...draft.unwritten(({ id }) => (id.kind === 'EndpointSlice') === isSlice),
  ];
  const service = hasTemplate ? failed(false) : [`There is no Service ${object.namespace}/${object.name} to offer.`];
  const slices = hasTemplate ? failed(true) : service;
  const stale =
    away.length === 0
      ? ''
      : ` The last known objects of ${away.join(', ')}, which is not reachable now, are still used.`;
  const findings: Finding[] = [
    service.length === 0
      ? succeeded('ServiceApplied', `Service is propagated to target clusters.${stale}`)
      : failedFinding('ServiceApplied', service),
    slices.length === 0
      ? succeeded('EndpointSliceDispatched', `EndpointSlices are dispatched.${stale}`)
      : failedFinding('EndpointSliceDispatched', slices),
    {
      type: 'ServiceConflict',
      status: conflicts.length > 0 ? 'True' : 'False',
      reason: conflicts.length > 0 ? 'ServiceExists' : 'NoConflict',
      message:
        sentences(conflicts.map(({ message }) => message)) || 'No cluster has a Service of its own under this name.',
    },
    {
      type: 'TwoDispatchers',
      status: doubled.length > 0 ? 'True' : 'False',
      reason: doubled.length > 0 ? 'KarmadaDispatches' : 'OneDispatcher',
      message:
        doubled.length > 0
          ? `Karmada sends slices of this Service to ${doubled.join(', ')}; the controller sends none there.`
          : 'No other program sends slices of this Service.',
    },
  ];
  draft.status({
    target,
    id: object,
    apiVersion: object.apiVersion,
    conditions: conditionsFor(object, findings, world.time),
  });
  if (conflicts.length > 0) tell('Warning', 'ServiceConflict', sentences(conflicts.map(({ message }) => message)));
  if (service.length === 0) tell('Normal', 'SyncServiceSucceed', 'Service is propagated to target clusters.');
  else tell('Warning', 'SyncServiceFailed', sentences(service));
  if (slices.length === 0) tell('Normal', 'DispatchEndpointSliceSucceed', 'EndpointSlices are dispatched.');
  else if (hasTemplate) tell('Warning', 'DispatchEndpointSliceFailed', sentences(slices));
}

function succeeded(type: string, message: string): Finding {
  return { type, status: 'True', reason: `${type}Succeed`, message };
}

function failedFinding(type: string, why: readonly string[]): Finding {
  return { type, status: 'False', reason: `${type}Failed`, message: sentences(why) };
}
