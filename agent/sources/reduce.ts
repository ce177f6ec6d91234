import { oneText } from '../../compiler/values/one-text.ts';

type Json = Readonly<Record<string, unknown>>;

/** Annotations that take space and have no effect here. */
const bulky = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The part of an object that is kept on arrival: everything that the compiler reads, without the parts that make
 * objects big (managedFields, the last applied configuration, unused statuses, pod references).
 *
 * kind, apiVersion   given, because items of a list come without their own
 * returns            undefined for an object without a name
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
  return { key: typeof namespace === 'string' ? oneText([namespace, name], '/') : name, value: kept };
}

function reduceEndpoints(endpoints: unknown): unknown {
  if (!Array.isArray(endpoints)) return endpoints;
  return endpoints.map((endpoint: unknown) => {
    if (!isRecord(endpoint)) return endpoint;
    const { addresses, conditions, nodeName, zone, hints } = endpoint;
    return {
      addresses,
      ...(conditions === undefined ? {} : { conditions: sharedConditions(conditions) }),
      ...(nodeName === undefined ? {} : { nodeName: sharedText(nodeName) }),
      ...(zone === undefined ? {} : { zone: sharedText(zone) }),
      ...(hints === undefined ? {} : { hints }),
    };
  });
}

/** Names of nodes and zones that thousands of endpoints share: each is kept once. */
const texts = new Map<string, string>();
/** More than a cluster has nodes. Further names are not shared until there is room. */
const maxTexts = 20_000;

function sharedText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const known = texts.get(value);
  if (known !== undefined) return known;
  if (texts.size >= maxTexts) texts.clear();
  texts.set(value, value);
  return value;
}

/** All conditions as controllers write them, with `ready`, `serving` and `terminating` only: endpoints share these objects. */
const allConditions = [true, false].flatMap((ready) =>
  [true, false].flatMap((serving) =>
    [true, false].map((terminating) => Object.freeze({ ready, serving, terminating })),
  ),
);

function sharedConditions(value: unknown): unknown {
  if (!isRecord(value) || Object.keys(value).length !== 3) return value;
  const { ready, serving, terminating } = value;
  const same = (one: (typeof allConditions)[number]) =>
    one.ready === ready && one.serving === serving && one.terminating === terminating;
  return allConditions.find(same) ?? value;
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
