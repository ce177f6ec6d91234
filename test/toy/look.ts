import type { Asked, Look } from '../../backends/equivalence/look.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { hostCidr } from '../../compiler/values/address.ts';
import { type Line, parseLine } from './line.ts';
import type { Program } from './program.ts';
import { traceProgram } from './trace.ts';

/** A program, seen as packets meet it. */
export function toyLook(program: Program, node: NodeContext): Look {
  const lines = [...program.parts.values()].flat().flatMap((text) => parseLine(text) ?? []);
  return {
    trace(packet, { asked } = {}) {
      if (asked !== undefined) askDetector(node, asked);
      for (const line of lines) if (asked !== undefined) askLine(line, packet, asked);
      return traceProgram(program, packet, node);
    },
    *destinations() {
      for (const line of lines) {
        if (line.verb === 'guard-loopback' || line.address === undefined) continue;
        yield { address: line.address, protocol: line.protocol, port: line.port };
      }
    },
  };
}

function askDetector({ localDetector }: NodeContext, asked: Asked): void {
  switch (localDetector?.kind) {
    case undefined:
      return;
    case 'source':
      return asked({ kind: 'source', network: localDetector.cidr });
    case 'interface':
      return asked({ kind: 'interface', name: localDetector.name, prefix: false });
    case 'interfacePrefix':
      return asked({ kind: 'interface', name: localDetector.prefix, prefix: true });
  }
}

function askLine(line: Line, { destination }: Packet, asked: Asked): void {
  if (line.verb === 'guard-loopback') return;
  const { protocol, port, address } = line;
  if (address === undefined) asked({ kind: 'port', protocol, port });
  if (line.verb !== 'send' || (address !== undefined && address !== destination)) return;
  for (const network of [...line.from, hostCidr(line.endpoint.address)]) asked({ kind: 'source', network });
  if (line.affinity === 'client') asked({ kind: 'remembered', ...line.endpoint });
}
