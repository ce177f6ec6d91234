import { compareText } from '../../../compiler/values/names.ts';
import { differenceOf, type PartDiff } from '../../planning/differences.ts';
import type { DriftedPart } from '../../plane/plane.ts';
import { hookText } from '../program/print.ts';
import type { NftProgram, NftSet } from '../program/program.ts';

/** Sets and chains that differ, each with its elements or rules; unreadable parts of the table are listed under the table. */
export function diffParts(from: NftProgram | undefined, to: NftProgram | undefined): PartDiff[] {
  const [before, after] = [partsOf(from), partsOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])].sort(compareText).flatMap((key) => {
    const [kind = '', name = ''] = key.split(' ');
    return differenceOf(kind, name, servicePortIn(name), before.get(key), after.get(key));
  });
}

/** What another program did to the table since it was written: per set and chain what is gone and what came. */
export function findDrift(believed: NftProgram | undefined, found: NftProgram | undefined): DriftedPart[] {
  // Most sets are as they were, and to list and sort all elements takes longer than all else of a sync that finds nothing to do.
  const isChanged = ({ name }: NftSet) => !isSameSet(believed?.sets.get(name), found?.sets.get(name));
  const [before, after] = [partsOf(believed, isChanged), partsOf(found, isChanged)];
  return [...new Set([...before.keys(), ...after.keys()])].sort(compareText).flatMap((where): DriftedPart[] => {
    const [old, now] = [before.get(where), after.get(where)];
    if (old === now || (old !== undefined && now !== undefined && old.join('\n') === now.join('\n'))) return [];
    const [was, is] = [new Set(old), new Set(now)];
    const lost = [...was].filter((line) => !is.has(line));
    const added = [...is].filter((line) => !was.has(line));
    if (old === undefined) return [{ where: `${where} (not slicewright's)`, lost, added }];
    if (now === undefined) return [{ where: `${where} (deleted)`, lost, added }];
    if (lost.length + added.length > 0) return [{ where, lost, added }];
    return where.startsWith('chain ') ? [{ where: `${where} (order)`, lost: old, added: now }] : [];
  });
}

function isSameSet(a: NftSet | undefined, b: NftSet | undefined): boolean {
  if (a === undefined || b === undefined || a.elements.size !== b.elements.size) return false;
  if (a.elements === b.elements) return true;
  for (const [key, { text }] of a.elements) if (b.elements.get(key)?.text !== text) return false;
  return true;
}

function partsOf(
  program: NftProgram | undefined,
  isAsked: (set: NftSet) => boolean = () => true,
): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, readonly string[]>();
  if (program === undefined) return parts;
  if (program.strange !== undefined) parts.set(`table ${program.table}`, program.strange);
  for (const set of program.sets.values()) {
    if (!isAsked(set)) continue;
    const { name, elements } = set;
    parts.set(`set ${name}`, [...elements.values()].map(({ text }) => text).sort(compareText));
  }
  for (const { name, hook, lines } of program.chains.values()) {
    parts.set(`chain ${name}`, hook === undefined ? lines : [hookText(hook), ...lines]);
  }
  return parts;
}

/** `cluster/shop/cart/tcp/http` → `shop/cart:http`; undefined for what all share. */
export function servicePortIn(name: string): string | undefined {
  const match =
    /^(?:cluster|local|cluster-ip|external|external-node-port|firewall|endpoint|affinity)\/([^/]+)\/([^/]+)(\/clusterset)?\/(?:tcp|udp|sctp)(?:\/([^/]+))?/.exec(
      name,
    );
  if (match === null) return undefined;
  const [, namespace, service, isImport, port] = match;
  const key = `${namespace}/${service}${isImport === undefined ? '' : '@clusterset'}`;
  // The first thing after the protocol is an endpoint's address where the port has no name.
  return port === undefined || /[.]/.test(port) ? key : `${key}:${port}`;
}
