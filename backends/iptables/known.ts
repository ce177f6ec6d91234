import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Packet, Trace, Verdict } from '../../compiler/semantics/packet.ts';
import { isLoopback, isNodeAddress } from '../../compiler/semantics/place.ts';
import type { ChainPrefix } from '../../compiler/settings.ts';
import { multiply, rational } from '../../compiler/values/rational.ts';
import { type KnownDifference, type ModeKnowledge, type Reading, shared } from '../equivalence/known-difference.ts';
import { underPrefix } from '../netfilter/prefix.ts';
import { chainKey, type Ruleset } from '../netfilter/rule.ts';
import type { Target } from '../target.ts';
import { nodeChain } from './names.ts';

const markedForDropping: KnownDifference = {
  code: 'old-mark-drop',
  text: 'a kube-proxy before 1.24 only marks what is to be dropped, and the rule that drops sees no packets that pass through the node: what is sent to a load balancer or external address goes on',
};
const noHealthRule: KnownDifference = {
  code: 'old-health-check',
  text: 'a kube-proxy before 1.20 has no rule that lets health check node ports in, and leaves them to the firewall of the host',
};
const openLoopback: KnownDifference = {
  code: 'old-open-loopback',
  text: 'a kube-proxy from before mid 2020 leaves 127.0.0.1 open to neighbours of the node (CVE-2020-8558)',
};
const ownToLocal: KnownDifference = {
  code: 'old-own-traffic',
  text: 'a kube-proxy before 1.20 treats what the node itself sends to a Local Service like traffic from outside: it gets endpoints on this node or nothing',
};
const roundedShares: KnownDifference = {
  code: 'old-rounded-shares',
  text: 'an old kube-proxy writes probabilities with five digits, so shares of endpoints are off by some hundred thousandths',
};
/** What a chain of old kube-proxies does: only a packet that was there can be explained by it. */
const wasIn = ({ steps }: Trace, chain: string) => steps.some(({ where }) => where.endsWith(` ${chain}`));

const oldMark: Reading = {
  verdict: (verdict, packet, { node }, found) =>
    verdict.kind === 'drop' &&
    packet.from.kind === 'interface' &&
    !isNodeAddress(packet.destination, node) &&
    wasIn(found, `${node.chainPrefix}-MARK-DROP`) &&
    goesOn(found.verdict, packet)
      ? found.verdict
      : verdict,
  code: () => markedForDropping.code,
};

/** To where it was sent, perhaps with another source: it may have been marked for masquerading before. */
function goesOn(found: Verdict, { destination, destinationPort }: Packet): boolean {
  if (found.kind !== 'forward') return found.kind === 'untouched' || found.kind === 'accept';
  return found.to.every(({ address, port }) => address === destination && port === destinationPort);
}

/** A probability of five digits is off by half of the last one, and every rule on the way adds to that. */
const perRule = rational(1, 100_000n);

const rounded: Reading = {
  verdict: (verdict, _packet, _target, { verdict: found, steps }) =>
    steps.some(({ rule }) => /--probability 0\.\d/.test(rule)) && areNear(verdict, found) ? found : verdict,
  code: () => roundedShares.code,
};

function areNear(a: Verdict, b: Verdict): boolean {
  if (a.kind !== 'forward' || b.kind !== 'forward' || a.to.length !== b.to.length) return false;
  const tolerance = multiply(perRule, rational(a.to.length));
  return a.to.every((one, i) => {
    const other = b.to[i];
    if (other === undefined || one.address !== other.address || one.port !== other.port) return false;
    if (one.masquerade !== other.masquerade) return false;
    const distance = one.share.numerator * other.share.denominator - other.share.numerator * one.share.denominator;
    const absolute = distance < 0n ? -distance : distance;
    return absolute * tolerance.denominator <= tolerance.numerator * one.share.denominator * other.share.denominator;
  });
}

const beforeHealthRule: Reading = {
  verdict: (verdict) => (verdict.kind === 'accept' ? { kind: 'untouched' } : verdict),
  code: () => noHealthRule.code,
};

const beforeGuard: Reading = {
  verdict: (verdict, { destination, source }) =>
    verdict.kind === 'drop' && isLoopback(destination) && !isLoopback(source) ? { kind: 'untouched' } : verdict,
  code: () => openLoopback.code,
};

/** As one from outside: what the pool of this node says. */
const beforeShortcut: Reading = {
  verdict: (verdict, packet, target, found) =>
    packet.from.kind === 'node' && wasInAny(found, `${target.node.chainPrefix}-XLB-`) && isLocal(packet, target)
      ? fromOutside(packet, target)
      : verdict,
  code: () => ownToLocal.code,
};

const wasInAny = ({ steps }: Trace, prefix: string) => steps.some(({ where }) => where.startsWith(`nat ${prefix}`));

/** The Service port that is dialled; as `expect.ts` chooses, without those that come first at this place. */
function localPort({ protocol, destinationPort }: Packet, { services }: Target): ServicePortIR | undefined {
  return services.find(
    (ir) =>
      ir.keepClientAddress &&
      ir.protocol === protocol &&
      ir.frontends.some(({ kind, port }) => kind !== 'clusterIP' && port === destinationPort),
  );
}

const isLocal = (packet: Packet, target: Target) => localPort(packet, target) !== undefined;

function fromOutside(packet: Packet, target: Target): Verdict {
  const local = localPort(packet, target)?.pools.local ?? [];
  if (local.length === 0) return { kind: 'drop' };
  const total = local.reduce((sum, { weight }) => sum + weight, 0);
  return {
    kind: 'forward',
    to: local.map(({ address, port, weight }) => ({
      address,
      port,
      share: rational(weight, total),
      masquerade: isLoopback(packet.source),
    })),
  };
}

/** What a kube-proxy does not do yet that has no chain for it. */
export function readingsOfAge({ chains }: Ruleset, prefix: ChainPrefix): readonly Reading[] {
  const isBefore120 = !chains.has(chainKey('filter', underPrefix(nodeChain.nodePorts, prefix)));
  return isBefore120 ? [beforeHealthRule, beforeGuard, beforeShortcut] : [];
}

/** How kube-proxies in iptables mode differ, the old ones among them. The mode is the reference itself. */
export const iptablesKnowledge: ModeKnowledge = {
  known: [markedForDropping, noHealthRule, openLoopback, ownToLocal, roundedShares, shared.exception],
  readings: [oldMark, rounded],
  exceptionOf: () => shared.exception.code,
};
