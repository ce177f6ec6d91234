import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Family, families } from '../../compiler/values/address.ts';

/** Where one listener of a health check node port is bound. Without a host: on all addresses of both families. */
export interface HealthBinding {
  readonly host?: string;
  readonly ipv6Only?: boolean;
}

const anywhere: Readonly<Record<Family, HealthBinding>> = {
  IPv4: { host: '0.0.0.0' },
  IPv6: { host: '::', ipv6Only: true },
};

/**
 * Health check node ports answer where node ports do (nodePortAddresses): on every address, or with
 * one listener on each matching address. Families in which the node has no address are left out.
 *
 * source: IPT-24.1
 */
export function healthBindings(node: Readonly<Record<Family, NodeContext>>): readonly HealthBinding[] {
  const known = families.filter((family) => node[family].addresses.length > 0);
  const used = known.length === 0 ? families : known;
  if (used.every((family) => node[family].nodePorts.kind === 'all')) return [{}];
  return used.flatMap((family): readonly HealthBinding[] => {
    const { nodePorts } = node[family];
    return nodePorts.kind === 'all' ? [anywhere[family]] : nodePorts.addresses.map((host) => ({ host }));
  });
}
