import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import { type Cidr, cidrContains, type IpAddress } from '../../../compiler/values/address.ts';
import type { Diagnostic } from '../../../compiler/values/diagnostic.ts';
import type { ServicePortId } from '../../../compiler/values/names.ts';
import { unreachable } from '../../../compiler/values/unreachable.ts';
import { parameterWords } from '../program/print.ts';
import type { Found, IpvsProgram } from '../program/program.ts';
import type { VirtualServer } from '../program/servers.ts';
import { isOtherType } from './set-plan.ts';
import type { IpSet } from '../program/sets.ts';

/** Something that is in the way of a program and not slicewright's to take out of it. */
export type Conflict =
  /** The frontend is left out, the others stay. */
  | { readonly kind: 'foreign-server'; readonly server: VirtualServer; readonly service: ServicePortId | undefined }
  /** Nothing can be applied: a set belongs to every Service. */
  | { readonly kind: 'other-set'; readonly found: IpSet; readonly wanted: IpSet };

export function findConflicts(observed: IpvsProgram, desired: IpvsProgram): readonly Conflict[] {
  const foreign = [...(observed.found?.foreign ?? [])]
    .filter(([key]) => desired.servers.has(key))
    .map(([key, server]): Conflict => ({ kind: 'foreign-server', server, service: desired.owners.get(key) }));
  const sets = [...desired.sets.values()].flatMap((wanted): Conflict[] => {
    const found = observed.sets.get(wanted.name);
    return found !== undefined && isOtherType(found, wanted) ? [{ kind: 'other-set', found, wanted }] : [];
  });
  return [...sets, ...foreign];
}

/** What is in the way, what slicewright does about it, and what an operator can do. */
export function conflictText(conflict: Conflict): string {
  switch (conflict.kind) {
    case 'foreign-server':
      return (
        `another program made the virtual server "${parameterWords(conflict.server)}" at an address of ${conflict.service ?? 'a Service'}; ` +
        'slicewright leaves it in place and does not serve the Service there; delete it with ipvsadm -D, or take over'
      );
    case 'other-set':
      return (
        `set ${conflict.wanted.name} is a "${conflict.found.definition}" but slicewright needs a "${conflict.wanted.definition}"; ` +
        `nothing is changed; if no program needs it, remove it with ipset destroy ${conflict.wanted.name}`
      );
    default:
      return unreachable(conflict);
  }
}

/** Conflicts as diagnostics of the Services that they concern; one that concerns all is the kernel's. */
export function reportConflicts(
  observed: IpvsProgram,
  desired: IpvsProgram,
  services: readonly ServicePortIR[],
): readonly Diagnostic[] {
  const origins = new Map(services.map(({ id, origin }) => [id, origin[0]]));
  return findConflicts(observed, desired).map((conflict) => {
    const service = conflict.kind === 'foreign-server' ? conflict.service : undefined;
    const origin = service === undefined ? undefined : origins.get(service);
    return {
      severity: 'error',
      code: `ipvs-${conflict.kind}`,
      object: origin ?? { kind: 'kernel', name: desired.family },
      message: conflictText(conflict),
    };
  });
}

/**
 * A reading with another program's virtual servers counted as slicewright's, as when it takes over from
 * kube-proxy. Only those at addresses of slicewright's link, and at places of desired servers.
 *
 * excluded   ranges in which other programs keep theirs (`ipvs.excludeCIDRs`), except at places of desired servers
 */
export function adoptForeign(observed: IpvsProgram, desired: IpvsProgram, excluded: readonly Cidr[]): IpvsProgram {
  const { found } = observed;
  if (found === undefined) return observed;
  const bound = new Set(observed.addresses);
  const isExcluded = (address: IpAddress) => excluded.some((cidr) => cidrContains(cidr, address));
  const adopted = [...found.foreign].filter(
    ([key, { address }]) => desired.servers.has(key) || (bound.has(address) && !isExcluded(address)),
  );
  const taken = new Set(adopted.map(([key]) => key));
  return {
    ...observed,
    servers: new Map([...observed.servers, ...adopted]),
    found: { ...found, foreign: new Map([...found.foreign].filter(([key]) => !taken.has(key))) },
  };
}

/** A virtual server that another program made at a Service's address is not overwritten: that frontend is left out. */
export function withoutForeign(desired: IpvsProgram, found: Found): IpvsProgram {
  if (found.foreign.size === 0) return desired;
  const servers = new Map([...desired.servers].filter(([key]) => !found.foreign.has(key)));
  const served = new Set([...servers.values()].map(({ address }) => address));
  const lost = new Set([...desired.servers.values()].map(({ address }) => address).filter((one) => !served.has(one)));
  return { ...desired, servers, addresses: desired.addresses.filter((address) => !lost.has(address)) };
}
