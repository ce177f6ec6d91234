import type { Packet, Verdict } from '../../compiler/semantics/packet.ts';
import { isLoopback, isNodeAddress } from '../../compiler/semantics/place.ts';
import {
  type Change,
  type KnownDifference,
  type ModeKnowledge,
  type Reading,
  shared,
  unmasked,
} from '../equivalence/known-difference.ts';
import type { Target } from '../target.ts';

const healthCheck: KnownDifference = {
  code: 'health-check-port',
  text: "slicewright lets health check node ports in by a rule; kube-proxy's nftables mode has none, and leaves them to the firewall of the host",
};
const primaryNodePorts: KnownDifference = {
  code: 'node-ports-at-primary',
  text: "kube-proxy's nftables mode answers on node ports at the primary address of the node unless nodePortAddresses says otherwise; slicewright, as the other modes, at all addresses of the node",
};
const serviceNetwork: KnownDifference = {
  code: 'unused-cluster-ips',
  text: "kube-proxy's nftables mode drops what is sent to addresses of the Service network that no Service has; slicewright does not know that network",
};
const refusedForAll: KnownDifference = {
  code: 'refused-for-all',
  text: 'a place without endpoints refuses everybody alike in nftables mode, also the node itself and what was translated to it; the other modes let some of these by',
};

const hairpin: Reading = {
  verdict: (verdict, { source }, target) =>
    unmasked(verdict, (address) => address === source && !isLocalEndpoint(address, target)),
  code: () => shared.hairpinElsewhere.code,
};

function isLocalEndpoint(address: string, { services }: Target): boolean {
  return services.some(({ known }) => known.some((endpoint) => endpoint.address === address && endpoint.local));
}

const healthPorts: Reading = {
  verdict: (verdict) => (verdict.kind === 'accept' ? { kind: 'untouched' } : verdict),
  code: () => healthCheck.code,
};

const primary: Reading = {
  target: ({ services, node }) =>
    node.nodePorts.kind === 'some'
      ? undefined
      : {
          services: [...services],
          node: { ...node, nodePorts: { kind: 'some', addresses: [node.nodeIP], loopback: false } },
        },
  code: () => primaryNodePorts.code,
};

const unallocated: Reading = {
  verdict: (verdict, packet, target, { steps }) => {
    const last = steps.at(-1);
    const isSo = last?.where === 'chain cluster-ips-check' && / drop( |$)/.test(last.rule);
    return verdict.kind === 'untouched' && isSo && isNobodys(packet, target) ? { kind: 'drop' } : verdict;
  },
  code: () => serviceNetwork.code,
};

function isNobodys({ destination }: Packet, { services, node }: Target): boolean {
  if (isNodeAddress(destination, node)) return false;
  return !services.some(({ frontends }) =>
    frontends.some((frontend) => frontend.kind !== 'nodePort' && frontend.address === destination),
  );
}

function isRefused({ kind }: Verdict): boolean {
  return kind === 'reject' || kind === 'drop' || kind === 'mixed';
}

function exceptionOf({ packet, wanted, found, target }: Change): string {
  if (isLoopback(packet.destination)) return shared.loopbackNodePorts.code;
  const { protocol, destination, destinationPort } = packet;
  const isTaken = target.services.some(
    (ir) =>
      ir.protocol === protocol &&
      ir.frontends.some(
        (one) => one.kind !== 'nodePort' && one.address === destination && one.port === destinationPort,
      ),
  );
  if (!isTaken && wanted.kind === 'untouched' && found.kind === 'reject') return shared.unusedPorts.code;
  return isRefused(found) || isRefused(wanted) ? refusedForAll.code : shared.exception.code;
}

/** How kube-proxy's nftables mode differs from slicewright's, and both from the reference (`expectation.ts`). */
export const nftablesKnowledge: ModeKnowledge = {
  known: [
    healthCheck,
    primaryNodePorts,
    serviceNetwork,
    shared.hairpinElsewhere,
    shared.loopbackNodePorts,
    shared.unusedPorts,
    refusedForAll,
    shared.exception,
  ],
  readings: [hairpin, unallocated, healthPorts, primary],
  exceptionOf,
};
