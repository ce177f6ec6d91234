import { describe, expect, it } from 'vitest';
import { type Cidr, parseCidr } from '../values/address.ts';
import type { ClusterName, ServiceKey } from '../values/names.ts';
import { emptyGuard, type GuardedSlice, type GuardMemory, guardMassDeletion } from './guard.ts';
import { type LeaseMemory, nextLease, unknownLease } from './lease.ts';
import { overlappingRanges } from './overlap.ts';
import { placeOf, type RegisteredCluster, type Registry } from './registry.ts';

const name = (text: string) => text as ClusterName;
const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

function cluster(id: string, some: Partial<RegisteredCluster> = {}): RegisteredCluster {
  return {
    id: name(id),
    aliases: [],
    self: false,
    podCidrs: [],
    serviceCidrs: [],
    nodeCidrs: [],
    zones: new Map(),
    region: undefined,
    tier: 0,
    weight: 100,
    drain: false,
    removed: false,
    state: 'Unknown',
    onLost: undefined,
    mayServe: [],
    ...some,
  };
}

const registryOf = (...clusters: RegisteredCluster[]): Registry => ({ clusters, strictCidr: false });

describe('ranges of two clusters', () => {
  it('are reported when they intersect, once a pair', () => {
    const east = cluster('east', { podCidrs: [cidr('10.10.0.0/16')], serviceCidrs: [cidr('10.11.0.0/16')] });
    const west = cluster('west', { podCidrs: [cidr('10.10.128.0/17')], serviceCidrs: [cidr('10.13.0.0/16')] });
    const found = overlappingRanges(registryOf(east, west));
    expect(found).toHaveLength(1);
    expect(found[0]?.message).toContain('10.10.0.0/16 intersects 10.10.128.0/17, podCIDRs of cluster west');
  });
  it('do not count once a cluster is removed', () => {
    const range = { podCidrs: [cidr('10.10.0.0/16')] };
    expect(overlappingRanges(registryOf(cluster('east', range), cluster('west', { ...range, removed: true })))).toEqual(
      [],
    );
  });
});

describe('the place of a zone', () => {
  it('is its own unless registered to be another', () => {
    const registry = registryOf(cluster('east', { aliases: [name('old-east')], zones: new Map([['a', 'dc-1']]) }));
    expect(placeOf(registry, name('east'), 'a')).toBe('dc-1');
    expect(placeOf(registry, name('old-east'), 'b')).toBe('east/b');
    expect(placeOf(registry, name('west'), 'a')).toBe('west/a');
  });
});

describe('a lease', () => {
  const durationMs = 40_000;
  /** Looks at the lease once a second; `stamp` gives the lease's stamp at that time. */
  function watch(
    fromS: number,
    toS: number,
    stamp: (s: number) => string | undefined,
    start: LeaseMemory = unknownLease,
  ) {
    const states: string[] = [];
    let memory = start;
    for (let s = fromS; s <= toS; s++) {
      memory = nextLease(memory, { stamp: stamp(s), durationMs, nowMs: s * 1000 });
      if (states.at(-1) !== memory.state) states.push(memory.state);
    }
    return { memory, states };
  }
  const renewedUntil = (end: number) => (s: number) => `renewed ${Math.min(s, end) - (Math.min(s, end) % 10)}`;

  it('that nobody writes leaves the cluster unknown', () => {
    expect(watch(0, 300, () => undefined).memory.state).toBe('Unknown');
  });
  it('makes a cluster suspect when it expires and lost after the grace', () => {
    const alive = watch(0, 100, renewedUntil(100));
    expect(alive.states).toEqual(['Alive']);
    expect(watch(101, 139, renewedUntil(100), alive.memory).states).toEqual(['Alive']);
    expect(watch(101, 179, renewedUntil(100), alive.memory).states).toEqual(['Alive', 'Suspect']);
    expect(watch(101, 180, renewedUntil(100), alive.memory).states).toEqual(['Alive', 'Suspect', 'Lost']);
  });
  it('brings a lost cluster back only after it has settled', () => {
    const lost = watch(0, 300, renewedUntil(100));
    expect(lost.memory.state).toBe('Lost');
    expect(watch(301, 315, (s) => `again ${s}`, lost.memory).memory.state).toBe('Lost');
    expect(watch(301, 316, (s) => `again ${s}`, lost.memory).memory.state).toBe('Alive');
  });
  it('does not count a stamp twice, however far in the future it is', () => {
    expect(watch(0, 200, () => '2999-01-01T00:00:00Z').memory.state).toBe('Lost');
  });
  it('survives a clock that jumps back', () => {
    const alive = watch(1000, 1010, renewedUntil(1010));
    const jumped = nextLease(alive.memory, { stamp: alive.memory.stamp, durationMs, nowMs: 5_000 });
    expect(jumped.state).toBe('Alive');
    expect(nextLease(jumped, { stamp: alive.memory.stamp, durationMs, nowMs: 45_000 }).state).toBe('Suspect');
  });
});

describe('slices that vanish', () => {
  const slices = (count: number, from = 0): GuardedSlice[] =>
    Array.from({ length: count }, (_, i) => ({
      id: `shop/m1-s${from + i}`,
      service: `shop/s${from + i}` as ServiceKey,
      cluster: name('m1'),
    }));
  const facts = (nowMs: number) => ({ isServed: () => true, isRemoved: () => false, nowMs });
  const full = guardMassDeletion(emptyGuard, slices(40), facts(0)).memory;

  it('all at once are held for the hold time', () => {
    let memory: GuardMemory = full;
    const held: number[] = [];
    for (const nowMs of [1_000, 60_000, 120_999, 121_000, 122_000]) {
      const result = guardMassDeletion(memory, [], facts(nowMs));
      memory = result.memory;
      held.push(result.held.length);
    }
    expect(held).toEqual([40, 40, 40, 0, 0]);
  });
  it('one by one over a long time are let go', () => {
    let memory: GuardMemory = full;
    for (let i = 1; i <= 40; i++) {
      const result = guardMassDeletion(memory, slices(40 - i, i), facts(i * 10_000));
      memory = result.memory;
      expect(result.held).toEqual([]);
    }
  });
  it('with their cluster unregistered or their Services deleted are let go', () => {
    expect(guardMassDeletion(full, [], { ...facts(1), isRemoved: () => true }).held).toEqual([]);
    expect(guardMassDeletion(full, [], { ...facts(1), isServed: () => false }).held).toEqual([]);
  });
  it('a minority, or of few Services, are let go', () => {
    expect(guardMassDeletion(full, slices(21, 19), facts(1)).held).toEqual([]);
    expect(guardMassDeletion(full, slices(20, 20), facts(1)).held).toHaveLength(20);
    const few = guardMassDeletion(emptyGuard, slices(19), facts(0)).memory;
    expect(guardMassDeletion(few, [], facts(1)).held).toEqual([]);
  });
  it('are released by coming back', () => {
    const result = guardMassDeletion(guardMassDeletion(full, [], facts(1)).memory, slices(40), facts(2));
    expect(result.held).toEqual([]);
  });
});
