import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeChanges } from '../agent/planning/sentences.ts';
import { ipvsExpectation } from '../backends/ipvs/program/exceptions.ts';
import { nftablesExpectation } from '../backends/nftables/expectation.ts';
import { affinityChange } from '../backends/planning/facts.ts';
import type { FrontendChange } from '../backends/planning/traffic.ts';
import type { Target } from '../backends/target.ts';
import type { Frontend, ServicePortIR } from '../compiler/ir/ir.ts';
import type { LocalDetector, NodeContext } from '../compiler/ir/node-context.ts';
import { disagreement } from '../compiler/semantics/agree.ts';
import { expectation } from '../compiler/semantics/expect.ts';
import type { Packet, Verdict } from '../compiler/semantics/packet.ts';
import { formatPacket } from '../compiler/semantics/packet-text.ts';
import { isLoopback, isNodeAddress } from '../compiler/semantics/place.ts';
import { probes } from '../compiler/semantics/probes.ts';
import { parseInterfaceName } from '../compiler/settings.ts';
import { arbitraryNode, arbitraryServices } from './helpers/arbitrary-ir.ts';
import { cidr, rehashed } from './helpers/ir.ts';
import { modeOf, scopeFor } from './helpers/scope.ts';

/*
 * What a plan says, held to what the Services mean: it calls a frontend `=`, or says nothing of it, if and only if the
 * reference has the same verdict on both sides for every probe of either.
 */

/** What each backend's programs are held to: the reference, with what the backend cannot do. */
const references: Readonly<Record<string, (services: readonly ServicePortIR[], node: NodeContext) => Meaning>> = {
  iptables: expectation,
  ipvs: ipvsExpectation,
  nftables: nftablesExpectation,
};
type Meaning = (packet: Packet) => Verdict;

const ranges = fc.subarray(
  ['198.51.100.0/24', '198.51.100.128/25', '192.168.0.0/24', '10.1.0.0/17', '203.0.113.0/24', '0.0.0.0/1'],
  { maxLength: 3 },
);
const detectors = fc.constantFrom<LocalDetector | undefined>(
  { kind: 'source', cidr: cidr('10.1.0.0/16') },
  { kind: 'source', cidr: cidr('10.1.0.0/16') },
  { kind: 'source', cidr: cidr('10.2.0.0/16') },
  ...['cali'].flatMap((text): LocalDetector[] => {
    const prefix = parseInterfaceName(text);
    return prefix === undefined ? [] : [{ kind: 'interfacePrefix', prefix }];
  }),
  undefined,
);

/** Services of one moment, and what they may be in the next: often the same with one thing changed. */
const arbitraryChange = fc
  .record({
    before: arbitraryServices(),
    after: arbitraryServices(),
    kept: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    ranges: fc.tuple(ranges, ranges),
    keepsAddress: fc.option(fc.boolean(), { nil: undefined }),
    masqueradesSome: fc.boolean(),
    nodes: fc.tuple(arbitraryNode(), arbitraryNode()),
    isSameNode: fc.constantFrom(true, true, false),
    detectors: fc.tuple(detectors, detectors),
  })
  .map(({ before, after, kept, ranges: [old, now], nodes, isSameNode, keepsAddress, masqueradesSome, ...rest }) => {
    const stays = (ir: ServicePortIR, i: number) => (kept[i] === true ? [ir] : []);
    const next = [...before.flatMap(stays), ...after].filter(
      (ir, i, all) => all.findIndex(({ id }) => id === ir.id) === i,
    );
    const [first, second] = nodes.map((node, i) => ({ ...node, localDetector: rest.detectors[i] })) as [
      NodeContext,
      NodeContext,
    ];
    return {
      before: { services: before.map((ir) => withRanges(ir, old)), node: first },
      after: {
        services: withoutClashes(next).map((ir) =>
          withRanges(
            masqueradesSome ? masquerading(ir) : keepsAddress === undefined ? ir : withPolicy(ir, keepsAddress),
            now,
          ),
        ),
        node: isSameNode ? first : second,
      },
    };
  });

function withRanges(ir: ServicePortIR, texts: readonly string[]): ServicePortIR {
  const frontends = ir.frontends.map(
    (frontend): Frontend =>
      frontend.kind === 'loadBalancerIP' ? { ...frontend, sourceRanges: texts.map(cidr) } : frontend,
  );
  return rehashed({ ...ir, frontends });
}

function withPolicy(ir: ServicePortIR, keepClientAddress: boolean): ServicePortIR {
  if (ir.external.kind === 'reject') return ir;
  const external: ServicePortIR['external'] = !keepClientAddress
    ? { kind: 'forward', pool: 'cluster' }
    : ir.pools.local.length === 0
      ? { kind: 'drop', why: 'no-local-endpoints' }
      : { kind: 'forward', pool: 'local' };
  return rehashed({ ...ir, keepClientAddress, external });
}

