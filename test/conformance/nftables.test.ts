import { describe, expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { nftablesExpectation } from '../../backends/nftables/expectation.ts';
import { nftables } from '../../backends/nftables/index.ts';
import { parseJsonListing } from '../../backends/nftables/program/parse-json.ts';
import { parseListing, type ReadTable } from '../../backends/nftables/program/parse.ts';
import { printProgram } from '../../backends/nftables/program/print.ts';
import type { NftProgram } from '../../backends/nftables/program/program.ts';
import { traceProgram } from '../../backends/nftables/trace/trace.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { disagreement } from '../../compiler/semantics/agree.ts';
import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { isNodeAddress } from '../../compiler/semantics/place.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { formatMismatch, verify } from '../../compiler/semantics/verify.ts';
import { families, type IpAddress, parseAddress } from '../../compiler/values/address.ts';
import { caseNames, compileCase, expectedFile } from './cases.ts';

/** Cases with a table of a real kube-proxy, one entry a family. */
const captures = caseNames.flatMap((name) =>
  families.flatMap((family) => {
    const text = expectedFile(name, family === 'IPv4' ? 'expected.nft' : 'expected.ip6.nft');
    return text === undefined ? [] : [{ name, family, text }];
  }),
);

it.each(caseNames)('the program of %s does what it must to every probe, with and without compat', (name) => {
  for (const compat of ['kube-proxy', 'none'] as const) {
    const { services, node } = compileCase(name, compat);
    const mismatches = families.flatMap((family) => {
      const { program } = assemble(nftables, services[family], node[family]);
      return verify(services[family], node[family], (packet) => traceProgram(program, packet, node[family]), {
        expected: nftablesExpectation(services[family], node[family]),
      });
    });
    expect(mismatches.map(formatMismatch)).toEqual([]);
  }
});

describe.each(captures)("kube-proxy's own table of $name, $family", ({ name, family, text }) => {
  const { program, strange } = onlyTable(parseListing(text));

  it('is within the vocabulary, and is printed as it was listed', () => {
    expect(strange).toEqual([]);
    expect(unknownRules(program)).toEqual([]);
    expect(blocksOf(printProgram(program))).toEqual(blocksOf(text));
  });

  it('does to every probe what ours does, but for the deviations that have a name', () => {
    const { services, node } = compileCase(name, name === '046-mcs-three-members' ? 'kube-proxy' : 'none');
    const there = withNodePorts(node[family], program);
    const ours = assemble(nftables, services[family], there).program;
    const unexplained: string[] = [];
    for (const packet of probes(services[family], there)) {
      const theirs = traceProgram(program, packet, there);
      expect(theirs.steps.filter(({ skipped }) => skipped !== undefined)).toEqual([]);
      const found = traceProgram(ours, packet, there).verdict;
      const explained = deviate(theirs.verdict, packet, services[family], there);
      if (disagreement(explained, found) !== undefined) {
        unexplained.push(
          [formatPacket(packet), ...formatVerdict(theirs.verdict), 'ours:', ...formatVerdict(found)].join(' '),
        );
      }
    }
    expect(unexplained).toEqual([]);
  });
});

it('reads from JSON what it reads from text', () => {
  const both = captures.flatMap(({ name, family, text }) => {
    const json = expectedFile(name, family === 'IPv4' ? 'expected.nft.json' : 'expected.ip6.nft.json');
    return json === undefined ? [] : [{ text, json }];
  });
  expect(both).toHaveLength(4);
  for (const { text, json } of both) {
    const { program, strange } = onlyTable(parseJsonListing(json));
    expect(strange).toEqual([]);
    // nft 1.0.6 leaves the comments of tables and chains out of its JSON.
    expect(printProgram(program)).toBe(printProgram(withoutComments(onlyTable(parseListing(text)).program)));
  }
});

/**
 * kube-proxy's verdict where ours differs on purpose; each deviation stands in backends/nftables/README.md.
 *
 * health check node ports   let in by a rule, where kube-proxy has none
 * hairpin                   an endpoint that dials itself is masqueraded wherever it runs, not on this node alone
 */
function deviate(verdict: Verdict, packet: Packet, services: readonly ServicePortIR[], node: NodeContext): Verdict {
  const isHealthCheck = services.some(({ healthCheckNodePort }) => healthCheckNodePort === packet.destinationPort);
  if (verdict.kind === 'untouched') {
    const isLetIn = packet.protocol === 'TCP' && isHealthCheck && isNodeAddress(packet.destination, node);
    return isLetIn ? { kind: 'accept' } : verdict;
  }
  if (verdict.kind !== 'forward') return verdict;
  // What comes from outside and ends on the node never leaves, so nothing gives it another source.
  const leaves = (address: IpAddress) => packet.from.kind === 'node' || !isNodeAddress(address, node);
  return {
    kind: 'forward',
    to: verdict.to.map((share) => ({
      ...share,
      masquerade: share.masquerade || (share.address === packet.source && leaves(share.address)),
    })),
  };
}

/** kube-proxy's nftables mode answers on node ports at the node's primary address, unless told otherwise. */
function withNodePorts(node: NodeContext, { sets }: NftProgram): NodeContext {
  const addresses = [...(sets.get('nodeport-ips')?.elements.keys() ?? [])].map((text) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Error(text);
    return address;
  });
  return { ...node, nodePorts: { kind: 'some', addresses, loopback: false } };
}

function onlyTable(tables: ReadonlyMap<string, ReadTable> | undefined): ReadTable {
  const [table] = tables?.values() ?? [];
  if (table === undefined) throw new Error('no table');
  return table;
}

function unknownRules({ chains }: NftProgram): string[] {
  return [...chains.values()].flatMap(({ lines, rules }) => lines.filter((_, i) => rules[i] === undefined));
}

/** Sets and chains as text, sorted: a listing has them in the order in which they were made. */
function blocksOf(text: string): string[] {
  return text
    .replace(/^table \S+ \S+ \{\n(\tcomment .*\n)?/, '')
    .replace(/\}\n$/, '')
    .split(/(?<=\n\t\}\n)\n?/)
    .sort();
}

function withoutComments(program: NftProgram): NftProgram {
  const chains = new Map(
    [...program.chains].map(([key, { name, hook, lines, rules }]) => [key, { name, hook, lines, rules }]),
  );
  const { family, table, sets } = program;
  return { family, table, sets, chains };
}
