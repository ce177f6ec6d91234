import type { Target } from '../../backends/target.ts';
import type { Compilation } from '../../compiler/compile.ts';
import type { Family } from '../../compiler/values/address.ts';

export function targetsOf({ services, node }: Compilation): Readonly<Record<Family, Target>> {
  return {
    IPv4: { services: services.IPv4, node: node.IPv4 },
    IPv6: { services: services.IPv6, node: node.IPv6 },
  };
}
