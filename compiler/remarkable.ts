import type { CompiledService } from './compile-service.ts';
import type { FactsChange } from './merge/facts.ts';
import type { EndpointRecord } from './merge/record.ts';
import type { ServiceKey } from './values/names.ts';

/** Whether diagnostics say something of a Service, or depend on its endpoints: those of another cluster do. */
export function isRemarkable({ diagnostics, endpoints, sameZoneText }: CompiledService): boolean {
  return diagnostics.length > 0 || sameZoneText.length > 0 || endpoints.some(({ cluster }) => cluster !== undefined);
}

/** The endpoints of Services, or of those the ones that are meant. */
export function endpointsOf(
  services: Iterable<CompiledService>,
  isMeant: (record: EndpointRecord) => boolean = () => true,
): EndpointRecord[] {
  const found: EndpointRecord[] = [];
  for (const { endpoints } of services) for (const record of endpoints) if (isMeant(record)) found.push(record);
  return found;
}

/** Those with endpoints of a cluster whose endpoints get something else now. */
export function* servicesUsing(
  remarkable: ReadonlyMap<ServiceKey, CompiledService>,
  changes: readonly FactsChange[],
): Generator<ServiceKey> {
  const clusters = new Set(changes.flatMap((change) => (typeof change === 'string' ? [] : [...change.clusters])));
  if (clusters.size === 0) return;
  for (const [key, { endpoints }] of remarkable) {
    if (endpoints.some(({ cluster }) => cluster !== undefined && clusters.has(cluster))) yield key;
  }
}
