import type { Change, KnownDifference, Reading } from '../../backends/equivalence/known-difference.ts';
import type { Target } from '../../backends/target.ts';
import { endpointText, type Endpoint, type ServicePortIR } from '../../compiler/ir/ir.ts';
import { canonicalJson } from '../../compiler/values/canonical-json.ts';
import { portsAt } from './owners.ts';

const otherEndpoints: KnownDifference = {
  code: 'endpoints-1.30',
  text: 'a kube-proxy up to v1.30 chooses other endpoints: zone hints count only with their annotation (until v1.31), of two slices that list one endpoint the first counts, and nodes are told apart by name alone, whatever their cluster',
};
const equalShares: KnownDifference = {
  code: 'equal-shares',
  text: "a kube-proxy gives every endpoint the same share: weights and policies are slicewright's",
};
const anyRange: KnownDifference = {
  code: 'any-source-range',
  text: 'a kube-proxy before v1.35 lets a source range of length 0 restrict clients; since then it means no restriction',
};
const otherFrontends: KnownDifference = {
  code: 'other-frontends',
  text: 'a kube-proxy serves other addresses and ports here: it does not support ServiceImports, and resolves conflicting claims differently',
};

/** Every code of {@link olderReading}. */
export const olderDifferences: readonly KnownDifference[] = [otherEndpoints, equalShares, anyRange, otherFrontends];

/**
 * The same objects as kube-proxy v1.30 takes them.
 *
 * older   compiled as v1.30 would; its node is not used, because how rules are written is up to each mode
 */
export function olderReading(target: Target, older: Target): Reading {
  const text = (services: readonly ServicePortIR[]) => services.map(({ hash }) => hash).join();
  const isSame = text(target.services) === text(older.services);
  const services = [...older.services];
  return {
    target: ({ node }) => (isSame ? undefined : { services, node }),
    code: (change) => codeOf(change, older),
  };
}

function codeOf({ packet, target }: Change, older: Target): string {
  const [ours] = portsAt(target, packet);
  const theirs = older.services.find(({ id }) => id === ours?.id);
  if (ours === undefined || theirs === undefined) return otherFrontends.code;
  if (rangesOf(ours) !== rangesOf(theirs)) return anyRange.code;
  if (canonicalJson(ours.frontends) !== canonicalJson(theirs.frontends)) return otherFrontends.code;
  return addressesOf(ours) === addressesOf(theirs) ? equalShares.code : otherEndpoints.code;
}

function rangesOf({ frontends }: ServicePortIR): string {
  return frontends.map((one) => (one.kind === 'loadBalancerIP' ? one.sourceRanges.join() : '')).join(' ');
}

function addressesOf({ pools }: ServicePortIR): string {
  const text = (pool: readonly Endpoint[]) => pool.map(endpointText).join();
  return `${text(pools.cluster)} ${text(pools.local)}`;
}
