import { expect, it } from 'vitest';
import { address, cidr, clusterIP, endpoint, makeIR, port, service } from '../../test/helpers/ir.ts';
import { contentHash } from './hash.ts';
import type { ServicePortIR } from './ir.ts';

const known = { address: address('10.1.0.9'), port: port(8080), local: true, ready: false, serving: true };

/** Has every field, and every form that a field can take. */
const rich: ServicePortIR = makeIR(
  [
    clusterIP('10.96.0.10', 80),
    { kind: 'externalIP', address: address('203.0.113.1'), port: port(80) },
    { kind: 'loadBalancerIP', address: address('203.0.113.2'), port: port(80), sourceRanges: [cidr('192.0.2.0/24')] },
    { kind: 'nodePort', port: port(30080) },
  ],
  [endpoint('10.1.0.1:8080', { cluster: 'east' as never }), endpoint('10.1.0.2:8080', { local: true })],
  {
    pools: {
      cluster: [endpoint('10.1.0.1:8080', { cluster: 'east' as never }), endpoint('10.1.0.2:8080')],
      local: [endpoint('10.1.0.2:8080', { local: true, masquerade: true, weight: 3 })],
    },
    internal: { kind: 'forward', pool: 'cluster' },
    external: { kind: 'drop', why: 'no-local-endpoints' },
    affinity: { kind: 'clientIP', seconds: 60 },
    healthCheckNodePort: port(31000),
    known: [known],
  },
);

it('every field counts, at every depth, but for where the IR came from', () => {
  const { origin, hash, ...content } = rich;
  expect(contentHash(rich)).toBe(hash);
  expect(contentHash({ ...rich, origin: [...origin, ...origin] })).toBe(hash);
  const changed = [...changes(content)] as Omit<ServicePortIR, 'hash' | 'origin'>[];
  expect(changed.length).toBeGreaterThan(60);
  const hashes = new Set(changed.map((other) => contentHash({ ...other, origin })));
  expect(hashes.size).toBe(changed.length);
  expect(hashes).not.toContain(hash);
});

it('the order of fields does not count, and their places are not confused', () => {
  expect(contentHash(Object.fromEntries(Object.entries(rich).reverse()) as unknown as ServicePortIR)).toBe(rich.hash);
  const swapped = { ...rich, pools: { cluster: rich.pools.local, local: rich.pools.cluster } };
  expect(contentHash(swapped)).not.toBe(rich.hash);
  const one = { ...rich, service: service('shop/a'), portName: 'b' as ServicePortIR['portName'] };
  expect(contentHash(one)).not.toBe(contentHash({ ...one, service: service('shop/ab'), portName: '' as never }));
});

/** The value with one of its parts changed, for each part: scalars differ, lists lose an item or get it twice. */
function* changes(value: unknown): Generator {
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      yield value.toSpliced(i, 1);
      yield value.toSpliced(i, 0, item);
      for (const other of changes(item)) yield value.toSpliced(i, 1, other);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      for (const other of changes(inner)) yield { ...value, [key]: other };
    }
  } else {
    yield typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${String(value)}x`;
  }
}
