import type { Since } from '../../backends/target.ts';
import type { PortChanges } from '../../compiler/engine.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { compareText, type ServiceKey, type ServicePortId } from '../../compiler/values/names.ts';

export type ChangedServices = Readonly<Record<Family, ReadonlySet<ServiceKey>>>;

/** What every Service port of a family means. */
export interface ServiceList {
  /** In id order, as the compiler gives the whole. */
  readonly services: readonly ServicePortIR[];
  /** How it results from the list before the last change. */
  readonly since: Since;
}

/** The present meaning of every Service port: the sum of all changes from the compiler. */
export interface ServiceTable {
  /** Returns the Services that changed, per family. */
  apply(changes: PortChanges): ChangedServices;
  /** The same value until something of the family changes. */
  of(family: Family): ServiceList;
}

export function createServiceTable(): ServiceTable {
  const known = new Map<ServicePortId, Pick<ServicePortIR, 'family' | 'service'>>();
  const nothing: ServiceList = { services: [], since: { services: [], changes: new Map() } };
  const lists = new Map<Family, ServiceList>(families.map((family) => [family, nothing]));

  return {
    apply(changes) {
      const changed = { IPv4: new Set<ServiceKey>(), IPv6: new Set<ServiceKey>() };
      const split = { IPv4: new Map<ServicePortId, ServicePortIR | 'gone'>(), IPv6: new Map() };
      for (const [id, port] of changes) {
        const one = port === 'gone' ? known.get(id) : port;
        if (one === undefined) continue;
        if (port === 'gone') known.delete(id);
        else known.set(id, port);
        changed[one.family].add(one.service);
        split[one.family].set(id, port);
      }
      for (const family of families) {
        if (split[family].size === 0) continue;
        const { services } = lists.get(family) ?? nothing;
        const since = { services, changes: split[family] };
        lists.set(family, { services: changeList(since), since });
      }
      return changed;
    },
    of: (family) => lists.get(family) ?? nothing,
  };
}

/** If more than this share of a list changes, the whole list is sorted again. */
const fewPart = 1 / 50;

/** The list after a change. A few changes are put into a copy: apart from copying, the cost does not grow with the list. */
function changeList({ services, changes }: Since): readonly ServicePortIR[] {
  if (changes.size > services.length * fewPart) {
    const rest = services.filter(({ id }) => !changes.has(id));
    const come = [...changes.values()].filter((port) => port !== 'gone');
    return [...rest, ...come].sort((a, b) => compareText(a.id, b.id));
  }
  const list = services.slice();
  for (const [id, port] of changes) {
    const place = placeOf(list, id);
    const isThere = list[place]?.id === id;
    list.splice(place, isThere ? 1 : 0, ...(port === 'gone' ? [] : [port]));
  }
  return list;
}

/** The index of an id, or the index where it belongs. */
function placeOf(list: readonly ServicePortIR[], id: ServicePortId): number {
  let [from, to] = [0, list.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const found = list[middle];
    if (found !== undefined && compareText(found.id, id) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
