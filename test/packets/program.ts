import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { nftablesExpectation } from '../../backends/nftables/expectation.ts';
import { nftables } from '../../backends/nftables/index.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { compile } from '../../compiler/index.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { Packet, Share, Verdict } from '../../compiler/semantics/packet.ts';
import { defaultSettings, type Settings } from '../../compiler/settings.ts';
import { families, type Family, parseAddress, parseCidr } from '../../compiler/values/address.ts';
import { parseClusterName } from '../../compiler/values/names.ts';
import { parsePort, type Protocol } from '../../compiler/values/port.ts';
import type { Network } from '../netns/network.ts';
import { type Manifest, node } from './objects.ts';
import { endpointName, sourceOf, type Dial, type Mode } from './world.ts';

export interface Program {
  readonly compilation: Compilation;
  readonly rulesets: Readonly<Record<Family, Ruleset>>;
}

export const memberSettings: Settings = {
  ...defaultSettings,
  ownCluster: known(parseClusterName('member2')),
  clusterCidrs: [known(parseCidr('10.12.0.0/16')), known(parseCidr('fd00:12::/64'))],
};

/**
 * slicewright's program for the objects, on member2's node.
 *
 * remarks  codes of the expected diagnostics; a test that means valid objects must not ignore a diagnostic
 */
export function programOf(
  objects: readonly Manifest[],
  settings: Partial<Settings> = {},
  remarks: readonly string[] = [],
): Program {
  const compilation = compile({
    clusters: [{ cluster: undefined, objects: [node, ...objects] }],
    settings: { ...memberSettings, ...settings },
    nodeName: 'member2-node',
    localAddresses: undefined,
  });
  const rulesetOf = (family: Family) =>
    assemble(iptables, compilation.services[family], compilation.node[family]).program;
  const codes = [...new Set(compilation.diagnostics.map(({ code }) => code))].sort();
  if (codes.join() !== remarks.join()) throw new Error(JSON.stringify(compilation.diagnostics, null, 2));
  return { compilation, rulesets: { IPv4: rulesetOf('IPv4'), IPv6: rulesetOf('IPv6') } };
}

/** Loads both families with the real tools, into a node that has no rules yet. */
export async function loadProgram(network: Network, mode: Mode, program: Program): Promise<void> {
  const run = network.run('member2-node');
  if (mode === 'nftables') {
    const { exitCode, stderr } = await run(
      'nft',
      ['-f', '-'],
      families.map((family) => nftablesText(program, family)).join(''),
    );
    if (exitCode !== 0) throw new Error(`nft: ${stderr}`);
    return;
  }
  for (const family of families) {
    const file = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${mode}-restore`;
    const { exitCode, stderr } = await run(
      file,
      ['--noflush', '--wait', '5'],
      iptables.print(program.rulesets[family]),
    );
    if (exitCode !== 0) throw new Error(`${file}: ${stderr}`);
  }
}

function nftablesText({ compilation: { services, node: of } }: Program, family: Family): string {
  return nftables.print(assemble(nftables, services[family], of[family]).program);
}

/**
 * The outcomes of a dial by the reference semantics, in the words of `outcomes`; for nftables mode with its exceptions.
 */
export function expectedOutcomes({ compilation }: Program, dial: Dial, mode: Mode = 'nft'): string[] {
  const packet = packetOf(dial);
  const expectationOf = mode === 'nftables' ? nftablesExpectation : expectation;
  return outcomesOf(expectationOf(compilation.services[packet.family], compilation.node[packet.family])(packet));
}

/** A verdict in the words of `outcomes`. */
export function outcomesOf(verdict: Verdict): string[] {
  switch (verdict.kind) {
    case 'forward':
      return shareOutcomes(verdict.to);
    case 'mixed':
      return [...shareOutcomes(verdict.to), ...verdict.rest.map(({ fate }) => outcomeOf[fate])].sort();
    default:
      return [outcomeOf[verdict.kind]];
  }
}

const outcomeOf = { reject: 'refused', drop: 'silence', accept: 'accept', untouched: 'untouched' } as const;

function shareOutcomes(shares: readonly Share[]): string[] {
  return shares
    .map(({ address, port, masquerade }) => `${endpointName(address, port)}${masquerade ? ' masqueraded' : ''}`)
    .sort();
}

export function packetOf(dial: Dial): Packet {
  const destination = known(parseAddress(dial.to));
  return {
    family: destination.includes(':') ? 'IPv6' : 'IPv4',
    protocol: (dial.transport ?? 'tcp').toUpperCase() as Protocol,
    source: known(parseAddress(sourceOf(dial))),
    destination,
    destinationPort: known(parsePort(dial.port)),
    from: dial.from === 'node' ? { kind: 'node' } : { kind: 'interface', name: interfaces[dial.from] },
  };
}

const interfaces = { client: 'pod-client', pod: 'pod-pod', outside: 'eth0' } as const;

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a test names an address or port that is none');
  return value;
}
