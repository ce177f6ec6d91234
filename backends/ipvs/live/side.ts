import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import type { Side } from '../../planning/side.ts';
import type { IpvsProgram } from '../program/program.ts';
import { traceProgram } from '../program/trace.ts';
import { healthChecks, serverFrontends } from './frontends.ts';
import { sortRules } from './shared-rules.ts';

/** What virtual servers and the rules around them do with packets. */
export function ipvsSide(program: IpvsProgram, services: readonly ServicePortIR[], node: NodeContext): Side {
  const rules = sortRules(program);
  return {
    frontends: new Map([...serverFrontends(program, services, node, rules), ...healthChecks(program, services)]),
    entry: rules.shared.join('\n'),
    verdictOf: (packet) => traceProgram(program, packet, node, { brief: true }).verdict,
  };
}
