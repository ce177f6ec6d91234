import type { Run } from '../backends/command.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { NodeContext } from '../compiler/ir/node-context.ts';

const sysctl = 'net.ipv4.conf.all.route_localnet';

/**
 * Lets connections to 127.0.0.1 leave for an endpoint elsewhere, where node ports shall answer there
 * and some Service has one. Set like kube-proxy sets it, and never reset: others may want it too.
 *
 * node, services   of IPv4
 * returns          what went wrong; the rules are in force all the same
 * source           kube-proxy, --iptables-localhost-nodeports; KUBE-FIREWALL drops what this would let in from outside (CVE-2020-8558)
 */
export async function allowLocalNodePorts(
  run: Run,
  { nodePorts }: NodeContext,
  services: readonly ServicePortIR[],
): Promise<Diagnostic | undefined> {
  const hasNodePort = services.some(({ frontends }) => frontends.some(({ kind }) => kind === 'nodePort'));
  if (!nodePorts.loopback || !hasNodePort) return undefined;
  const now = await run('sysctl', ['-n', sysctl]);
  if (now.exitCode === 0 && now.stdout.trim() === '1') return undefined;
  const set = await run('sysctl', ['-w', `${sysctl}=1`]);
  if (set.exitCode === 0) return undefined;
  const reason = set.stderr.trim().split('\n')[0];
  const message = `could not be set to 1, so node ports do not answer on 127.0.0.1: ${reason}`;
  return { severity: 'warning', code: 'route-localnet', object: { kind: 'sysctl', name: sysctl }, message };
}
