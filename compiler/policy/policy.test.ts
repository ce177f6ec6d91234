import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyRegistry, type RegisteredCluster, type Registry } from '../registry/registry.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import type { ClusterName } from '../values/names.ts';
import { formatPercent, one, rational, sumRationals } from '../values/rational.ts';
import { parsePolicy } from './parse.ts';
import { defaultPolicy, type Policy } from './policy.ts';
import { type Candidate, clusterShare, integerWeights, weigh } from './weigh.ts';

const member1 = 'member1' as ClusterName;
const object = { kind: 'Service', namespace: 'shop', name: 'cart' };

function read(annotations: Record<string, string>): { policy: Policy; problems: string[] } {
  const diagnostics: Diagnostic[] = [];
  const policy = parsePolicy(new Map(Object.entries(annotations)), object, defaultPolicy, diagnostics);
  return { policy, problems: diagnostics.map(({ message }) => message) };
}
const policyOf = (annotations: Record<string, string>): Policy => {
  const { policy, problems } = read(annotations);
  expect(problems).toEqual([]);
  return policy;
};

/** `local×4 member1×1`: candidates of each cluster, all of weight 1. */
function candidates(...groups: [string, number][]): Candidate[] {
  return groups.flatMap(([cluster, count]) =>
    Array.from({ length: count }, () => ({
      cluster: cluster === 'local' ? undefined : (cluster as ClusterName),
      weight: 1,
      topology: one,
    })),
  );
}
const percents = (all: readonly Candidate[], policy: Policy, registry: Registry = emptyRegistry, usual = new Map()) =>
  weigh(all, policy, registry, usual).map(({ share }) => formatPercent(share));

