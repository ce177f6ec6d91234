import { compareText } from '../../../compiler/values/names.ts';
import { parseSetName, type SetName } from '../../netfilter/rule.ts';
import type { Departures } from './departure.ts';
import {
  drainingName,
  drainingSet,
  drainSeconds,
  frontendsName,
  frontendsSet,
  ledgerEntry,
} from '../program/ledger.ts';
import type { Found, IpvsProgram } from '../program/program.ts';
import {
  addressEntry,
  frontendEntry,
  type IpSet,
  openingSets,
  type SetEntry,
  type SetId,
  setIds,
  setName,
  unmasqueradedSets,
  withEntries,
} from '../program/sets.ts';
import type { EntryEdit } from './steps.ts';

/**
 * How sets get from what was found to what must be there, in parts that a plan puts in its phases.
 *
 * Entries come before what needs them and go after it, so between the two a set holds the entries
 * of both programs. That alone makes small changes safe. A set that cannot hold them all, or gets
 * very many new ones, is filled under another name and swapped in: of 50,000 entries two cost
 * 10 ms one by one, and 2 s staged. Old entries are deleted one by one: by then no rule needs them.
 */
export interface SetPlan {
  /** Filled before anything refers to them: those that are not there, and staged ones. */
  readonly created: readonly IpSet[];
  readonly ledgerAdded: readonly EntryEdit[];
  readonly added: readonly EntryEdit[];
  /**
   * Added to sets that open a bound address, or let in further sources where a rule lets in only some. They come after the
   * rules that restrict sources, since the same change may bring another rule that keeps these sources out.
   */
  readonly opened: readonly EntryEdit[];
  readonly swapped: readonly (readonly [SetName, SetName])[];
  /** What a swap took out of use. */
  readonly replaced: readonly IpSet[];
  /**
   * Masquerading begins early and ends late where a Service changes its policy: only an endpoint on
   * this node can answer a client whose address it sees, so until those elsewhere have left, it must not.
   */
  readonly masqueradedEarly: readonly EntryEdit[];
  readonly unmasqueradedLate: readonly EntryEdit[];
  readonly drainingAdded: readonly EntryEdit[];
  readonly deleted: readonly EntryEdit[];
  readonly ledgerDeleted: readonly EntryEdit[];
  readonly destroyed: readonly IpSet[];
}

/** More new entries than this in one set are staged. */
const entryLimit = 1000;

export function planSets(observed: IpvsProgram, wanted: IpvsProgram, found: Found, leaving: Departures): SetPlan {
  const { family, prefix } = wanted;
  const isEnd = wanted.sets.size === 0 && leaving.kept.length === 0;
  const changes = setIds
    .map((id) => setName(id, family, prefix))
    .map((name) => changeOf(observed.sets.get(name), wanted.sets.get(name), keptEntries(name, observed, leaving)));
  const ledger = changeOf(
    found.ledger.get(frontendsName(family, prefix)),
    isEnd ? undefined : frontendsSet(family, ledgerEntries(wanted, leaving), prefix),
    [],
  );
  const draining = found.ledger.get(drainingName(family, prefix));
  const timed = draining ?? drainingSet(family, prefix);
  const all = [ledger, ...changes];
  const added = changes.flatMap((change) => change.added);
  const deleted = changes.toReversed().flatMap((change) => change.deleted);
  const opens = inSets(openingSets, wanted);
  const changesPolicy = changesPolicyOf(observed, wanted);
  const changesRanges = changesRangesOf(observed, wanted);
  return {
    created: [...all.flatMap(({ created }) => created), ...(draining === undefined && !isEnd ? [timed] : [])],
    ledgerAdded: ledger.added,
    added: added.filter((edit) => !opens(edit) && !changesPolicy(edit) && !changesRanges(edit)),
    opened: added.filter((edit) => opens(edit) || changesRanges(edit)),
    swapped: all.flatMap(({ swapped }) => swapped),
    replaced: all.flatMap(({ replaced }) => replaced),
    masqueradedEarly: deleted.filter(changesPolicy),
    unmasqueradedLate: added.filter(changesPolicy),
    drainingAdded: [...leaving.draining]
      .filter((entry) => !found.draining.has(entry))
      .map((entry) => ({ set: timed.name, entry, timeoutSeconds: drainSeconds })),
    deleted: [
      ...deleted.filter(changesRanges),
      ...deleted.filter((edit) => !changesPolicy(edit) && !changesRanges(edit)),
    ],
    ledgerDeleted: [
      ...ledger.deleted,
      ...[...found.draining.keys()]
        .filter((entry) => !isEnd && !leaving.draining.has(entry))
        .map((entry) => ({ set: timed.name, entry })),
    ],
    destroyed: [...all.flatMap(({ destroyed }) => destroyed), ...(draining !== undefined && isEnd ? [draining] : [])],
  };
}

function inSets(ids: readonly SetId[], { family, prefix }: IpvsProgram): (edit: EntryEdit) => boolean {
  const names = new Set(ids.map((id) => setName(id, family, prefix)));
  return ({ set }) => names.has(set);
}

/**
 * Whether an entry lets a source in at a frontend that is restricted before and after. Such a source comes in late and
 * goes out early: what kept it out by its address until now may keep it out by policy from now on, and the other way round.
 */
