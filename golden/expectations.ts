import { explain } from '../agent/explain/explain.ts';
import { explainTable } from '../agent/explain/table.ts';
import { placesOf } from '../agent/input/places.ts';
import { targetsOf } from '../agent/planning/targets.ts';
import { placedText } from '../agent/terminal/diagnostics.ts';
import { backendNames, byName } from '../backends/index.ts';
import type { Compilation, CompileInput } from '../compiler/compile.ts';
import { compile } from '../compiler/index.ts';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import { expectation } from '../compiler/semantics/expect.ts';
import type { Packet } from '../compiler/semantics/packet.ts';
import { formatPacket } from '../compiler/semantics/packet-text.ts';
import { formatVerdict } from '../compiler/semantics/verdict-text.ts';
import { type Family, families } from '../compiler/values/address.ts';
import type { GoldenCase, GoldenState } from './case.ts';
import { formatJson } from './json.ts';
import { planTexts } from './plans.ts';

/**
 * File name → contents: everything that a case expects. The first state is told in full; of a change, its plan and what
 * becomes of packets after it. A document per backend; diagnostics only if there are any.
 */
export async function expectationsOf(golden: Omit<GoldenCase, 'folder'>): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>(await expectationsOfFirst(golden));
  const changes = golden.changes.map((state, i) => ({ ...state, step: i + 2, compilation: compile(state.input) }));
  for (const { step, input, packets, compilation } of changes) {
    files.set(`${step}-verdicts.txt`, verdictsText(compilation, packets));
    const diagnostics = await diagnosticsText(compilation, input);
    if (diagnostics !== '') files.set(`${step}-diagnostics.txt`, diagnostics);
  }
  for (const backend of changes.length === 0 ? [] : backendNames()) {
    for (const [i, text] of (await planTexts(backend, golden)).entries())
      files.set(`${i + 2}-plan.${backend}.txt`, text);
  }
  return files;
}

async function expectationsOfFirst({ input, packets }: GoldenState): Promise<[string, string][]> {
  const compilation = compile(input);
  const shown = shownFamilies(compilation);
  const files: [string, string][] = [
    ['ir.json', formatJson(Object.fromEntries(shown.map((family) => [family, withoutHashes(compilation, family)])))],
    ['endpoints.txt', explainTable(explain(compilation, undefined))],
    ['verdicts.txt', verdictsText(compilation, packets)],
  ];
  for (const backend of backendNames()) {
    const made = await madeOf(backend, compilation);
    files.push([`${backend}.txt`, made.map(({ family, text }) => `# ${family}\n${text()}`).join('\n')]);
  }
  const diagnostics = await diagnosticsText(compilation, input);
  return diagnostics === '' ? files : [...files, ['diagnostics.txt', diagnostics]];
}

async function madeOf(backend: string, compilation: Compilation) {
  const { make } = await byName(backend);
  const targets = targetsOf(compilation);
  return shownFamilies(compilation).map((family) => ({ family, ...make(targets[family]) }));
}

/** As commands print them, with the place in the case's files. */
async function diagnosticsText(compilation: Compilation, { clusters }: CompileInput): Promise<string> {
  const placeOf = placesOf(clusters);
  const lines = compilation.diagnostics.map((one) => placedText(one, placeOf));
  for (const backend of backendNames()) {
    const made = await madeOf(backend, compilation);
    lines.push(
      ...made.flatMap(({ diagnostics }) => diagnostics).map((one) => `${backend}: ${placedText(one, placeOf)}`),
    );
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** The families that there is something to say about. */
export function shownFamilies({ services, node }: Compilation): Family[] {
  return families.filter((family) => services[family].length > 0 || node[family].addresses.length > 0);
}

/** A hash says nothing that the rest does not, and would change with every line of it. */
function withoutHashes(compilation: Compilation, family: Family): Omit<ServicePortIR, 'hash'>[] {
  return compilation.services[family].map(({ hash: _hash, ...ir }) => ir);
}

function verdictsText(compilation: Compilation, packets: readonly Packet[]): string {
  return packets.map((packet) => verdictText(compilation, packet)).join('\n');
}

function verdictText({ services, node }: Compilation, packet: Packet): string {
  const verdict = expectation(services[packet.family], node[packet.family])(packet);
  return [formatPacket(packet), ...formatVerdict(verdict).map((line) => `  ${line}`), ''].join('\n');
}
