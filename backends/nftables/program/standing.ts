import { emptySet, type KeyPart, type NftSet } from './program.ts';

const place: readonly KeyPart[] = ['address', 'protocol', 'port'];
const nodePort: readonly KeyPart[] = ['protocol', 'port'];

/** Sets and maps that every program has, empty here. Their elements are the Services. */
export const standingSets: readonly NftSet[] = [
  // What dials an address and port goes where.
  emptySet('services', place, 'verdict'),
  emptySet('node-ports', nodePort, 'verdict'),
  // Places without endpoints.
  emptySet('refused', place, 'verdict'),
  emptySet('refused-node-ports', nodePort, 'verdict'),
  // Load balancer addresses with source ranges: packets from these ranges have been translated before.
  emptySet('guarded', place),
  emptySet('cluster-ips', ['address']),
  emptySet('health-check-ports', ['port']),
  // An endpoint that dials itself through its Service.
  emptySet('hairpin', ['address', 'address', 'protocol', 'port']),
];

const standingChains = [
  'prerouting',
  'output',
  'postrouting',
  'filter-input',
  'filter-forward',
  'filter-output',
  'translate',
  'check-arriving',
  'check-passing',
  'refuse',
] as const;

export type StandingChain = (typeof standingChains)[number];

/** The places in a listing of sets and chains that every program has. */
export const standingOrder: ReadonlyMap<string, number> = new Map(
  [...standingSets.map(({ name }) => name as string), ...standingChains].map((name, i) => [name, i]),
);