function masquerading(ir: ServicePortIR): ServicePortIR {
  const mask = (pool: ServicePortIR['pools']['cluster']) =>
    pool.map((one) => (one.address.endsWith('.1') ? { ...one, masquerade: true } : one));
  return rehashed({ ...ir, pools: { cluster: mask(ir.pools.cluster), local: mask(ir.pools.local) } });
}

function withoutClashes(services: readonly ServicePortIR[]): ServicePortIR[] {
  const taken = new Set<string>();
  return services.map((ir) => {
    const frontends = ir.frontends.filter((frontend) => {
      const key = `${placeOf(frontend)} ${ir.protocol}`;
      return taken.has(key) ? false : taken.add(key);
    });
    return rehashed({ ...ir, frontends });
  });
}

function placeOf(frontend: Frontend): string {
  return `${frontend.kind === 'nodePort' ? 'node' : frontend.address} ${frontend.port}`;
}

async function changesOf(backend: string, before: Target, after: Target): Promise<readonly FrontendChange[]> {
  const { live } = modeOf(backend);
  const options = { before: undefined, isToBeApplied: true };
  const there = live.nothing(scopeFor('IPv4'), 'nothing').plan(before, options).after();
  return there.plan(after, options).changes().frontends;
}

/**
 * Of no Service is what the node's guard of loopback addresses drops, nor who has a Service's own address as a client: a
 * node that has bound it does not hear them.
 */
function isOfServices({ from, source, destination }: Packet, addresses: ReadonlySet<string>): boolean {
  return from.kind === 'node' || !(isLoopback(destination) || addresses.has(source));
}

/** Packets that the two moments treat otherwise, but for which of its addresses the node shows. */
function differing(backend: string, before: Target, after: Target): Packet[] {
  const [was, is] = [before, after].map(({ services, node }) => references[backend]?.(services, node)) as [
    Meaning,
    Meaning,
  ];
  const frontends = [before, after].flatMap(({ services }) => services.flatMap((ir) => ir.frontends));
  const addresses = new Set(frontends.flatMap((one) => (one.kind === 'nodePort' ? [] : [one.address])));
  const all = [before, after]
    .flatMap(({ services, node }) => probes(services, node))
    .filter((packet) => isOfServices(packet, addresses));
  return [...new Map(all.map((packet) => [formatPacket(packet), packet])).values()].filter(
    (packet) => disagreement(seen(packet, was(packet)), seen(packet, is(packet))) !== undefined,
  );
}

function seen({ from }: Packet, verdict: Verdict): Verdict {
  if (from.kind !== 'node' || verdict.kind !== 'forward') return verdict;
  return { ...verdict, to: verdict.to.map((share) => ({ ...share, masquerade: true })) };
}

function isNoticedByProbe({ clients, elsewhere }: FrontendChange): boolean {
  return [...clients, ...elsewhere].some(({ before, after }) => before !== after);
}

/** The places that a packet may be for: as the frontends of a plan name them. */
function placesOf({ protocol, destination, destinationPort }: Packet, node: NodeContext): string[] {
  const atNode = isNodeAddress(destination, node) ? [`node ${protocol} ${destinationPort}`] : [];
  return [`${destination} ${protocol} ${destinationPort}`, ...atNode];
}

describe.each(Object.keys(references))('a plan in %s mode', (backend) => {
  it('calls a frontend equal if and only if no probe meets another verdict', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryChange, async ({ before, after }) => {
        const changes = await changesOf(backend, before, after);
        const noticed = changes.filter(isNoticedByProbe);
        const packets = differing(backend, before, after);
        const plain = packets.filter(({ remembered }) => remembered === undefined);
        // What differs is said of the place that is dialled, where it is some frontend's.
        const told = new Set(
          noticed.map(({ frontend: { address, protocol, port } }) => `${address ?? 'node'} ${protocol} ${port}`),
        );
        const frontends = new Set(
          [before, after].flatMap(({ services }) =>
            services.flatMap((ir) => ir.frontends.map((one) => placeOf(one).replace(' ', ` ${ir.protocol} `))),
          ),
        );
        const untold = plain.filter((packet) => {
          const places = placesOf(packet, after.node).filter((place) => frontends.has(place));
          return places.length > 0 && !places.some((place) => told.has(place));
        });
        expect(untold.map(formatPacket)).toEqual([]);
        if (plain.length === 0) expect(noticed.map(({ frontend }) => frontend)).toEqual([]);
        const remembered = packets.filter((packet) => packet.remembered !== undefined);
        if (plain.length === 0 && remembered.length > 0) {
          expect(changes.some((change) => affinityChange(change) !== undefined)).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is one line of less than 160 characters for each, whatever there is to say', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryChange, async ({ before, after }) => {
        const changes = await changesOf(backend, before, after);
        for (const { line, text } of describeChanges(changes, () => 'local')) {
          expect(`  ${line}`.length).toBeLessThan(160);
          expect(text).toMatch(/\/(TCP|UDP): \S/);
        }
      }),
      { numRuns: 40 },
    );
  });
});