function changesRangesOf(observed: IpvsProgram, wanted: IpvsProgram): (edit: EntryEdit) => boolean {
  const isSource = inSets(['loadBalancerSourceCidr', 'loadBalancerSourceIp'], wanted);
  const restricted = setName('loadBalancerFw', wanted.family, wanted.prefix);
  const before = new Set<string>(observed.sets.get(restricted)?.entries);
  const staying = new Set<string>((wanted.sets.get(restricted)?.entries ?? []).filter((entry) => before.has(entry)));
  return (edit) => isSource(edit) && staying.has(frontendIn(edit.entry));
}

/** `10.0.0.1,tcp:80` of `10.0.0.1,tcp:80,198.51.100.0/24`. */
function frontendIn(entry: SetEntry): string {
  return entry.split(',').slice(0, 2).join(',');
}

/** Whether an entry decides about masquerading at a frontend that is there before and after. */
function changesPolicyOf(observed: IpvsProgram, wanted: IpvsProgram): (edit: EntryEdit) => boolean {
  const decides = inSets(unmasqueradedSets, wanted);
  const staying = new Set<string>();
  const bound = new Set(observed.addresses);
  for (const [key, server] of observed.servers) {
    if (!wanted.servers.has(key)) continue;
    staying.add(frontendEntry(server));
    // A Service's own port may have the number of a node port.
    if (!bound.has(server.address)) staying.add(`${server.protocol} ${server.port}`);
  }
  const { family, prefix } = wanted;
  const bitmaps = {
    TCP: setName('nodePortLocalTcp', family, prefix),
    UDP: setName('nodePortLocalUdp', family, prefix),
  };
  return (edit) => {
    if (!decides(edit)) return false;
    const protocol = edit.set === bitmaps.TCP ? 'TCP' : edit.set === bitmaps.UDP ? 'UDP' : undefined;
    return staying.has(protocol === undefined ? edit.entry : `${protocol} ${edit.entry}`);
  };
}

function ledgerEntries(wanted: IpvsProgram, { kept }: Departures): readonly SetEntry[] {
  return [...wanted.servers.values(), ...kept].map(ledgerEntry).sort(compareText);
}

type SetChange = Pick<SetPlan, 'created' | 'added' | 'swapped' | 'replaced' | 'deleted' | 'destroyed'>;
const noChange: SetChange = { created: [], added: [], swapped: [], replaced: [], deleted: [], destroyed: [] };

/** `kept`: entries that stay for what is leaving, if they are there. */
function changeOf(found: IpSet | undefined, wanted: IpSet | undefined, kept: readonly SetEntry[]): SetChange {
  if (found === undefined) return wanted === undefined ? noChange : { ...noChange, created: [wanted] };
  const before = new Set(found.entries);
  const after = new Set([...(wanted?.entries ?? []), ...kept.filter((entry) => before.has(entry))]);
  if (after.size === 0 && wanted === undefined) return { ...noChange, destroyed: [found] };
  const added = [...after].filter((entry) => !before.has(entry));
  const deleted = found.entries.filter((entry) => !after.has(entry)).map((entry) => ({ set: found.name, entry }));
  const during = withEntries(wanted ?? found, [...before, ...added]);
  if (sizeOf(found) >= sizeOf(during) && added.length <= entryLimit) {
    return { ...noChange, added: added.map((entry) => ({ set: found.name, entry })), deleted };
  }
  const staged = stagedName(found.name);
  return {
    ...noChange,
    created: [{ ...during, name: staged }],
    swapped: [[staged, found.name]],
    replaced: [{ ...found, name: staged }],
    deleted,
  };
}

/**
 * Connections that go on still meet the filter, and a bound address still refuses what is not for it. What an endpoint needs
 * stays as long as its real server, so a departure begins with one entry and one weight, and ends with the rest at once.
 */
function keptEntries(name: SetName, observed: IpvsProgram, { kept, reals }: Departures): readonly SetEntry[] {
  const is = (id: SetId) => name === setName(id, observed.family, observed.prefix);
  if (is('loopBack') || is('masquerade')) {
    const staying = reals.filter(({ how }) => how !== 'delete');
    if (staying.length === 0) return [];
    const endpoints = new Set<string>(
      staying.map(({ server: { protocol }, real }) =>
        frontendEntry({ address: real.address, port: real.port, protocol }),
      ),
    );
    return (observed.sets.get(name)?.entries ?? []).filter((entry) => endpoints.has(frontendIn(entry)));
  }
  if (kept.length === 0) return [];
  if (is('ipvsIps')) return kept.map(({ address }) => addressEntry(address));
  const frontends = new Set<string>(kept.map(frontendEntry));
  return (observed.sets.get(name)?.entries ?? []).filter((entry) => frontends.has(frontendIn(entry)));
}

/**
 * The name under which a set is filled before it is swapped in. Slicewright's set names are upper case, so no lower-case
 * name is taken, and a staged set that a crash left behind is recognised.
 */
export function stagedName(name: SetName): SetName {
  const staged = parseSetName(name.toLowerCase());
  if (staged === undefined) throw new Error(`${name} is not a set name`);
  return staged;
}

/** A bitmap holds every port. */
function sizeOf(set: IpSet): number {
  return Number(/ maxelem (\d+)/.exec(set.definition)?.[1] ?? Number.POSITIVE_INFINITY);
}

/**
 * Whether a set with a name of slicewright's is not what slicewright makes under it, its size apart. A type belongs to its
 * name and never changes, and the kernel swaps no sets of different types.
 */
export function isOtherType(found: IpSet, wanted: IpSet): boolean {
  const typeOf = ({ definition }: IpSet) => definition.replace(/ maxelem \d+/, '');
  return typeOf(found) !== typeOf(wanted);
}