describe('a policy that cannot be read', () => {
  it.each([
    [
      'slicewright.dev/affinity',
      'nearest',
      '"nearest" is not valid: use none, local or remote; using the default, none',
    ],
    ['slicewright.dev/failover', 'local; ; *', 'has no cluster selector in ""'],
    ['slicewright.dev/failover', 'region:e u', 'has no cluster selector in "region:e u"'],
    ['slicewright.dev/min-healthy', '0', 'is not valid: use a number of endpoints'],
    ['slicewright.dev/min-healthy', '101%', 'is not valid: use a number of endpoints'],
    ['slicewright.dev/cluster-weights', 'local=80;member1=20', 'has no CLUSTER=WEIGHT'],
    ['slicewright.dev/cluster-weights', 'local=1,local=2', 'names local twice'],
    ['slicewright.dev/cluster-weights', 'local=0', 'leaves no cluster with a weight'],
    ['slicewright.dev/cluster-weights', 'local=-1', 'has no CLUSTER=WEIGHT'],
    ['slicewright.dev/drain-clusters', 'Member 1', 'has no cluster\'s id in "Member 1"'],
    ['slicewright.dev/on-cluster-lost', 'panic', 'is not valid: use keep, degrade or drop'],
    ['slicewright.dev/panic', 'yes', 'is not valid: use true or false'],
    ['slicewright.dev/portMatch', 'number', 'is not valid: use name or nameThenNumber'],
    ['slicewright.dev/failovr', 'local', 'no such policy; it is ignored'],
    ['service.cilium.io/affinity', 'x\n-j ACCEPT', '"x\\u{a}-j ACCEPT" is not valid'],
  ])('%s: %j leaves the default and says so', (key, value, problem) => {
    const { policy, problems } = read({ [key]: value });
    expect(policy).toEqual(defaultPolicy);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe("Cilium's names", () => {
  it('are understood, and ours win', () => {
    expect(policyOf({ 'service.cilium.io/affinity': 'local' })).toEqual(
      policyOf({ 'slicewright.dev/affinity': 'local' }),
    );
    const both = policyOf({ 'service.cilium.io/affinity': 'local', 'slicewright.dev/affinity': 'remote' });
    expect(both).toEqual(policyOf({ 'slicewright.dev/affinity': 'remote' }));
  });
});

describe('shares', () => {
  it('are even without a policy', () => {
    expect(percents(candidates(['local', 1], ['member1', 2], ['member3', 1]), defaultPolicy)).toEqual(
      Array(4).fill('25 %'),
    );
  });

  it('G17: affinity local without local endpoints uses all remote ones', () => {
    const policy = policyOf({ 'slicewright.dev/affinity': 'local' });
    expect(percents(candidates(['member1', 2]), policy)).toEqual(['50 %', '50 %']);
    expect(percents(candidates(['local', 1], ['member1', 2]), policy)).toEqual(['100 %', '0 %', '0 %']);
  });

  it('G18: below min-healthy the rest spills to the next tier', () => {
    const policy = policyOf({ 'slicewright.dev/failover': 'local; *', 'slicewright.dev/min-healthy': '4' });
    expect(percents(candidates(['local', 1], ['member1', 8]), policy)).toEqual(['25 %', ...Array(8).fill('9.375 %')]);
  });

  it('what no tier can take is spread in proportion, without a cliff', () => {
    const policy = policyOf({ 'slicewright.dev/failover': 'local; *', 'slicewright.dev/min-healthy': '4' });
    // 1/4, then 1/4 of the remaining 3/4: 4 to 3.
    const weighed = weigh(candidates(['local', 1], ['member1', 1]), policy, emptyRegistry, new Map());
    expect(weighed.map(({ share }) => share)).toEqual([rational(4, 7), rational(3, 7)]);
  });

  it('min-healthy in percent counts the endpoints that a tier usually has', () => {
    const policy = policyOf({ 'slicewright.dev/failover': 'local; *', 'slicewright.dev/min-healthy': '50%' });
    const usual = new Map([
      [undefined, 8],
      [member1, 1],
    ]);
    const all = candidates(['local', 2], ['member1', 1]);
    expect(weigh(all, policy, emptyRegistry, usual).map(({ share }) => formatPercent(share))).toEqual([
      '25 %',
      '25 %',
      '50 %',
    ]);
  });

  it("G19: cluster-weights are divided among each cluster's endpoints", () => {
    const policy = policyOf({ 'slicewright.dev/cluster-weights': 'local=80,member1=20' });
    expect(percents(candidates(['local', 4], ['member1', 1]), policy)).toEqual(Array(5).fill('20 %'));
  });

  it('clusters that cluster-weights do not name get nothing, unless * does', () => {
    const all = candidates(['local', 1], ['member1', 1], ['member3', 1]);
    const listed = policyOf({ 'slicewright.dev/cluster-weights': 'local=3,member1=1' });
    expect(percents(all, listed)).toEqual(['75 %', '25 %', '0 %']);
    const star = policyOf({ 'slicewright.dev/cluster-weights': 'local=2,*=1' });
    expect(percents(all, star)).toEqual(['50 %', '25 %', '25 %']);
  });

  it('of a cluster without ready endpoints go to the others in proportion', () => {
    const policy = policyOf({ 'slicewright.dev/cluster-weights': 'local=80,member1=15,member3=5' });
    expect(percents(candidates(['member1', 1], ['member3', 1]), policy)).toEqual(['75 %', '25 %']);
  });

  it('drain leaves nothing, by policy or by registration', () => {
    const all = candidates(['local', 1], ['member1', 1]);
    expect(percents(all, policyOf({ 'slicewright.dev/drain-clusters': 'member1' }))).toEqual(['100 %', '0 %']);
    const registry: Registry = { clusters: [registered('member1', { drain: true })], strictCidr: false };
    expect(percents(all, defaultPolicy, registry)).toEqual(['100 %', '0 %']);
  });

  it('regions, tiers and aliases come from the registry', () => {
    const registry: Registry = {
      clusters: [
        registered('member1', { region: 'eu', aliases: ['m1' as ClusterName] }),
        registered('member3', { tier: 2 }),
      ],
      strictCidr: false,
    };
    const all = candidates(['member1', 1], ['member3', 1], ['other', 1]);
    const by = (failover: string) => percents(all, policyOf({ 'slicewright.dev/failover': failover }), registry);
    expect(by('region:eu; *')).toEqual(['100 %', '0 %', '0 %']);
    expect(by('m1; *')).toEqual(['100 %', '0 %', '0 %']);
    expect(by('tier:2')).toEqual(['0 %', '100 %', '0 %']);
    expect(by('region:us; other, member3')).toEqual(['0 %', '50 %', '50 %']);
  });

  it('multiply with the weight of a slice, and 0 drains it', () => {
    const all = candidates(['local', 1], ['member1', 2]).map((candidate, i) => ({
      ...candidate,
      weight: [3, 1, 0][i] ?? 1,
    }));
    expect(percents(all, defaultPolicy)).toEqual(['75 %', '25 %', '0 %']);
  });
});

describe('every split', () => {
  const sizes = (size: number) =>
    new Map([undefined, member1, 'member3' as ClusterName, 'idle' as ClusterName].map((c) => [c, size]));
  const candidate = fc.record({
    cluster: fc.constantFrom(undefined, member1, 'member3' as ClusterName),
    weight: fc.nat(5),
    topology: fc.constantFrom(one, rational(0), rational(3, 2)),
  });
  const annotations = fc.record(
    {
      'slicewright.dev/failover': fc.constantFrom('local; *', 'remote; local', 'member1; member3; local', '*'),
      'slicewright.dev/min-healthy': fc.constantFrom('1', '4', '50%', '100%'),
      'slicewright.dev/cluster-weights': fc.constantFrom('local=80,member1=20', '*=1', 'local=1,member1=2,member3=7'),
      'slicewright.dev/drain-clusters': fc.constantFrom('member1', 'local', 'member3,local'),
    },
    { requiredKeys: [] },
  );

  it('adds up to exactly 1, or to 0 when nobody may take anything', () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 12 }), annotations, fc.nat(12), (all, keys, size) => {
        const weighed = weigh(all, read(keys).policy, emptyRegistry, sizes(size));
        const total = sumRationals(weighed.map(({ share }) => share));
        const anyone = weighed.some(({ share }) => share.numerator > 0n);
        expect(total).toEqual(anyone ? rational(1) : rational(0));
        const weights = integerWeights(weighed.map(({ share }) => share));
        const sum = weights.reduce((a, b) => a + b, 0);
        weighed.forEach(({ share }, i) => {
          if (anyone) expect(rational(weights[i] ?? 0, sum)).toEqual(share);
        });
      }),
    );
  });

  it('is not changed by a cluster of weight 0', () => {
    fc.assert(
      fc.property(fc.array(candidate, { minLength: 1, maxLength: 8 }), annotations, (all, keys) => {
        const { policy } = read(keys);
        const extra = { cluster: 'idle' as ClusterName, weight: 1, topology: one };
        const idle: Registry = { clusters: [registered('idle', { weight: 0 })], strictCidr: false };
        const before = weigh(all, policy, idle, sizes(4));
        const after = weigh([...all, extra], policy, idle, sizes(4));
        expect(after.slice(0, -1).map(({ share }) => share)).toEqual(before.map(({ share }) => share));
        expect(clusterShare(after, [...all, extra], 'idle' as ClusterName)).toEqual(rational(0));
      }),
    );
  });
});

function registered(id: string, some: Partial<RegisteredCluster>): RegisteredCluster {
  return {
    id: id as ClusterName,
    aliases: [],
    self: false,
    podCidrs: [],
    serviceCidrs: [],
    nodeCidrs: [],
    zones: new Map(),
    region: undefined,
    mayServe: [],
    tier: 0,
    weight: 100,
    drain: false,
    removed: false,
    state: 'Unknown',
    onLost: undefined,
    ...some,
  };
}
