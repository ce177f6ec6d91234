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

/** What an expectation is about, as `expect` of a suite's settings names it. */
export const expectationKinds = ['programs', 'plans', 'verdicts', 'diagnostics', 'endpoints', 'ir'] as const;
export type ExpectationKind = (typeof expectationKinds)[number];

/** How one file of a case comes about. */
export interface Recipe {
  readonly kind: ExpectationKind;
  /** undefined: the same for all. */
  readonly backend: string | undefined;
  /** Its contents; undefined: there is nothing to say, and no such file. */
  make(): string | undefined | Promise<string | undefined>;
}

/**
 * File name → how it is made: all that can be expected of a case. The first state is told in full; of a change, its plan and
 * what happens to packets after it.
 *
 * backends   whose programs and plans
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

/** File name → contents: everything that can be expected of a case, of all backends. */
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

/** As commands print them, with the place in the case's files. */
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

/** The families that there is something to say about. */
export function shownFamilies({ services, node }: Compilation): Family[] {
  return families.filter((family) => services[family].length > 0 || node[family].addresses.length > 0);
}

/** A hash says nothing that the rest does not, and would change with every line of it. */
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
