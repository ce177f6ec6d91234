import { endpointText, type ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { StaleFlows } from '../../conntrack.ts';
import type { IpvsProgram } from '../program/program.ts';

/**
 * Which UDP connections the kernel must forget when one program has replaced another.
 *
 *   a real server is gone                    those to it, unless its endpoint still serves
 *   a virtual server got its first one       all: they went nowhere, and what began without a
 *                                            Service is not masqueraded
 *   a virtual server is gone                 all
 *
 * IPVS itself drops what it remembers of a real server that is gone (expire_nodest_conn); this is
 * for nat, which decided about a connection when it saw its first packet.
 *
 * services   as compiled now; their known endpoints show which ones still serve
 */
export function staleServerFlows(
  before: IpvsProgram,
  after: IpvsProgram,
  services: readonly ServicePortIR[],
): readonly StaleFlows[] {
  const serving = new Set(
    services
      .filter(({ protocol }) => protocol === 'UDP')
      .flatMap(({ known }) => known.filter((endpoint) => endpoint.serving).map(endpointText)),
  );
  const stale: StaleFlows[] = [];
  for (const [key, server] of before.servers) {
    if (server.protocol !== 'UDP') continue;
    const at = { destination: server.address, port: server.port };
    const next = after.servers.get(key);
    const kept = new Set([...serving, ...(next?.reals.map(endpointText) ?? [])]);
    if (next === undefined) stale.push({ ...at, endpoint: undefined });
    else {
      const gone = server.reals.filter((real) => !kept.has(endpointText(real)));
      stale.push(...gone.map(({ address, port }) => ({ ...at, endpoint: { address, port } })));
    }
  }
  for (const [key, server] of after.servers) {
    if (server.protocol !== 'UDP' || server.reals.length === 0) continue;
    if ((before.servers.get(key)?.reals.length ?? 0) > 0) continue;
    stale.push({ destination: server.address, port: server.port, endpoint: undefined });
  }
  return stale;
}
