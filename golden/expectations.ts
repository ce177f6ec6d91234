import { explain } from '../agent/explain/explain.ts';
import { explainTable } from '../agent/explain/table.ts';
import { targetsOf } from '../agent/targets.ts';
import { backendNames, byName } from '../backends/index.ts';
import type { Compilation } from '../compiler/compile.ts';
import { compile } from '../compiler/index.ts';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import { expectation } from '../compiler/semantics/expect.ts';
import type { Packet } from '../compiler/semantics/packet.ts';
import { formatPacket } from '../compiler/semantics/packet-text.ts';
import { formatVerdict } from '../compiler/semantics/verdict-text.ts';
import { type Family, families } from '../compiler/values/address.ts';
import { formatDiagnostic } from '../compiler/values/diagnostic.ts';
import type { GoldenCase } from './case.ts';
import { formatJson } from './json.ts';

/** File name → contents: everything that a case expects. A document per backend; diagnostics only if there are any. */
export async function expectationsOf({ input, packets }: Pick<GoldenCase, 'input' | 'packets'>) {
  const compilation = compile(input);
  const shown = shownFamilies(compilation);
  const targets = targetsOf(compilation);
  const files = new Map<string, string>([
    ['ir.json', formatJson(Object.fromEntries(shown.map((family) => [family, withoutHashes(compilation, family)])))],
    ['endpoints.txt', explainTable(explain(compilation, { service: undefined, port: undefined }))],
    ['verdicts.txt', packets.map((packet) => verdictText(compilation, packet)).join('\n')],
  ]);
  const diagnostics = compilation.diagnostics.map(formatDiagnostic);
  for (const backend of backendNames()) {
    const { make } = await byName(backend);
    const made = shown.map((family) => ({ family, ...make(targets[family]) }));
    files.set(`${backend}.txt`, made.map(({ family, text }) => `# ${family}\n${text()}`).join('\n'));
    diagnostics.push(...made.flatMap((one) => one.diagnostics).map((one) => `${backend}: ${formatDiagnostic(one)}`));
  }
  if (diagnostics.length > 0) files.set('diagnostics.txt', diagnostics.map((line) => `${line}\n`).join(''));
  return files;
}

/** The families that there is something to say about. */
export function shownFamilies({ services, node }: Compilation): Family[] {
  return families.filter((family) => services[family].length > 0 || node[family].addresses.length > 0);
}

/** A hash says nothing that the rest does not, and would change with every line of it. */
function withoutHashes(compilation: Compilation, family: Family): Omit<ServicePortIR, 'hash'>[] {
  return compilation.services[family].map(({ hash: _hash, ...ir }) => ir);
}

function verdictText({ services, node }: Compilation, packet: Packet): string {
  const verdict = expectation(services[packet.family], node[packet.family])(packet);
  return [formatPacket(packet), ...formatVerdict(verdict).map((line) => `  ${line}`), ''].join('\n');
}
