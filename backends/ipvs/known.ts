import type { Share, Verdict } from '../../compiler/semantics/packet.ts';
import { isLoopback } from '../../compiler/semantics/place.ts';
import {
  type Change,
  type KnownDifference,
  type ModeKnowledge,
  type Reading,
  shared,
} from '../equivalence/known-difference.ts';

const localElsewhere: KnownDifference = {
  code: 'ipvs-local-elsewhere',
  text: "kube-proxy's IPVS mode sends clients of a Local Service to endpoints on other nodes where this node has none, or refuses them; slicewright drops them, as iptables mode does",
};
const ownAddress: KnownDifference = {
  code: 'ipvs-own-address-kept',
  text: "what the node sends to a Local Service keeps the address of the frontend in kube-proxy's IPVS mode, so that no endpoint on another node can answer; slicewright masquerades it",
};
const portNumber: KnownDifference = {
  code: 'ipvs-masquerade-by-port-number',
  text: "kube-proxy's IPVS mode masquerades what has the port number of some node port at every address of the node, those of Services among them",
};
const anyProtocol: KnownDifference = {
  code: 'ipvs-health-check-port',
  text: "kube-proxy's IPVS mode opens a health check port for every protocol; slicewright for TCP, also where no node port answers",
};
const bindsOthers: KnownDifference = {
  code: 'ipvs-takes-address-of-others',
  text: "kube-proxy's IPVS mode binds an external address that is another node's or a pod's, and serves an endpoint at an address of a Service by processes of the host; slicewright does neither",
};
const restricted: KnownDifference = {
  code: 'ipvs-source-ranges',
  text: "source ranges: kube-proxy's IPVS mode judges what the node itself sends by the address of the frontend, and drops where a Service without endpoints would refuse",
};
const lettersOf: KnownDifference = {
  code: 'ipvs-1.30',
  text: "kube-proxy's IPVS mode writes other rules here than slicewright; the README of backends/ipvs lists where",
};
const localForAll: KnownDifference = {
  code: 'local-for-own-traffic',
  text: 'what the node and its pods send to an external address of a Local Service stays on this node in IPVS mode, where a virtual server has one list for all clients; in the other modes it reaches every endpoint',
};
const ownMasqueraded: KnownDifference = {
  code: 'own-traffic-masqueraded',
  text: 'what the node itself sends is always masqueraded in IPVS mode, and judged by the first address of the node',
};
const noFrontend: KnownDifference = {
  code: 'refused-where-served',
  text: 'IPVS mode refuses or drops only where it has a virtual server; the other modes do so at every address of the node',
};
const claimed: KnownDifference = {
  code: 'claimed-source',
  text: 'a packet from elsewhere whose source is the address of a Service is dropped by a node in IPVS mode, since the address is its own there',
};
const healthChecks: KnownDifference = {
  code: 'health-check-at-services',
  text: 'a health check port is let in at the addresses of Services too in IPVS mode',
};

/** kube-proxy's rules with these objects. The difference that one packet shows is recognised by what happens to the packet. */
const byTheLetter: Reading = {
  target: ({ services, node }) =>
    node.compat ? undefined : { services: [...services], node: { ...node, compat: true } },
  code: codeOf,
};

function codeOf({ packet, wanted, found, target }: Change): string {
  const isOwn = packet.from.kind === 'node';
  if (wanted.kind === 'forward' && found.kind === 'forward' && sameEndpoints(wanted.to, found.to)) {
    const others = wanted.to.filter((share, i) => share.masquerade !== found.to[i]?.masquerade);
    if (isOwn) return ownAddress.code;
    return others.every(({ address }) => address === packet.source) ? shared.hairpinElsewhere.code : portNumber.code;
  }
  const here = target.services.filter(({ frontends }) => frontends.some(({ port }) => port === packet.destinationPort));
  const isRestricted = here.some(({ frontends }) =>
    frontends.some((frontend) => frontend.kind === 'loadBalancerIP' && frontend.sourceRanges.length > 0),
  );
  if (found.kind === 'accept' || wanted.kind === 'accept') return anyProtocol.code;
  if (target.node.contested.elsewhere.length > 0 || target.node.contested.ours.length > 0) return bindsOthers.code;
  if (here.some(({ external, internal }) => external.kind === 'drop' || internal.kind === 'drop')) {
    return localElsewhere.code;
  }
  return isRestricted ? restricted.code : lettersOf.code;
}

function sameEndpoints(a: readonly Share[], b: readonly Share[]): boolean {
  const text = (to: readonly Share[]) => to.map(({ address, port }) => `${address} ${port}`).join();
  return text(a) === text(b);
}

const isRefused = ({ kind }: Verdict) => kind === 'reject' || kind === 'drop';

function exceptionOf({ packet, wanted, found, target: { services } }: Change): string {
  const isOwn = packet.from.kind === 'node';
  if (isLoopback(packet.destination)) return shared.loopbackNodePorts.code;
  if (found.kind === 'accept' || wanted.kind === 'accept') return healthChecks.code;
  if (!isOwn && found.kind === 'drop' && isServiceAddress(packet.source, services)) return claimed.code;
  if (found.kind === 'reject' && wanted.kind === 'untouched') return shared.unusedPorts.code;
  if (isRefused(wanted) && found.kind === 'untouched') return noFrontend.code;
  if (isOwn && wanted.kind === 'forward' && found.kind === 'forward' && sameEndpoints(wanted.to, found.to)) {
    return ownMasqueraded.code;
  }
  const isLocal = services.some(
    ({ keepClientAddress, frontends }) =>
      keepClientAddress && frontends.some(({ kind, port }) => kind !== 'clusterIP' && port === packet.destinationPort),
  );
  if (isLocal) return localForAll.code;
  return isOwn ? ownMasqueraded.code : shared.exception.code;
}

function isServiceAddress(address: string, services: Change['target']['services']): boolean {
  return services.some(({ frontends }) =>
    frontends.some((frontend) => frontend.kind !== 'nodePort' && frontend.address === address),
  );
}

/** How kube-proxy's IPVS mode differs from slicewright's, and both from the reference (`program/exceptions.ts`). */
export const ipvsKnowledge: ModeKnowledge = {
  known: [
    localElsewhere,
    ownAddress,
    portNumber,
    anyProtocol,
    bindsOthers,
    restricted,
    lettersOf,
    shared.hairpinElsewhere,
    localForAll,
    ownMasqueraded,
    noFrontend,
    claimed,
    healthChecks,
    shared.loopbackNodePorts,
    shared.unusedPorts,
    shared.exception,
  ],
  readings: [byTheLetter],
  exceptionOf,
};
