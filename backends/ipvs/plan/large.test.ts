import { describe, expect, it } from 'vitest';
import { kubePrefix } from '../../../compiler/settings.ts';
import { compileObjects } from '../../../test/helpers/compile.ts';
import { node, service, slice } from '../../../test/helpers/kubernetes.ts';
import { assemble } from '../../assemble.ts';
import { ipvs } from '../index.ts';
import { emptyProgram } from '../program/program.ts';
import { planProgram } from './plan.ts';

/** Characters of the steps that bring one Service with so many endpoints into force, as a saved plan has them. */
function savedSize(endpoints: number): number {
  const addresses = Array.from({ length: endpoints }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  const { services, node: nodes } = compileObjects([
    node('n1', { addresses: ['192.0.2.1'] }),
    service('cart', { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }),
    slice('cart', 'cart-a', addresses),
  ]);
  const { program } = assemble(ipvs, services.IPv4, nodes.IPv4);
  return JSON.stringify(planProgram(emptyProgram('IPv4', kubePrefix), program)).length;
}

describe('a plan of a large Service', () => {
  it('grows with its endpoints, and not with their square', () => {
    const [small, large] = [savedSize(500), savedSize(1000)];
    expect(large / small).toBeGreaterThan(1.8);
    expect(large / small).toBeLessThan(2.1);
  });
});
