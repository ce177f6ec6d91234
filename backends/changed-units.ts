import type { ServicePortIR } from '../compiler/ir/ir.ts';
import type { Diagnostic } from '../compiler/values/diagnostic.ts';
import type { ServicePortId } from '../compiler/values/names.ts';
import type { Lowered } from './maker.ts';
import type { Target } from './target.ts';

/** The diagnostics from lowering Service ports; most have none. */
export type Complaints = ReadonlyMap<ServicePortId, readonly Diagnostic[]>;

/** What a change of the list of Service ports comes to, lowered. */
export interface ChangedUnits<Unit> {
  readonly units: ReadonlyMap<ServicePortId, Unit | 'gone'>;
  /** The Service ports that are new or changed. */
  readonly services: readonly ServicePortIR[];
  /** The complaints after the change. */
  readonly complaints: Complaints;
}

/** What is in force, as far as it is remembered by Service port. */
export interface KnownUnits<Unit> {
  /** The very list that it was made of. */
  readonly services: readonly ServicePortIR[];
  readonly units: ReadonlyMap<ServicePortId, Unit>;
  readonly complaints: Complaints;
}

/** What changed, by the list's history; where that does not begin at what is known, all are looked at. */
export function serviceChanges<Unit>(
  known: KnownUnits<Unit>,
  { services, since }: Target,
): ReadonlyMap<ServicePortId, ServicePortIR | 'gone'> {
  if (since?.services === known.services) return since.changes;
  const changes = new Map<ServicePortId, ServicePortIR | 'gone'>(services.map((ir) => [ir.id, ir]));
  for (const id of known.units.keys()) if (!changes.has(id)) changes.set(id, 'gone');
  return changes;
}

export function lowerChanges<Unit>(
  { complaints: before }: KnownUnits<Unit>,
  changes: ReadonlyMap<ServicePortId, ServicePortIR | 'gone'>,
  lower: (ir: ServicePortIR) => Lowered<Unit>,
): ChangedUnits<Unit> {
  const units = new Map<ServicePortId, Unit | 'gone'>();
  const services: ServicePortIR[] = [];
  const complaints = new Map(before);
  for (const [id, port] of changes) {
    complaints.delete(id);
    if (port === 'gone') {
      units.set(id, port);
      continue;
    }
    const { unit, diagnostics } = lower(port);
    units.set(id, unit);
    services.push(port);
    if (diagnostics.length > 0) complaints.set(id, diagnostics);
  }
  return { units, services, complaints };
}
