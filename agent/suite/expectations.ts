import { backendNames, byName } from '../../backends/index.ts';
import type { Compilation } from '../../compiler/compile.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { expectation } from '../../compiler/semantics/expect.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { formatPacket } from '../../compiler/semantics/packet-text.ts';
import { formatVerdict } from '../../compiler/semantics/verdict-text.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { explain } from '../explain/explain.ts';
import { explainTable } from '../explain/table.ts';
import { placesOf } from '../input/places.ts';
import { targetsOf } from '../planning/targets.ts';
import { placedText } from '../terminal/diagnostics.ts';
import type { GoldenCase } from './case.ts';
import { formatJson } from './json.ts';
import { planTexts } from './plans.ts';
import { type CompiledState, compiledStates, once } from './states.ts';

/** The kinds of expectations, as `expect` in a suite's settings names them. */
export const expectationKinds = ['programs', 'plans', 'verdicts', 'diagnostics', 'endpoints', 'ir'] as const;
export type ExpectationKind = (typeof expectationKinds)[number];

/** How one file of a case is made. */
export interface Recipe {
  readonly kind: ExpectationKind;
  /** undefined: the file is the same for all. */
  readonly backend: string | undefined;
  /** The file's contents; undefined: there is no content, and no such file. */
  make(): string | undefined | Promise<string | undefined>;
}

/**
 * File name → how it is made: everything that can be expected of a case. The first state has all kinds; a later step has its
 * plan and what happens to packets after it.
 *
 * backends   the backends to include programs and plans of
 */
export function recipesOf(
  [first, ...changes]: readonly CompiledState[],
  backends: readonly string[],
): ReadonlyMap<string, Recipe> {
  const recipes = new Map<string, Recipe>();
  if (first === undefined) return recipes;
  const common = (file: string, kind: ExpectationKind, make: Recipe['make']): void =>
    void recipes.set(file, { kind, backend: undefined, make });
  common('ir.json', 'ir', () => irText(first));
  common('endpoints.txt', 'endpoints', () => explainTable(explain(first.compilation, undefined)));
  for (const [i, state] of [first, ...changes].entries()) {
    const prefix = i === 0 ? '' : `${i + 1}-`;
    if (state.packets.length > 0) common(`${prefix}verdicts.txt`, 'verdicts', () => verdictsText(state));
    common(`${prefix}diagnostics.txt`, 'diagnostics', () => diagnosticsText(state, backends));
  }
  for (const backend of backends) {
    recipes.set(`${backend}.txt`, { kind: 'programs', backend, make: () => programText(backend, first) });
    const plans = once(() => planTexts(backend, [first, ...changes]));
    for (const i of changes.keys()) {
      const make = async () => (await plans())[i];
      recipes.set(`${i + 2}-plan.${backend}.txt`, { kind: 'plans', backend, make });
    }
  }
  return recipes;
}

/** File name → contents: everything that can be expected of a case, for all backends. */
export async function expectationsOf(golden: GoldenCase): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const [file, recipe] of recipesOf(compiledStates(golden), backendNames())) {
    const text = await recipe.make();
    if (text !== undefined) files.set(file, text);
  }
  return files;
}

function irText({ compilation }: CompiledState): string {
  const shown = shownFamilies(compilation).map((family) => [family, withoutHashes(compilation, family)] as const);
  return formatJson(Object.fromEntries(shown));
}

async function programText(backend: string, { compilation }: CompiledState): Promise<string> {
  const made = await madeOf(backend, compilation);
  return made.map(({ family, text }) => `# ${family}\n${text()}`).join('\n');
}

async function madeOf(backend: string, compilation: Compilation) {
  const { make } = await byName(backend);
  const targets = targetsOf(compilation);
  return shownFamilies(compilation).map((family) => ({ family, ...make(targets[family]) }));
}

/** As commands print them, with places in the case's files. */
async function diagnosticsText(state: CompiledState, backends: readonly string[]): Promise<string | undefined> {
  const { compilation, input, remarks } = state;
  const placeOf = placesOf(input.clusters);
  const lines = [...remarks, ...compilation.diagnostics].map((one) => placedText(one, placeOf));
  for (const backend of backends) {
    const made = await madeOf(backend, compilation);
    lines.push(
      ...made.flatMap(({ diagnostics }) => diagnostics).map((one) => `${backend}: ${placedText(one, placeOf)}`),
    );
  }
  return lines.length === 0 ? undefined : lines.map((line) => `${line}\n`).join('');
}

/** The families in use. */
export function shownFamilies({ services, node }: Compilation): Family[] {
  return families.filter((family) => services[family].length > 0 || node[family].addresses.length > 0);
}

/** Hashes are left out: they add nothing to the other fields, and would change with every line of them. */
function withoutHashes(compilation: Compilation, family: Family): Omit<ServicePortIR, 'hash'>[] {
  return compilation.services[family].map(({ hash: _hash, ...ir }) => ir);
}

function verdictsText({ compilation, packets }: CompiledState): string {
  return packets.map((packet) => verdictText(compilation, packet)).join('\n');
}

function verdictText({ services, node }: Compilation, packet: Packet): string {
  const verdict = expectation(services[packet.family], node[packet.family])(packet);
  return [formatPacket(packet), ...formatVerdict(verdict).map((line) => `  ${line}`), ''].join('\n');
}
