import { endpointText } from '../ir/ir.ts';
import type { SlicePort } from '../model/endpoint-slice.ts';
import type { ServicePort } from '../model/service-ports.ts';
import { type ClusterName, compareText } from '../values/names.ts';
import type { Port } from '../values/port.ts';
import type { AttachedSlice } from './attach.ts';
import type { SourcedEndpoint } from './sanitise.ts';

/** A slice with what is believed of its endpoints. */
export interface SourcedSlice {
  readonly from: AttachedSlice;
  readonly endpoints: readonly SourcedEndpoint[];
}

/** An endpoint that offers a Service port. */
export interface Candidate extends SourcedEndpoint {
  readonly port: Port;
  /** `ip:port`: what it is the same endpoint by. */
  readonly text: string;
}

/**
 * The endpoints that offer a Service port: name and protocol must both be the same; the number is the slice's, so
 * clusters may differ in it (MR-20, MR-23). In order of slices, then of endpoints.
 */
export function matchPort(slices: readonly SourcedSlice[], wanted: ServicePort): Candidate[] {
  const candidates: Candidate[] = [];
  for (const { from, endpoints } of slices) {
    const port = from.slice.ports.find(
      ({ name, protocol }) => name === wanted.name && protocol === wanted.protocol,
    )?.port;
    if (port === undefined) continue;
    for (const endpoint of endpoints) {
      candidates.push({ ...endpoint, port, text: endpointText({ address: endpoint.endpoint.address, port }) });
    }
  }
  return candidates;
}

/** A cluster with endpoints for a Service none of which offers a port of it. */
export interface PortMismatch {
  readonly cluster: ClusterName;
  /** Offered under the wanted name, but for another protocol (MR-22). */
  readonly otherProtocol: boolean;
  readonly offered: readonly SlicePort[];
}

/** Remote clusters that have endpoints but not this port (MR-21): a misspelt port name is silent otherwise. */
export function findPortMismatches(slices: readonly SourcedSlice[], wanted: ServicePort): PortMismatch[] {
  const offers = new Map<ClusterName, SlicePort[]>();
  for (const { from, endpoints } of slices) {
    if (from.source.kind !== 'remote' || endpoints.length === 0) continue;
    const offered = offers.get(from.source.cluster) ?? [];
    offered.push(...from.slice.ports);
    offers.set(from.source.cluster, offered);
  }
  const mismatches: PortMismatch[] = [];
  for (const [cluster, offered] of offers) {
    if (offered.some(({ name, protocol }) => name === wanted.name && protocol === wanted.protocol)) continue;
    mismatches.push({ cluster, otherProtocol: offered.some(({ name }) => name === wanted.name), offered });
  }
  return mismatches.sort((a, b) => compareText(a.cluster, b.cluster));
}
