import type { Resource } from './resources.ts';
import { status } from './status.ts';
import type { Stored } from './stored.ts';

type Json = Record<string, unknown>;

/** The refusals that the transcripts contain: the double must refuse the same objects. */
export function validate(resource: Resource, object: Stored, taken: ReadonlyMap<string, string>): void {
  const { name } = object.metadata;
  if (resource.kind === 'EndpointSlice') {
    ((object['endpoints'] ?? []) as { addresses?: string[] }[]).forEach(({ addresses }, i) => {
      if (addresses?.[0]?.startsWith('127.')) {
        throw status.invalid(
          resource,
          name,
          `endpoints[${i}].addresses[0]`,
          `Invalid value: "${addresses[0]}": may not be in the loopback range (127.0.0.0/8, ::1/128)`,
        );
      }
    });
  }
  if (resource.kind === 'Service') {
    const { clusterIP } = (object['spec'] ?? {}) as { clusterIP?: string };
    if (clusterIP === undefined || clusterIP === '' || clusterIP === 'None') return;
    const refuse = (why: string) =>
      status.invalid(
        resource,
        name,
        'spec.clusterIPs',
        `Invalid value: []string{"${clusterIP}"}: failed to allocate IP ${clusterIP}: ${why}`,
      );
    if (taken.has(clusterIP)) throw refuse('provided IP is already allocated');
    if (!clusterIP.startsWith('10.13.') && !clusterIP.includes(':')) {
      throw refuse(`the provided IP (${clusterIP}) is not in the valid range. The range of valid IPs is 10.13.0.0/16`);
    }
  }
  if (resource.kind === 'ServiceImport') {
    const { type } = (object['spec'] ?? {}) as { type?: string };
    if (type !== 'ClusterSetIP' && type !== 'Headless') {
      const problem = `Unsupported value: "${type}": supported values: "ClusterSetIP", "Headless"`;
      throw status.invalid(resource, name, 'spec.type', problem, 'FieldValueNotSupported');
    }
  }
}

/** The defaults that the API server fills in, for fields that slicewright reads. */
export function applyDefaults(resource: Resource, object: Stored, taken: ReadonlyMap<string, string>): Stored {
  if (resource.kind === 'EndpointSlice') {
    const ports = object['ports'] as Json[] | null | undefined;
    return {
      ...object,
      endpoints: (object['endpoints'] as unknown[] | undefined)?.length === 0 ? null : (object['endpoints'] ?? null),
      ports: ports?.map((port) => ({ name: '', protocol: 'TCP', ...port })) ?? null,
    };
  }
  if (resource.kind === 'Secret') return { ...object, type: object['type'] || 'Opaque' };
  if (resource.kind !== 'Service') return object;
  const spec = (object['spec'] ?? {}) as Json;
  const type = spec['type'] ?? 'ClusterIP';
  const needsIp = type !== 'ExternalName' && (spec['clusterIP'] === undefined || spec['clusterIP'] === '');
  const clusterIP = needsIp ? freeAddress(taken) : spec['clusterIP'];
  return {
    ...object,
    spec: {
      ...spec,
      ports: ((spec['ports'] ?? []) as Json[]).map((port, i) => ({
        protocol: 'TCP',
        targetPort: port['port'],
        ...port,
        ...(type === 'ClusterIP' || port['nodePort'] !== undefined
          ? {}
          : { nodePort: 30_000 + ((taken.size + i) % 2_768) }),
      })),
      ...(clusterIP === undefined ? {} : { clusterIP, clusterIPs: spec['clusterIPs'] ?? [clusterIP] }),
      type,
      sessionAffinity: spec['sessionAffinity'] ?? 'None',
      ipFamilies: spec['ipFamilies'] ?? ['IPv4'],
      ipFamilyPolicy: spec['ipFamilyPolicy'] ?? 'SingleStack',
      internalTrafficPolicy: spec['internalTrafficPolicy'] ?? 'Cluster',
    },
    status: object['status'] ?? { loadBalancer: {} },
  };
}

function freeAddress(taken: ReadonlyMap<string, string>): string {
  for (let i = 1; i < 65_000; i++) {
    const address = `10.13.${200 + (i >> 8)}.${i & 255}`;
    if (!taken.has(address)) return address;
  }
  throw new Error('the range of the double is used up');
}
