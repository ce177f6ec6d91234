import { asFields, type Fields } from '../../compiler/model/fields.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { isOfKind, kinds } from './kinds.ts';
import type { Held } from './object.ts';
import { isCollectable, isKarmadas, marks } from './marks.ts';
import { copyName } from './names.ts';
import { managedBy } from '../../compiler/model/endpoint-slice.ts';
import type { ClusterView } from './world.ts';

/** The purpose of a slice's copy, in the cluster that gets it. */
export interface Feeds {
  /** The Service that serves it; undefined: a ServiceImport serves it at its own addresses. */
  readonly service: string | undefined;
  /** The ServiceImport, for the MCS API's import style. */
  readonly import?: string;
  readonly prefix: '' | 'imported-';
}

/** Slices of a Service that other clusters may get (CC-4). */
export function collectableSlices(view: ClusterView, service: string): readonly Held[] {
  return view.slicesOf(service).filter((slice) => isCollectable(slice) && !slice.isDeleting);
}

/** The cluster that a slice is a copy of. */
export function sourceOf(object: Held): ClusterName | undefined {
  if (!isOfKind(object, kinds.slice)) return undefined;
  return object.labels.get(marks.sourceCluster) as ClusterName | undefined;
}

/** Whether Karmada feeds the Service in this cluster: a second dispatcher would only repeat its work (CC-15). */
export function isFedByKarmada(view: ClusterView, service: string): boolean {
  return view.slicesOf(service).some(isKarmadas);
}

/**
 * A slice as another cluster gets it (CC-2, CC-5). A copy in the slice's own cluster, if an importer also exports, keeps node
 * names and zones, because they have a meaning there.
 *
 * consumer    undefined: a cluster without nodes, such as a hub
 * service     the Service there, whose facts are published (CC-6); undefined: unknown
 */
export function copyOf(
  slice: Held,
  source: ClusterName,
  consumer: ClusterName | undefined,
  { service: serviceName, import: importName, prefix }: Feeds,
  { service, keepNodeNames }: { readonly service: Held | undefined; readonly keepNodeNames: boolean },
): Fields {
  const isHome = source === consumer;
  const { addressType, endpoints, ports } = slice.fields;
  const isHeadless = slice.labels.has(marks.headless);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: copyName(prefix, source, slice.name),
      namespace: slice.namespace,
      labels: {
        ...(serviceName === undefined ? {} : { [marks.serviceName]: serviceName }),
        ...(importName === undefined ? {} : { [marks.importName]: importName }),
        [marks.sourceCluster]: source,
        ...(isHeadless ? { [marks.headless]: '' } : {}),
      },
      annotations: {
        [marks.provisionCluster]: source,
        [marks.sourceName]: slice.name,
        [marks.sourceVersion]: slice.resourceVersion,
        ...publishedFacts(service),
      },
    },
    addressType,
    endpoints: listOf(endpoints).map((endpoint) => copiedEndpoint(endpoint, source, isHome || keepNodeNames, isHome)),
    ports: listOf(ports).map(copiedPort),
  };
}

function publishedFacts(service: Held | undefined): Fields {
  const spec = asFields(service?.fields.spec);
  if (spec === undefined) return {};
  const ports = listOf(spec.ports).map((port) => ({
    name: port.name ?? '',
    protocol: port.protocol ?? 'TCP',
    port: port.port,
  }));
  const { type, sessionAffinity, ipFamilies } = spec;
  return {
    [marks.servicePorts]: JSON.stringify(ports),
    [marks.serviceFacts]: JSON.stringify({ type, sessionAffinity, ipFamilies }),
  };
}

function copiedEndpoint(endpoint: Fields, source: ClusterName, keepsNode: boolean, isHome: boolean): Fields {
  const { addresses, conditions, hostname, nodeName, zone, targetRef } = endpoint;
  const target = asFields(targetRef);
  return defined({
    addresses,
    // Unchanged, because an absent condition has a meaning of its own.
    conditions: conditions ?? {},
    hostname: text(hostname),
    nodeName: keepsNode ? text(nodeName) : undefined,
    zone: typeof zone !== 'string' || zone === '' ? undefined : isHome ? zone : `${source}/${zone}`,
    targetRef: target && defined({ kind: target.kind, namespace: target.namespace, name: target.name }),
  });
}

function copiedPort({ name, protocol, port, appProtocol }: Fields): Fields {
  return defined({ name: name ?? '', protocol: protocol ?? 'TCP', port, appProtocol: text(appProtocol) });
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(asFields).filter((item) => item !== undefined) : [];
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

/**
 * The part of a slice that is kept on arrival: what a copy needs, and nothing else, because memory use depends on the
 * number of endpoints.
 */
export function reduceSlice(fields: Fields, manager: string | undefined): Fields {
  const { addressType, endpoints, ports } = fields;
  // Of slices that Karmada dispatched, only their existence matters.
  const isForeign = manager === managedBy.karmadaDispatch || manager === managedBy.karmadaImport;
  return { addressType, ports: ports ?? [], endpoints: isForeign ? [] : listOf(endpoints).map(reducedEndpoint) };
}

function reducedEndpoint(endpoint: Fields): Fields {
  const { addresses, conditions, hostname, nodeName, zone, targetRef } = endpoint;
  const target = asFields(targetRef);
  return defined({
    addresses,
    conditions,
    hostname,
    nodeName,
    zone,
    targetRef: target && defined({ kind: target.kind, namespace: target.namespace, name: target.name }),
  });
}
