import { describe, expect, it } from 'vitest';
import type { DumpSource, Observed } from '../backends/backend.ts';
import { compareLooks, type Comparison } from '../backends/equivalence/compare.ts';
import { backendNames, byName, joinFiles } from '../backends/index.ts';
import { compile } from '../compiler/index.ts';
import { formatPacket } from '../compiler/semantics/packet-text.ts';
import { kubePrefix } from '../compiler/settings.ts';
import { families } from '../compiler/values/address.ts';
import { caseNames as conformanceCases, compileCase, expectedFile } from './conformance/cases.ts';
import { caseNames, readCase } from '../golden/case.ts';
import { targetsOf } from '../agent/planning/targets.ts';

/** What a node would show that holds these files. */
function dumpOf(files: ReadonlyMap<string, string>): DumpSource {
  return { kind: 'folder', path: 'dump', read: (name) => files.get(name) };
}

async function foundIn(backend: string, files: ReadonlyMap<string, string>): Promise<readonly Observed[]> {
  const live = await (await byName(backend)).live();
  const { observed, problems } = live.readDump(dumpOf(files), kubePrefix);
  expect(problems).toEqual([]);
  return observed;
}

function told({ differences }: Comparison): string[] {
  return differences.flatMap(({ examples }) =>
    examples.map(({ packet, reason }) => `${formatPacket(packet)}: ${reason}`),
  );
}

describe.each(backendNames())('a program of %s', (name) => {
  it.each(caseNames)('of case %s does the same as its own dump, to every kind of packet', async (folder) => {
    const backend = await byName(name);
    const witness = await backend.witness();
    const targets = targetsOf(compile(readCase(folder).input));
    const observed = await foundIn(name, joinFiles(families.map((family) => backend.make(targets[family]))));
    for (const family of families) {
      const target = targets[family];
      const found = observed.find((one) => one.family === family);
      if (found === undefined) continue;
      const comparison = compareLooks(witness.look(target), found.look(target.node), target.node);
      expect(told(comparison)).toEqual([]);
      expect(comparison.unfollowed).toEqual([]);
    }
  });
});

/** Files of a node by the names that its backend's dumps have. */
const dumps: Readonly<Record<string, readonly string[]>> = {
  iptables: ['iptables-save', 'ip6tables-save'],
  ipvs: ['ipvs.iptables-save', 'ipvs.ip6tables-save', 'ipset-save', 'ipvsadm-save', 'kube-ipvs0-addrs', 'ipvs.sysctls'],
};

/** What kube-proxy left of a case in a mode. */
function leftBehind(backend: string, folder: string): ReadonlyMap<string, string> {
  const files = dumps[backend] ?? [];
  return new Map(
    files.flatMap((file) => {
      const text = expectedFile(folder, `expected.${file}`);
      return text === undefined ? [] : [[file, text] as const];
    }),
  );
}

// kube-proxy's nftables mode differs by design in some ways, which test/conformance/nftables.test.ts names.
describe.each(Object.keys(dumps))('what a real kube-proxy made in %s mode', (name) => {
  it.each(conformanceCases.filter((folder) => leftBehind(name, folder).size > 0))(
    'of %s does the same as the program that compile prints',
    async (folder) => {
      const witness = await (await byName(name)).witness();
      const targets = targetsOf(compileCase(folder, 'kube-proxy', name));
      for (const one of await foundIn(name, leftBehind(name, folder))) {
        const target = targets[one.family];
        const comparison = compareLooks(witness.look(target), one.look(target.node), target.node);
        expect([told(comparison), comparison.unfollowed]).toEqual([[], []]);
      }
    },
  );
});
