import { userInfo } from 'node:os';
import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import { rulesetText } from '../../backends/netfilter/text/document.ts';
import { parseSave } from '../../backends/netfilter/text/parse.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import type { Compilation } from '../../compiler/compile.ts';
import { compile } from '../../compiler/index.ts';
import { caseNames as goldenCases, readCase } from '../../golden/case.ts';
import { caseNames as conformanceCases, compileCase } from '../conformance/cases.ts';
import { bootNetwork } from '../netns/network.ts';
import { type Isolation, probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost, loadEach, type Mode, modes } from './scratch.ts';
import { rarePrograms } from './rare-programs.ts';

const { isolation, lacks } = await probeSupport();

interface Program {
  readonly name: string;
  readonly family: Family;
  readonly text: string;
}

/** Every conformance case and golden case in both families, and what they do not hold. */
const programs: readonly Program[] = [
  ...conformanceCases.flatMap((name) => programsOf(name, compileCase(name, 'none'))),
  ...goldenCases.flatMap((name) => programsOf(name, compile(readCase(name).input))),
  ...rarePrograms,
];

function programsOf(name: string, { services, node }: Compilation): Program[] {
  return families.map((family) => ({
    name,
    family,
    text: iptables.print(assemble(iptables, services[family], node[family]).program),
  }));
}

/** In nft mode a table is one netlink message; only the real administrator may make its buffer larger. */
const isSmall = ({ text }: Program) => text.split('\n').length < 800;
const notRoot = userInfo().uid === 0 ? undefined : 'a transaction this large needs root';

for (const mode of modes) {
  const missing = lacks.namespaces ?? lacks[mode];
  describeIn('network namespace', missing, `programs in ${mode} mode`, () => {
    it('are read back as they were written', async () => {
      expect(await differences(mode, isolation, programs.filter(isSmall))).toEqual([]);
    });
  });
  describeIn('network namespace', missing ?? notRoot, `large programs in ${mode} mode`, () => {
    it('are read back as they were written', async () => {
      const large = programs.filter((program) => !isSmall(program));
      expect(large.map(({ name, family }) => `${name} ${family}`)).toEqual([
        '047-three-slices-250 IPv4',
        '048-large-cluster IPv4',
        '049-large-cluster-edge IPv4',
      ]);
      expect(await differences(mode, 'root', large)).toEqual([]);
    });
  });
}

/** Programs that the kernel does not give back as they are, each with where it first differs. */
async function differences(mode: Mode, from: Isolation, written: readonly Program[]): Promise<object[]> {
  await using network = await bootNetwork(emptyHost, from);
  const loaded = await loadEach(network.run('scratch'), mode, written);
  return written.flatMap((program, i) => {
    const { exitCode, saved, complaints } = loaded[i] ?? { exitCode: -1, saved: '', complaints: 'not loaded' };
    const { ruleset, foreign, complete } = parseSave(saved, program.family, (_, chain) => chain.startsWith('KUBE-'));
    const others = [foreign.chains, foreign.inFront, foreign.references].flat();
    const text = rulesetText(ruleset);
    if (exitCode === 0 && complete && others.length === 0 && text === program.text) return [];
    return [{ name: program.name, exitCode, complaints, complete, others, ...firstDifference(program.text, text) }];
  });
}

/** Two texts of thousands of lines differ readably in one. */
function firstDifference(written: string, read: string): { written: string; read: string } {
  const [left, right] = [written.split('\n'), read.split('\n')];
  const at = left.findIndex((line, i) => line !== right[i]);
  return { written: left[at] ?? '', read: right[at] ?? '' };
}
