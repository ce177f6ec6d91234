type Json = Readonly<Record<string, unknown>>;

/** Annotations that take space and mean nothing here. */
const bulky = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * What is kept of an object as it arrives: all that the compiler reads, none of what makes objects
 * big (managedFields, the last applied configuration, statuses that nobody reads, pod references).
 *
 * kind, apiVersion   given, since items of a list come without their own
 * returns            undefined for what has no name
 */
export function reduceObject(
  raw: unknown,
  kind: string,
  apiVersion: string,
): { readonly key: string; readonly value: Json } | undefined {
  if (!isRecord(raw) || !isRecord(raw['metadata'])) return undefined;
  const { metadata, spec, status, endpoints, addressType, ports } = raw;
  const { name, namespace, labels, annotations, creationTimestamp, deletionTimestamp } = metadata;
  if (typeof name !== 'string') return undefined;
  const kept: Record<string, unknown> = {
    kind,
    apiVersion,
    metadata: defined({
      name,
      namespace,
      labels,
      annotations: withoutBulk(annotations),
      creationTimestamp,
      deletionTimestamp,
    }),
  };
  if (kind === 'EndpointSlice') Object.assign(kept, { addressType, ports, endpoints: reduceEndpoints(endpoints) });
  else
    Object.assign(
      kept,
      defined({ spec: kind === 'Node' ? reduceNodeSpec(spec) : spec, status: reduceStatus(kind, status) }),
    );
  return { key: typeof namespace === 'string' ? `${namespace}/${name}` : name, value: kept };
}

function reduceEndpoints(endpoints: unknown): unknown {
  if (!Array.isArray(endpoints)) return endpoints;
  return endpoints.map((endpoint: unknown) => {
    if (!isRecord(endpoint)) return endpoint;
    const { addresses, conditions, nodeName, zone, hints } = endpoint;
    return defined({ addresses, conditions, nodeName, zone, hints });
  });
}

function reduceNodeSpec(spec: unknown): unknown {
  return isRecord(spec)
    ? defined({ podCIDR: spec['podCIDR'], podCIDRs: spec['podCIDRs'], taints: spec['taints'] })
    : spec;
}

/** A Node's status is mostly images and conditions, and changes every few seconds. */
function reduceStatus(kind: string, status: unknown): unknown {
  if (!isRecord(status)) return undefined;
  if (kind === 'Node') return defined({ addresses: status['addresses'] });
  if (kind === 'Service') return defined({ loadBalancer: status['loadBalancer'] });
  return status;
}

function withoutBulk(annotations: unknown): unknown {
  if (!isRecord(annotations) || !Object.hasOwn(annotations, bulky)) return annotations;
  const { [bulky]: _dropped, ...rest } = annotations;
  return rest;
}

function defined(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
