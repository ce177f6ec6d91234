import { bothSigns, noSigns, type Signs } from '../../backends/planning/clients.ts';
import { type FoundFrontend, frontendKey, type Side } from '../../backends/planning/side.ts';
import type { Cidr } from '../../compiler/values/address.ts';
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

/** A program's effect on traffic, in the words that all backends share. */
export function toySide(program: Program, node: NodeContext): Side {
  const frontends = new Map<string, FoundFrontend>();
  for (const text of [...program.parts.values()].flat()) {
    const line = parseLine(text);
    if (line === undefined || !isFrontend(line)) continue;
    const { servicePort, protocol, address, port } = line;
    const kind = line.verb === 'accept' ? 'health check node port' : kindNames[line.kind];
    const key = frontendKey({ kind, protocol, address, port });
    const earlier = frontends.get(key);
    const from = line.verb === 'send' && line.from.length > 0 ? line.from : undefined;
    frontends.set(key, {
      ...{ servicePort, protocol, address, port, kind },
      allowedFrom: earlier?.allowedFrom ?? from ?? (line.verb === 'guard' ? [] : undefined),
      signs: bothSigns(earlier?.signs ?? noSigns, signsOf(from)),
      // A line does not hold the duration.
      affinitySeconds: line.verb === 'send' && line.affinity === 'client' ? 10_800 : earlier?.affinitySeconds,
      rules: earlier === undefined ? text : `${earlier.rules}\n${text}`,
    });
  }
  return { frontends, entry: '', verdictOf: (packet) => traceProgram(program, packet, node).verdict };
}

function signsOf(networks: readonly Cidr[] | undefined): Signs {
  return networks === undefined ? noSigns : { ...noSigns, networks };
}

/** The guard of loopback addresses belongs to the node, not to a Service. */
function isFrontend(line: Line): line is Exclude<Line, { verb: 'guard-loopback' }> {
  return line.verb !== 'guard-loopback';
}
