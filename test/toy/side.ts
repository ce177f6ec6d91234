import type { FoundFrontend, Side } from '../../backends/planning/traffic.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { type Line, parseLine } from './line.ts';
import type { Program } from './program.ts';
import { traceProgram } from './trace.ts';

const kindNames = {
  clusterIP: 'cluster IP',
  clusterSetIP: 'clusterset IP',
  externalIP: 'external IP',
  loadBalancerIP: 'loadbalancer IP',
  nodePort: 'node port',
} as const;

/** A program as far as its effect on traffic goes, in the words that all backends share. */
export function toySide(program: Program, node: NodeContext): Side {
  const frontends = new Map<string, FoundFrontend>();
  for (const text of [...program.parts.values()].flat()) {
    const line = parseLine(text);
    if (line === undefined || !isFrontend(line)) continue;
    const { servicePort, kind, protocol, address, port } = line;
    const key = `${servicePort} ${protocol} ${address ?? 'node'} ${port}`;
    const earlier = frontends.get(key);
    const [allowedFrom] = line.verb === 'send' ? line.from : [];
    frontends.set(key, {
      ...{ servicePort, protocol, address, port },
      kind: kindNames[kind],
      allowedFrom: earlier?.allowedFrom ?? allowedFrom,
      rules: earlier === undefined ? text : `${earlier.rules}\n${text}`,
    });
  }
  return { frontends, entry: '', verdictOf: (packet) => traceProgram(program, packet, node).verdict };
}

/** A health check port is the node's, not a Service's. */
function isFrontend(line: Line): line is Exclude<Line, { verb: 'guard-loopback' }> {
  return line.verb !== 'guard-loopback' && line.verb !== 'accept';
}
