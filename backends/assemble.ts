import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ServicePortId } from '../compiler/values/names.ts';
import type { Maker } from './maker.ts';

export interface Assembled<Unit, Program> {
  readonly program: Program;
  readonly units: ReadonlyMap<ServicePortId, Unit>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The program of one family: every Service port lowered, all linked, the result checked.
 *
 * throws   a plain Error when the program is not sound, which no input can bring about
 */
export function assemble<Unit, Program, Whole>(
  backend: Maker<Unit, Program, Whole>,
  irs: readonly ServicePortIR[],
  node: NodeContext,
): Assembled<Unit, Program> {
  const whole = backend.wholeOf(irs);
  const units = new Map<ServicePortId, Unit>();
  const diagnostics: Diagnostic[] = [];
  for (const ir of irs) {
    const lowered = backend.lower(ir, node, whole);
    units.set(ir.id, lowered.unit);
    diagnostics.push(...lowered.diagnostics);
  }
  diagnostics.push(...reportLeftOut(irs, backend.leftOut(units)));
  const program = backend.link(units, node);
  const flaws = backend.check(program, node);
  if (flaws.length > 0) throw new Error(`the ${backend.name} program is not sound:\n${flaws.join('\n')}`);
  return { program, units, diagnostics };
}

function reportLeftOut(irs: readonly ServicePortIR[], leftOut: readonly ServicePortId[]): Diagnostic[] {
  return irs
    .filter(({ id }) => leftOut.includes(id))
    .map(({ id, service, origin: [object = { kind: 'Service', name: service }] }) => ({
      severity: 'error',
      code: 'name-collision',
      object,
      message: `${id} is left out: the names that its rules need are in use by another Service port`,
    }));
}
