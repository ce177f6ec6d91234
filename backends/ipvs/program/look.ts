import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Look } from '../../equivalence/look.ts';
import { destinationsIn } from '../../netfilter/chain-index.ts';
import type { IpvsProgram } from './program.ts';
import { destinationsInSet } from './set-questions.ts';
import { traceProgram } from './trace.ts';

/** A program as packets meet it. */
export function programLook(program: IpvsProgram, node: NodeContext): Look {
  return {
    trace: (packet, how) => traceProgram(program, packet, node, how),
    *destinations() {
      for (const { address, protocol, port } of program.servers.values()) yield { address, protocol, port };
      for (const set of program.sets.values()) yield* destinationsInSet(set);
      for (const address of program.addresses) yield { address, among: 'the bound addresses' };
      for (const chain of program.rules.chains.values()) yield* destinationsIn(chain);
    },
  };
}
