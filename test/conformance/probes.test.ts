import { expect, it } from 'vitest';
import { assemble } from '../../backends/assemble.ts';
import { iptables } from '../../backends/iptables/index.ts';
import type { Chain, Ruleset } from '../../backends/netfilter/rule.ts';
import { traceRuleset } from '../../backends/netfilter/trace.ts';
import type { Packet } from '../../compiler/semantics/packet.ts';
import { probes } from '../../compiler/semantics/probes.ts';
import { verify } from '../../compiler/semantics/verify.ts';
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
  '059-mix',
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
  const { program } = assemble(iptables, services.IPv4, node.IPv4);
  const packets = probes(services.IPv4, node.IPv4);
  const unnoticed = crippledPrograms(program)
    .filter(({ line }) => !needless.some((pattern) => pattern.test(line)))
    .filter(({ crippled }) => {
      const trace = (packet: Packet) => traceRuleset(crippled, packet, node.IPv4);
      return verify(services.IPv4, node.IPv4, trace, { packets }).length === 0;
    })
    .map(({ line }) => line);
  expect(unnoticed).toEqual([]);
});

/** The program without one of its rules or hooks, for each of them. */
function crippledPrograms(program: Ruleset): { readonly line: string; readonly crippled: Ruleset }[] {
  const { hooks, chains } = program;
  const withoutHook = hooks.map((hook, i) => ({
    line: hook.line,
    crippled: { ...program, hooks: hooks.toSpliced(i, 1) },
  }));
  const withoutRule = [...chains].flatMap(([key, chain]) =>
    chain.lines.map((line, i) => {
      const { lines, rules } = chain;
      const shorter: Chain = { ...chain, lines: lines.toSpliced(i, 1), rules: rules.toSpliced(i, 1) };
      return { line, crippled: { ...program, chains: new Map(chains).set(key, shorter) } };
    }),
  );
  return [...withoutHook, ...withoutRule];
}
