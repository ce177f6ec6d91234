import type { AttachedSlice } from './merge/attach.ts';
import type { EndpointRecord } from './merge/record.ts';
import type { Node } from './model/node.ts';
import type { Service } from './model/service.ts';
import { isWithin } from './registry/registry.ts';
import type { IpAddress } from './values/address.ts';
import type { Diagnostic } from './values/diagnostic.ts';
import { compareText } from './values/names.ts';
import { formatObjectRef, printable } from './values/object-ref.ts';

/**
 * Endpoints at another Service's cluster IP (once an address and Service): the kernel translates a connection once, so
 * nothing answers there.
 */
export function reportServiceAddresses(
  contested: readonly IpAddress[],
  services: Iterable<Service>,
  endpoints: readonly EndpointRecord[],
  diagnostics: Diagnostic[],
): void {
  if (contested.length === 0) return;
  const holders = new Map<IpAddress, Service>();
  for (const service of services) {
    for (const address of Object.values(service.clusterIPs))
      if (contested.includes(address)) holders.set(address, service);
  }
  for (const { address, service, slice, leftOut, reasons } of endpoints) {
    const holder = holders.get(address);
    // The Service's own endpoints answer for what came back from another cluster (MR-16).
    const cameBack = reasons.some(({ rule }) => rule === 'MR-11');
    if (holder === undefined || holder.vip !== 'clusterIP' || leftOut !== undefined || cameBack) continue;
    const message = `endpoint ${address} of Service ${service} is the cluster IP of ${formatObjectRef(holder.ref)}; the kernel translates a connection only once, so nothing answers there`;
    diagnostics.push({ severity: 'warning', code: 'endpoint-is-service-address', object: slice, message });
  }
}

/**
 * Slices that call this node by a name other than its own: then policies take no endpoint to run on it. Reported only
 * where the node's own pod range proves it.
 */
export function reportNodeName(
  nodeName: string | undefined,
  node: Node | undefined,
  slices: Iterable<AttachedSlice>,
  diagnostics: Diagnostic[],
): void {
  if (nodeName === undefined || node === undefined || node.podCidrs.length === 0) return;
  const names = new Map<string, number>();
  for (const { slice, source } of slices) {
    if (source.kind === 'remote') continue;
    for (const endpoint of slice.endpoints) {
      if (endpoint.nodeName === nodeName) return;
      if (endpoint.nodeName === undefined || isWithin(node.podCidrs, endpoint.address) !== true) continue;
      names.set(endpoint.nodeName, (names.get(endpoint.nodeName) ?? 0) + 1);
    }
  }
  const [most] = [...names].sort(([a, m], [b, n]) => n - m || compareText(a, b));
  if (most === undefined) return;
  const [name, count] = most;
  const message = `no EndpointSlice names this node "${printable(nodeName)}", but ${count} endpoint${count === 1 ? '' : 's'} in its pod range ${node.podCidrs.join(', ')} run${count === 1 ? 's' : ''} on "${printable(name)}"; policy Local finds no endpoint here; check --hostname-override`;
  diagnostics.push({ severity: 'warning', code: 'node-name-mismatch', object: node.ref, message });
}
