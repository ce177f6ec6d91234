import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../compiler/policy/policy.ts';
import { formatDiagnostic } from '../../compiler/values/diagnostic.ts';
import { parseRegistry, RegistryError } from './registry.ts';

const head = { apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry' };

function problems(clusters: unknown, more: object = {}): readonly string[] {
  try {
    parseRegistry({ ...head, clusters, ...more }, 'registry.yaml');
  } catch (error) {
    if (error instanceof RegistryError) return error.problems;
    throw error;
  }
  return [];
}

describe('a registry file', () => {
  it('gives clusters by id, with defaults', () => {
    const mayServe = [{ namespace: 'shop', names: ['cart'] }, { namespace: '*' }];
    const registry = parseRegistry(
      {
        ...head,
        strictCIDR: true,
        clusters: [
          { id: 'west', state: 'Lost', onLost: 'drop' },
          { id: 'east', self: true, podCIDRs: ['10.12.0.0/16'], zones: { a: 'dc-1' }, aliases: ['old'], mayServe },
        ],
      },
      'registry.yaml',
    );
    expect(registry.strictCidr).toBe(true);
    expect(registry.clusters.map(({ id, state, weight, self }) => ({ id, state, weight, self }))).toEqual([
      { id: 'east', state: 'Unknown', weight: 100, self: true },
      { id: 'west', state: 'Lost', weight: 100, self: false },
    ]);
    expect(registry.clusters[0]?.zones.get('a')).toBe('dc-1');
    expect(registry.clusters[0]?.mayServe).toEqual([
      { namespace: 'shop', names: ['cart'] },
      { namespace: '*', names: undefined },
    ]);
  });

  it('gives the ranges of addresses that people may write into Services', () => {
    const given = (serviceAddresses: object) =>
      parseRegistry({ ...head, serviceAddresses, clusters: [] }, 'registry.yaml').serviceAddresses;
    expect(given({ restrict: true })).toEqual({ restrict: true });
    expect(given({ externalIPs: ['203.0.113.0/24'], clusterSetIPs: [] })).toEqual({
      restrict: false,
      externalIPs: ['203.0.113.0/24'],
      clusterSetIPs: [],
    });
    expect(problems([], { serviceAddresses: { externalIps: [], loadBalancerIPs: ['203.0.113.1'] } })).toEqual([
      'serviceAddresses.loadBalancerIPs[0]: "203.0.113.1" is not a network in canonical form',
      'serviceAddresses: Unrecognized key: "externalIps"',
    ]);
  });

  it('gives the policy of Services that say nothing', () => {
    const policy = { affinity: 'local', 'min-healthy': 2, panic: true };
    expect(parseRegistry({ ...head, policy, clusters: [] }, 'registry.yaml').policy).toEqual({
      ...defaultPolicy,
      failover: [[{ kind: 'local' }], [{ kind: 'remote' }]],
      minHealthy: { kind: 'count', count: 2 },
      panic: true,
    });
    expect(problems([], { policy: { afinity: 'local', panic: 'yes' } })).toEqual([
      'policy: ["slicewright.dev/panic"]: "yes" is not valid: use true or false',
      'policy: ["slicewright.dev/afinity"]: no such policy',
    ]);
  });

  it('tells of a policy that names none of its clusters, and keeps the rest', () => {
    const clusters = [{ id: 'west' }, { id: 'east', aliases: ['old'] }];
    const of = (policy: object) => {
      const { policy: { drainClusters } = defaultPolicy, remarks } = parseRegistry(
        { ...head, policy, clusters },
        'r.yaml',
      );
      return { drainClusters, remarks: remarks?.map(formatDiagnostic) };
    };
    expect(of({ 'drain-clusters': 'wset,old' })).toEqual({
      drainClusters: ['old'],
      remarks: [
        'warning: ClusterRegistry r.yaml policy["slicewright.dev/drain-clusters"]: no cluster wset; did you mean west? This name is ignored, the rest of the policy applies',
      ],
    });
    expect(of({ 'drain-clusters': 'wset' })).toMatchObject({
      drainClusters: [],
      remarks: [expect.stringContaining('no cluster wset')],
    });
    expect(of({ 'drain-clusters': 'east,local' })).toEqual({ drainClusters: ['east', 'local'], remarks: undefined });
  });

  it.each([
    [
      'a network with host bits',
      [{ id: 'e', podCIDRs: ['10.12.0.6/16'] }],
      'clusters[0].podCIDRs[0]: "10.12.0.6/16" is not a network in canonical form; did you mean 10.12.0.0/16?',
    ],
    [
      'no network',
      [{ id: 'e', podCIDRs: ['all'] }],
      'clusters[0].podCIDRs[0]: "all" is not a network in canonical form',
    ],
    [
      'an id that is none',
      [{ id: 'East 1' }],
      `clusters[0].id: "East 1" is not a cluster's id (DNS-1123 name, and not local)`,
    ],
    ['our own name', [{ id: 'local' }], `clusters[0].id: "local" is not a cluster's id (DNS-1123 name, and not local)`],
    ['an unknown key', [{ id: 'e', podCidrs: [] }], 'clusters[0]: Unrecognized key: "podCidrs"'],
    [
      'an id twice',
      [{ id: 'e' }, { id: 'w', aliases: ['e'] }],
      'e names both cluster e and cluster w; ids and aliases are unique',
    ],
    [
      'two own clusters',
      [
        { id: 'e', self: true },
        { id: 'w', self: true },
      ],
      'e and w all say self: true; a node belongs to one cluster',
    ],
    [
      'a grant of no namespace',
      [{ id: 'e', mayServe: [{ namespace: 'Shop' }] }],
      `clusters[0].mayServe[0].namespace: "Shop" is not a namespace's name, or *`,
    ],
    [
      'a grant of no Service',
      [{ id: 'e', mayServe: [{ namespace: '*', names: ['a', 'b_c'] }] }],
      `clusters[0].mayServe[0].names[1]: "b_c" is not a Service's name`,
    ],
    ['a negative weight', [{ id: 'e', weight: -1 }], 'clusters[0].weight: Too small: expected number to be >=0'],
  ])('with %s is refused with its place', (_, clusters, problem) => {
    expect(problems(clusters)).toEqual([problem]);
  });

  it('of another kind is refused', () => {
    expect(problems([], { kind: 'Service' })).toHaveLength(1);
    expect(() => parseRegistry(null, 'x.yaml')).toThrow(/x.yaml is not a cluster registry/);
  });

  it('tells all its problems at once', () => {
    expect(problems([{ id: 'E' }, { id: 'w', tier: 1.5 }])).toHaveLength(2);
  });
});
