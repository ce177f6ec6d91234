import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { nftablesExpectation } from '../../backends/nftables/expectation.ts';
import { nftables } from '../../backends/nftables/index.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { Packet, Share, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isLoopback, isNodeAddress } from '../../compiler/semantics/place.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { one } from '../../compiler/values/rational.ts';
import { families, type Family } from '../../compiler/values/address.ts';
import { compileCase } from '../conformance/cases.ts';
import { caseNames } from '../conformance/cases.ts';
import { bootNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';
import { type Walked, walkAll, type WalkedNode } from './walk.ts';

const { isolation, lacks } = await probeSupport();

const modes = ['nftables', 'iptables'] as const;
type Mode = (typeof modes)[number];

/** Thousands of endpoints, which take longer than they teach. */
const large = /^(047|048|049)-/;
const names = caseNames.filter((name) => !large.test(name));

/** How often a packet is sent whose connections are shared by several endpoints. */
const sharedTimes = 30;

interface Walk {
  readonly name: string;
  readonly mode: Mode;
  readonly compilation: Compilation;
  readonly node: WalkedNode;
}

function walkOf(name: string, mode: Mode): Walk {
  const compilation = compileCase(name, 'none', mode);
  const { services, node } = compilation;
  const all = families.flatMap((family) => {
    const expected = expectationOf(compilation, family, mode);
    return (
      probes(services[family], node[family])
        // What affinity remembers takes a connection before this one.
        .filter(({ remembered }) => remembered === undefined)
        .filter(
          (packet) => !isMartian(packet, mode, node.IPv4.nodePorts.kind === 'some' || node.IPv4.nodePorts.loopback),
        )
        .map((packet) => ({ packet, times: isShared(expected(packet)) ? sharedTimes : 2 }))
    );
  });
  const texts = families.map((family) =>
    mode === 'nftables'
      ? nftables.print(assemble(nftables, services[family], node[family]).program)
      : iptables.print(assemble(iptables, services[family], node[family]).program),
  );
  return {
    name,
    mode,
    compilation,
    node: {
      addresses: families.flatMap((family) => node[family].addresses),
      loads: texts.map((text, i) => ({ command: mode === 'nftables' ? 'nft -f -' : (restores[i] ?? ''), text })),
      sysctls: mode === 'nftables' ? [] : ['net.ipv4.conf.all.route_localnet=1'],
      probes: all,
    },
  };
}

/** What no kernel lets pass, whatever the rules: loopback addresses off the loopback interface, but for route_localnet. */
function isMartian({ family, source, destination, from }: Packet, mode: Mode, routesLocalnet: boolean): boolean {
  const isOff = isLoopback(source) !== isLoopback(destination) || (isLoopback(destination) && from.kind !== 'node');
  return isOff && !(mode === 'iptables' && routesLocalnet && family === 'IPv4');
}

const restores = ['iptables-nft-restore', 'ip6tables-nft-restore'];

function expectationOf({ services, node }: Compilation, family: Family, mode: Mode): (packet: Packet) => Verdict {
  const of = mode === 'nftables' ? nftablesExpectation : expectation;
  return of(services[family], node[family]);
}

function isShared(verdict: Verdict): boolean {
  return verdict.kind === 'mixed' || (verdict.kind === 'forward' && verdict.to.length > 1);
}

/** What must become of a packet, and of how many of each. */
function expectedShares(verdict: Verdict, packet: Packet, { node }: Compilation): Map<string, number> {
  const shares = new Map<string, number>();
  const add = (what: string, { numerator, denominator }: Share['share']) =>
    shares.set(what, (shares.get(what) ?? 0) + Number(numerator) / Number(denominator));
  const to = verdict.kind === 'forward' || verdict.kind === 'mixed' ? verdict.to : [];
  for (const { address, port, masquerade, share } of to) {
    // What ends on the node itself does not leave, so nothing gives it another source.
    const isHere = isNodeAddress(address, node[packet.family]);
    const shows = masquerade && !isHere && !hasNodesSource(packet, node[packet.family]);
    add(`${isHere ? 'delivered' : 'sent'} ${address} ${port}${shows ? ' masqueraded' : ''}`, share);
  }
  const rest =
    verdict.kind === 'mixed' ? verdict.rest : verdict.kind === 'forward' ? [] : [{ fate: verdict.kind, share: one }];
  for (const { fate, share } of rest) add(fateOf(fate, packet, node[packet.family]), share);
  return shares;
}

function fateOf(fate: 'reject' | 'drop' | 'accept' | 'untouched', packet: Packet, node: NodeContext): string {
  const { destination, destinationPort } = packet;
  switch (fate) {
    case 'reject':
      return 'refused';
    case 'drop':
      return 'silence';
    case 'accept':
    case 'untouched':
      return `${isNodeAddress(destination, node) ? 'delivered' : 'sent'} ${destination} ${destinationPort}`;
  }
}

/** Masquerading gives a packet an address of the node, which this one has. */
function hasNodesSource({ source }: Packet, node: NodeContext): boolean {
  return isNodeAddress(source, node) && !isLoopback(source);
}

/** The same words for what was seen: the source tells whether it was masqueraded. */
function seenShares(walked: Walked, packet: Packet, times: number, { node }: Compilation): Map<string, number> {
  const seen = new Map<string, number>();
  const add = (what: string, count: number) => seen.set(what, (seen.get(what) ?? 0) + count);
  for (const [outcome, count] of walked) {
    const [what, address, port, source] = outcome.split(' ');
    if (what !== 'sent' && what !== 'delivered') add(outcome, count);
    else {
      const shows = what === 'sent' && source !== packet.source && !hasNodesSource(packet, node[packet.family]);
      add(`${what} ${address} ${port}${shows ? ' masqueraded' : ''}`, count);
    }
  }
  const lost = times - [...walked.values()].reduce((sum, count) => sum + count, 0);
  if (lost > 0) add('silence', lost);
  return seen;
}

/** Counts of connections that are shared alike, over all packets of a case. */
interface Pool {
  readonly expected: ReadonlyMap<string, number>;
  readonly seen: Map<string, number>;
}

/** Packets that went elsewhere, and outcomes that had another share than they should. */
function judge({ name, mode, compilation, node }: Walk, walked: readonly Walked[]): string[] {
  const wrong: string[] = [];
  const pools = new Map<string, Pool>();
  for (const [n, { packet, times }] of node.probes.entries()) {
    const verdict = expectationOf(compilation, packet.family, mode)(packet);
    const expected = expectedShares(verdict, packet, compilation);
    const seen = seenShares(walked[n] ?? new Map(), packet, times, compilation);
    const what = `${name} ${mode} ${formatPacket(packet)}`;
    const strange = [...seen.keys()].filter((outcome) => !expected.has(outcome));
    if (strange.length > 0) wrong.push(`${what}: ${textOf(seen)} instead of ${textOf(expected)}`);
    if (expected.size < 2) continue;
    if (remembers(compilation, packet)) {
      if (seen.size > 1) wrong.push(`${what}: ${textOf(seen)} although the first is remembered`);
      continue;
    }
    const key = textOf(expected);
    const pool = pools.get(key) ?? { expected, seen: new Map<string, number>() };
    pools.set(key, pool);
    for (const [outcome, count] of seen) pool.seen.set(outcome, (pool.seen.get(outcome) ?? 0) + count);
  }
  for (const [key, { expected, seen }] of pools) {
    const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
    for (const [outcome, share] of expected) {
      const chance = chanceOf(seen.get(outcome) ?? 0, total, share);
      if (chance < 1e-6) wrong.push(`${name} ${mode} ${key}: ${outcome} ${seen.get(outcome) ?? 0} times of ${total}`);
    }
  }
  return wrong;
}

function remembers({ services }: Compilation, { family, destination, destinationPort, protocol }: Packet): boolean {
  return services[family].some(
    (service) =>
      service.affinity.kind !== 'none' &&
      service.protocol === protocol &&
      service.frontends.some(
        (frontend) =>
          frontend.port === destinationPort && (frontend.kind === 'nodePort' || frontend.address === destination),
      ),
  );
}

const textOf = (shares: ReadonlyMap<string, number>) => [...shares].map((share) => share.join(' ')).join(', ');

/** How likely it is that of so many connections a share is as far off as this, to the side that it is off. */
function chanceOf(count: number, total: number, share: number): number {
  const logChance = (k: number) =>
    logFactorial(total) -
    logFactorial(k) -
    logFactorial(total - k) +
    k * Math.log(share) +
    (total - k) * Math.log(1 - share);
  const [from, to] = count < total * share ? [0, count] : [count, total];
  let chance = 0;
  for (let k = from; k <= to; k++) chance += Math.exp(logChance(k));
  return chance;
}

function logFactorial(n: number): number {
  let sum = 0;
  for (let k = 2; k <= n; k++) sum += Math.log(k);
  return sum;
}

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'packets of conformance cases', () => {
  it(`of ${names.length} clusters go where they must, in nftables and iptables mode`, async () => {
    await using network = await bootNetwork(emptyHost, isolation);
    const walks = names.flatMap((name) => modes.map((mode) => walkOf(name, mode)));
    // A namespace is mostly waited for.
    const quarters = [0, 1, 2, 3].map((quarter) => walks.filter((_, i) => i % 4 === quarter));
    const walked = await Promise.all(
      quarters.map((part) =>
        walkAll(
          network.run('scratch', 300_000),
          part.map(({ node }) => node),
        ),
      ),
    );
    const wrong = walks.flatMap((walk, i) => judge(walk, walked[i % 4]?.[i >> 2] ?? []));
    const sent = walks.flatMap(({ node }) => node.probes).reduce((sum, { times }) => sum + times, 0);
    console.log(`${names.length} cases, ${walks.flatMap(({ node }) => node.probes).length} probes, ${sent} packets`);
    expect(wrong).toEqual([]);
  });
});
