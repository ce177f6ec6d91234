import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Look } from '../../equivalence/look.ts';
import type { NftProgram } from '../program/program.ts';
import { destinationsIn } from './questions.ts';
import { traceProgram } from './trace.ts';

/** A program as packets meet it. */
export function programLook(program: NftProgram, node: NodeContext): Look {
  return {
    trace: (packet, how) => traceProgram(program, packet, node, how),
    destinations: () => destinationsIn(program),
  };
}
