import { describe, expect, it } from 'vitest';
import { backendNames, caseNames, compileCase, type FieldCase, inIPv6, mismatches, readCase } from './cases.ts';

type Spec = Readonly<Record<string, unknown>>;

/** Every Service with other fields in its spec. */
function withSpec(fieldCase: FieldCase, more: (spec: Spec) => Spec): FieldCase {
  const objects = fieldCase.objects.map((object) => {
    const { kind, spec } = object as { readonly kind: string; readonly spec: Spec };
    return kind === 'Service' ? { ...(object as object), spec: { ...spec, ...more(spec) } } : object;
  });
  return { ...fieldCase, objects };
}

/** Each case as it was met, and in other clothes: what went wrong once goes wrong beside it too. */
const variations: Readonly<Record<string, (fieldCase: FieldCase) => FieldCase>> = {
  'as it was met': (fieldCase) => fieldCase,
  'over IPv6': inIPv6,
  'with externalTrafficPolicy Local': (fieldCase) => withSpec(fieldCase, () => ({ externalTrafficPolicy: 'Local' })),
  'with externalTrafficPolicy Cluster': (fieldCase) =>
    withSpec(fieldCase, () => ({ externalTrafficPolicy: 'Cluster' })),
  'with internalTrafficPolicy Local': (fieldCase) => withSpec(fieldCase, () => ({ internalTrafficPolicy: 'Local' })),
  'with session affinity': (fieldCase) => withSpec(fieldCase, () => ({ sessionAffinity: 'ClientIP' })),
  'as LoadBalancers': (fieldCase) => withSpec(fieldCase, () => ({ type: 'LoadBalancer' })),
  'over IPv6, all as LoadBalancers with externalTrafficPolicy Local': (fieldCase) =>
    inIPv6(withSpec(fieldCase, () => ({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }))),
  'as LoadBalancers for some clients': (fieldCase) =>
    withSpec(fieldCase, () => ({
      type: 'LoadBalancer',
      loadBalancerSourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
    })),
  'as NodePorts': (fieldCase) => withSpec(fieldCase, () => ({ type: 'NodePort' })),
  'with near endpoints preferred': (fieldCase) =>
    withSpec(fieldCase, () => ({ trafficDistribution: 'PreferSameNode' })),
  'where everyone is masqueraded': (fieldCase) => ({
    ...fieldCase,
    configuration: { iptables: { masqueradeAll: true } },
  }),
  'where pods are not known': (fieldCase) => ({ ...fieldCase, configuration: { clusterCIDR: '' } }),
  'where node ports answer at no address': (fieldCase) => ({
    ...fieldCase,
    configuration: { nodePortAddresses: ['198.18.0.0/15', '2001:db8:ffff::/64'] },
  }),
};

describe.each(Object.entries(variations))('every case, %s: the program does what the Services say', (_, vary) => {
  describe.each(backendNames)('in %s mode', (backend) => {
    it.each(caseNames)('%s', async (name) => {
      expect(await mismatches(compileCase(vary(readCase(name)), backend), backend)).toEqual([]);
    });
  });
});
