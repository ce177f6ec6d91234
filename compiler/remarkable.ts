import type { CompiledService } from './compile-service.ts';
import type { EndpointRecord } from './merge/record.ts';

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
