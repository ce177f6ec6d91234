import type { Run } from '../../command.ts';
import { ensureSysctls, sysctlProblem } from '../../host/sysctl.ts';
import { routeLocalnet } from '../../netfilter/loopback-guard.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';

/**
 * Lets connections to 127.0.0.1 leave for an endpoint on another node, where node ports are to answer there
 * and some Service has one. Set as kube-proxy sets it, and not reset: other programs may want it too.
 *
 * node, services   of IPv4; the guard (netfilter/loopback-guard.ts) is in force
 * returns          what went wrong; the rules are in force all the same
 * source           kube-proxy, --iptables-localhost-nodeports
 */
export async function allowLocalNodePorts(
  run: Run,
  { nodePorts }: NodeContext,
  services: readonly ServicePortIR[],
): Promise<Diagnostic | undefined> {
  const hasNodePort = services.some(({ frontends }) => frontends.some(({ kind }) => kind === 'nodePort'));
  if (!nodePorts.loopback || !hasNodePort) return undefined;
  const [outcome] = await ensureSysctls(run, new Map([[routeLocalnet, '1']]));
  if (outcome?.kind !== 'failed') return undefined;
  const message = `${sysctlProblem(outcome)}; until then node ports do not answer on 127.0.0.1`;
  return { severity: 'warning', code: 'route-localnet', object: { kind: 'sysctl', name: routeLocalnet }, message };
}
