import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';
import type { Packet, Trace, Verdict } from '../compiler/semantics/packet.ts';
import { verify } from '../compiler/semantics/verify.ts';
import type { Family } from '../compiler/values/address.ts';
import { type Assembled, assemble } from './assemble.ts';
import type { Backend } from './backend.ts';
import type { ModeKnowledge } from './equivalence/known-difference.ts';
import type { Look } from './equivalence/look.ts';
import type { Maker } from './maker.ts';
import type { Target } from './target.ts';
import { rememberUnits } from './units.ts';

/** Makes a backend's program of a target. The same target gives the same program. */
export type ProgramOf<Unit, Program> = (target: Target) => Assembled<Unit, Program>;

export function programsOf<Unit, Program, Whole>(maker: Maker<Unit, Program, Whole>): ProgramOf<Unit, Program> {
  const makers: Readonly<Record<Family, Maker<Unit, Program, Whole>>> = {
    IPv4: rememberUnits(maker),
    IPv6: rememberUnits(maker),
  };
  const made = new WeakMap<
    readonly ServicePortIR[],
    { readonly node: NodeContext; readonly assembled: Assembled<Unit, Program> }
  >();
  return ({ services, node }) => {
    const before = made.get(services);
    if (before?.node === node) return before.assembled;
    const assembled = assemble(makers[node.family], services, node);
    made.set(services, { node, assembled });
    return assembled;
  };
}

/** What a backend's programs do, and what they are held to: the reference, or the reference with its exceptions. */
export interface Meaning<Program> {
  /** A brief trace gives the verdict, and need not tell the way. */
  trace(program: Program, packet: Packet, node: NodeContext, how?: { readonly brief: boolean }): Trace;
  expectation(irs: readonly ServicePortIR[], node: NodeContext): (packet: Packet) => Verdict;
  look(program: Program, node: NodeContext): Look;
  readonly knowledge: ModeKnowledge;
}

/** The pure half of a backend, closed over its types. */
export function pureHalf<Unit, Program, Whole>(
  maker: Maker<Unit, Program, Whole>,
  programOf: ProgramOf<Unit, Program>,
  loadMeaning: () => Promise<Meaning<Program>>,
): Pick<Backend, 'name' | 'make' | 'hiddenNames' | 'witness'> {
  return {
    name: maker.name,
    make(target) {
      const { program, units, diagnostics } = programOf(target);
      return {
        diagnostics,
        text: () => maker.print(program),
        rulesOf(id) {
          const unit = units.get(id);
          return unit === undefined ? '' : maker.printUnit(unit, target.node);
        },
        files: () => maker.files(program, target.node),
      };
    },
    hiddenNames: (port, endpoints) => maker.hiddenNames(port, endpoints),
    async witness() {
      const meaning = await loadMeaning();
      return {
        trace: (target, packet) => meaning.trace(programOf(target).program, packet, target.node),
        verify(target) {
          const { services, node } = target;
          const { program } = programOf(target);
          return verify(services, node, (packet, how) => meaning.trace(program, packet, node, how), {
            expected: meaning.expectation(services, node),
          });
        },
        look: (target) => meaning.look(programOf(target).program, target.node),
        knowledge: meaning.knowledge,
      };
    },
  };
}
