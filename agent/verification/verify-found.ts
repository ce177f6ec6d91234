import type { Backend, Observed, Plan } from '../../backends/backend.ts';
import {
  compareLooks,
  type CompareOptions,
  type Comparison,
  type Difference,
} from '../../backends/equivalence/compare.ts';
import type { Place } from '../../backends/equivalence/places.ts';
import type { Target } from '../../backends/target.ts';
import { servicePortText } from '../../compiler/values/names.ts';
import type { Family } from '../../compiler/values/address.ts';

/** The result of one family's verification. */
export interface Verification extends Comparison {
  readonly family: Family;
  /** `the kernel (nft)`, a file's name. */
  readonly source: string;
  readonly result: 'equal' | 'equal but text differs' | 'different';
  readonly differences: readonly NamedDifference[];
  /** Only chosen Services were checked. */
  readonly isFiltered: boolean;
  /** Other programs' rules that may decide before slicewright's rules do. */
  readonly mayIntercept: readonly string[];
}

/** A place where some clients are treated differently, and its owner. */
export interface NamedDifference extends Difference {
  /** `shop/cart:http`; undefined: the place is no Service's. */
  readonly servicePort: string | undefined;
}

export interface VerifyChoices extends Pick<CompareOptions, 'progress'> {
  /** Which Service ports to check; absent: all, and every place without a Service. */
  readonly isAsked?: ((servicePort: string) => boolean) | undefined;
}

/** Compares the rules found with what the objects say, by what happens to every kind of packet. */
export async function verifyFound(
  backend: Backend,
  observed: Observed,
  target: Target,
  { isAsked, progress }: VerifyChoices = {},
): Promise<Verification> {
  const { family, source } = observed;
  const witness = await backend.witness();
  const nameOf = servicePortsOf(target);
  const isTold = (place: Place) => isAsked === undefined || isAsked(nameOf(place) ?? '');
  const options = progress === undefined ? { isTold } : { isTold, progress };
  const comparison = compareLooks(witness.look(target), observed.look(target.node), target.node, options);
  const plan = observed.plan(target, { before: undefined, isToBeApplied: false });
  const isDifferent = comparison.differences.length > 0 || comparison.unfollowed.length > 0;
  return {
    ...comparison,
    family,
    source,
    result: isDifferent ? 'different' : hasOtherText(plan, isAsked) ? 'equal but text differs' : 'equal',
    isFiltered: isAsked !== undefined,
    differences: comparison.differences.map((one) => ({ ...one, servicePort: nameOf(one.place) })),
    mayIntercept: observed.inFront(),
  };
}

function hasOtherText(plan: Plan, isAsked: VerifyChoices['isAsked']): boolean {
  if (isAsked === undefined || !plan.hasSteps) return plan.hasSteps;
  const { frontends, parts } = plan.changes();
  return [...frontends, ...parts].some(({ servicePort }) => servicePort !== undefined && isAsked(servicePort));
}

/** A place's owner, `shop/cart:http`; undefined: the place is no Service's. */
export function servicePortsOf({ services, node }: Target): (place: Place) => string | undefined {
  const byPlace = new Map<string, string>();
  for (const { service, portName, protocol, frontends } of services) {
    for (const frontend of frontends) {
      const at = frontend.kind === 'nodePort' ? 'node' : frontend.address;
      byPlace.set(`${at} ${protocol} ${frontend.port}`, servicePortText(service, portName));
    }
  }
  const own = new Set([node.nodeIP, ...node.addresses]);
  return ({ address, protocol, port }) =>
    byPlace.get(`${address} ${protocol} ${port}`) ??
    (own.has(address) || address.startsWith('127.') || address === '::1'
      ? byPlace.get(`node ${protocol} ${port}`)
      : undefined);
}
