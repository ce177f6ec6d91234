import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Side } from '../../planning/side.ts';
import type { NftProgram } from '../program/program.ts';
import { traceProgram } from '../trace/trace.ts';
import { findFrontends, healthChecks } from './frontends.ts';

/** What a table does with packets. Reads kube-proxy's own as well as slicewright's. */
export function programSide(program: NftProgram, services: readonly ServicePortIR[], node: NodeContext): Side {
  return {
    frontends: new Map([...findFrontends(program), ...healthChecks(program, services)]),
    entry: entryText(program),
    verdictOf: (packet) => traceProgram(program, packet, node).verdict,
  };
}

/** Rules that are for no frontend alone but lead packets to them. */
function entryText({ chains }: NftProgram): string {
  const shared = [...chains.values()].filter(({ name }) => !name.includes('/'));
  return shared
    .flatMap(({ name, hook, lines }) => [
      `${name} ${JSON.stringify(hook ?? {})}`,
      ...lines.map((line) => `${name} ${line}`),
    ])
    .sort()
    .join('\n');
}
