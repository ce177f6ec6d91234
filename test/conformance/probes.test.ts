import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import type { Ruleset } from '../../backends/netfilter/rule.ts';
import { chainFromLines } from '../../backends/netfilter/chain.ts';
import { traceRuleset } from '../../backends/netfilter/trace/trace.ts';
import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { verify } from '../../compiler/semantics/verify.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port, service } from '../helpers/ir.ts';
import { compileCase } from './cases.ts';

/** Small cases that together have every kind of rule. */
const telling = [
  '009-tcp-udp-same-port',
  '011-nodeport-local',
  '017-lb-source-ranges',
  '019-lb-local-none-here',
  '023-external-ips-local',
  '027-affinity-nodeport-lb',
  '054-detect-prefix',
  '056-nodeport-addresses',
];

/** Rules without which new connections fare as before. */
const needless = [
  /--comment "other traffic to \S+ will be dropped by KUBE-PROXY-FIREWALL"$/, // it only counts
  /--ctstate (INVALID|RELATED,ESTABLISHED) /, // not of new connections
  /-A KUBE-POSTROUTING -j MARK --set-xmark 0x[0-9a-f]+\/0x0$/, // after it, nobody looks at the mark
  /-A KUBE-FORWARD .*-m mark .* -j ACCEPT$/, // matters to endpoints that another Service refuses
];

it.each(telling)('in %s the probes notice the loss of any rule', (name) => {
  const { services, node } = compileCase(name, 'kube-proxy');
  const lost = unnoticedLosses(services.IPv4, node.IPv4, withoutOneRule);
  expect(lost.filter((line) => !needless.some((pattern) => pattern.test(line)))).toEqual([]);
});

it('the probes notice the loss of any hook', () => {
  const lost = unnoticedLosses(everyFrontend, makeNode(), withoutOneHook);
  // What the node sends to its own loopback addresses passes INPUT too, and is dropped there as well.
  expect(lost).toEqual(['-A OUTPUT -j KUBE-FIREWALL']);
});

const guardedIP = (text: string): Frontend => ({
  kind: 'loadBalancerIP',
  address: address(text),
  port: port(80),
  sourceRanges: [cidr('198.51.100.0/24')],
});

/** Each kind of frontend served and refused, at the node's address and elsewhere, and an endpoint at a refused one. */
const everyFrontend: readonly ServicePortIR[] = [
  makeIR(
    [
      clusterIP('10.96.0.1', 80),
      guardedIP('203.0.113.9'),
      guardedIP('192.168.0.10'),
      { kind: 'nodePort', port: port(30080) },
    ],
    [endpoint('10.1.0.5:8080', { local: true }), endpoint('10.2.0.5:8080')],
    { healthCheckNodePort: port(31000) },
  ),
  makeIR([clusterIP('10.96.0.2', 80), { kind: 'externalIP', address: address('203.0.113.7'), port: port(80) }], [], {
    service: service('shop/nobody'),
  }),
  makeIR([{ kind: 'nodePort', port: port(30081) }], [], { service: service('shop/nothing') }),
  makeIR([clusterIP('10.96.0.3', 80)], [endpoint('10.96.0.2:80')], { service: service('shop/through') }),
];

/** Lines without which a program passes for right. */
function unnoticedLosses(
  services: readonly ServicePortIR[],
  node: NodeContext,
  losses: (program: Ruleset) => readonly Loss[],
): string[] {
  const { program } = assemble(iptables, services, node);
  const packets = probes(services, node);
  const misses = (crippled: Ruleset) =>
    verify(services, node, (packet) => traceRuleset(crippled, packet, node), { packets }).length;
  expect(misses(program)).toBe(0);
  return losses(program)
    .filter(({ crippled }) => misses(crippled) === 0)
    .map(({ line }) => line);
}

interface Loss {
  readonly line: string;
  readonly crippled: Ruleset;
}

function withoutOneHook(program: Ruleset): Loss[] {
  const { hooks } = program;
  return hooks.map(({ line }, i) => ({ line, crippled: { ...program, hooks: hooks.toSpliced(i, 1) } }));
}

function withoutOneRule(program: Ruleset): Loss[] {
  return [...program.chains].flatMap(([key, chain]) =>
    chain.lines.map((line, i) => {
      const { table, name, lines } = chain;
      const shorter = chainFromLines(program.family, table, name, lines.toSpliced(i, 1));
      return { line, crippled: { ...program, chains: new Map(program.chains).set(key, shorter) } };
    }),
  );
}
