import { userInfo } from 'node:os';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { nftables } from '../../backends/nftables/index.ts';
import { parseJsonListing } from '../../backends/nftables/program/parse-json.ts';
import { parseListing } from '../../backends/nftables/program/parse.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames as goldenCases, readCase } from '../../golden/case.ts';
import { caseNames as conformanceCases, compileCase } from '../conformance/cases.ts';
import { meetingNode, meetingServices } from '../helpers/meeting-services.ts';
import { bootNetwork } from '../netns/network.ts';
import { type Isolation, probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';
import { rarePrograms } from './rare-programs.ts';
import { loadEach } from './scratch.ts';

const { isolation, lacks } = await probeSupport();

interface Program {
  readonly name: string;
  readonly text: string;
}

/** Every conformance case and golden case in both families, what they do not hold, and a hundred by chance. */
const programs: readonly Program[] = [
  ...conformanceCases.flatMap((name) => programsOf(name, compileCase(name, 'none'))),
  ...goldenCases.flatMap((name) => programsOf(name, compile(readCase(name).input))),
  ...rarePrograms,
  ...fc.sample(fc.tuple(meetingServices, meetingNode), { numRuns: 100, seed: 13 }).map(([services, node], i) => ({
    name: `chance ${i}`,
    text: nftables.print(assemble(nftables, services, node).program),
  })),
];

function programsOf(name: string, { services, node }: Compilation): Program[] {
  return families.map((family) => ({
    name: `${name} ${family}`,
    text: nftables.print(assemble(nftables, services[family], node[family]).program),
  }));
}

/** A transaction is one netlink message; only the real administrator may make the buffer for it larger. */
const isSmall = ({ text }: Program) => text.length < 40_000;
const notRoot = userInfo().uid === 0 ? undefined : 'a transaction this large needs root';

const missing = lacks.namespaces ?? lacks.nft;

describeIn('network namespace', missing, 'nftables programs', () => {
  it('are listed as they are printed, twice, and say the same in JSON', async () => {
    expect(programs.filter(isSmall).length).toBeGreaterThan(300);
    expect(await differences(isolation, programs.filter(isSmall))).toEqual([]);
  });
});

describeIn('network namespace', missing ?? notRoot, 'large nftables programs', () => {
  it('are listed as they are printed, twice, and say the same in JSON', async () => {
    const large = programs.filter((program) => !isSmall(program));
    expect(large.map(({ name }) => name)).toEqual(['048-large-cluster IPv4', '049-large-cluster-edge IPv4']);
    expect(await differences('root', large)).toEqual([]);
  });
});

/** Programs that the kernel does not give back as they are, each with where it first differs. */
async function differences(from: Isolation, written: readonly Program[]): Promise<object[]> {
  await using network = await bootNetwork(emptyHost, from);
  const loaded = await loadEach(
    network.run('scratch', 200_000),
    written.map(({ text }) => text),
  );
  return written.flatMap(({ name, text }, i) => {
    const found = loaded[i];
    if (found === undefined) return [{ name, complaints: 'not loaded' }];
    const read = [parseListing(found.listed), parseJsonListing(found.json)].map((tables) => {
      const [table] = tables?.values() ?? [];
      return table === undefined ? 'no table' : [...table.strange, nftables.print(table.program)].join('\n');
    });
    const isEqual = [found.listed, found.again, ...read].every((one) => one === text);
    if (found.exitCode === 0 && isEqual) return [];
    const other = [found.listed, found.again, ...read].find((one) => one !== text) ?? '';
    return [{ name, exitCode: found.exitCode, complaints: found.complaints, ...firstDifference(text, other) }];
  });
}

/** Two texts of thousands of lines differ readably in one. */
function firstDifference(written: string, read: string): { written: string; read: string } {
  const [left, right] = [written.split('\n'), read.split('\n')];
  const at = left.findIndex((line, i) => line !== right[i]);
  return { written: left[at] ?? '', read: right[at] ?? '' };
}
