import type { PortChanges } from '../../compiler/engine.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { type Family, families } from '../../compiler/values/address.ts';
import { compareText, type ServiceKey, type ServicePortId } from '../../compiler/values/names.ts';

export type ChangedServices = Readonly<Record<Family, ReadonlySet<ServiceKey>>>;

/** What every Service port means now: the sum of all changes that the compiler told. */
export interface ServiceTable {
  /** Returns the Services that changed, per family. */
  apply(changes: PortChanges): ChangedServices;
  /** In id order, as the compiler gives the whole. */
  of(family: Family): readonly ServicePortIR[];
}

export function createServiceTable(): ServiceTable {
  const ports = new Map<ServicePortId, ServicePortIR>();
  const sorted = new Map<Family, readonly ServicePortIR[]>();
  return {
    apply(changes) {
      const changed = { IPv4: new Set<ServiceKey>(), IPv6: new Set<ServiceKey>() };
      for (const [id, port] of changes) {
        const known = port === 'gone' ? ports.get(id) : port;
        if (port === 'gone') ports.delete(id);
        else ports.set(id, port);
        if (known !== undefined) changed[known.family].add(known.service);
      }
      for (const family of families) if (changed[family].size > 0) sorted.delete(family);
      return changed;
    },
    of(family) {
      const known = sorted.get(family);
      if (known !== undefined) return known;
      const made = [...ports.values()].filter((port) => port.family === family).sort((a, b) => compareText(a.id, b.id));
      sorted.set(family, made);
      return made;
    },
  };
}
