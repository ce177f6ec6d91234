import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import { compareText, servicePortText } from '../../../compiler/values/names.ts';
import { diffChains } from '../../netfilter/diff/chain-differences.ts';
import { diffRulesets } from '../../netfilter/diff/diff.ts';
import { ownChainsOf } from '../../netfilter/own-chains.ts';
import { withMark } from '../../netfilter/ownership.ts';
import { ownersIn } from '../../netfilter/owners.ts';
import { differenceOf, type PartDiff } from '../../planning/differences.ts';
import { linkName } from '../program/link-name.ts';
import type { IpvsProgram } from '../program/program.ts';
import { foundAfter } from '../program/applied.ts';
import { wantedRules } from '../plan/chain-plan.ts';
import type { ServerKey } from '../program/servers.ts';
import { ipvsTables } from '../table-writer.ts';
import { linesOf } from './frontends.ts';

/** Everything that differs, in the order in which the parts depend on each other. */
export function differences(
  observed: IpvsProgram,
  desired: IpvsProgram,
  services: readonly ServicePortIR[],
): PartDiff[] {
  const isEnd = desired.sets.size === 0;
  const found = observed.found ?? foundAfter(observed);
  const rules = wantedRules(observed, isEnd ? undefined : desired.rules, found);
  const [linkBefore, linkAfter] = [
    found.link === 'absent' ? undefined : observed.addresses,
    isEnd ? undefined : desired.addresses,
  ];
  const own = withMark(observed.found?.tables?.own ?? ownChainsOf(observed.prefix, [ipvsTables]));
  return [
    ...differenceOf('sysctl', 'settings', undefined, settingsOf(observed, desired), settingsOf(desired, desired)),
    ...byName(observed.sets, desired.sets).flatMap(([name, from, to]) =>
      differenceOf('ipset', name, undefined, from?.entries, to?.entries),
    ),
    ...byName(observed.servers, desired.servers).flatMap(([key, from, to]) =>
      differenceOf('ipvs', key, ownerOf(key, desired, services), from && linesOf(from), to && linesOf(to)),
    ),
    ...differenceOf('ip', linkName(observed.prefix), undefined, linkBefore, linkAfter),
    ...diffChains(diffRulesets(observed.rules, rules), ownersIn([rules, observed.rules], own)),
  ];
}

function ownerOf(key: ServerKey, { owners }: IpvsProgram, services: readonly ServicePortIR[]): PartDiff['servicePort'] {
  const owner = owners.get(key);
  const ir = owner === undefined ? undefined : services.find(({ id }) => id === owner);
  return ir && servicePortText(ir.service, ir.portName);
}

function settingsOf({ sysctls }: IpvsProgram, wanted: IpvsProgram): string[] {
  return [...wanted.sysctls.keys()].flatMap((name) => {
    const value = sysctls.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

function byName<Name extends string, Value>(
  from: ReadonlyMap<Name, Value>,
  to: ReadonlyMap<Name, Value>,
): (readonly [Name, Value | undefined, Value | undefined])[] {
  const names = [...new Set([...from.keys(), ...to.keys()])].sort(compareText);
  return names.map((name) => [name, from.get(name), to.get(name)]);
}
