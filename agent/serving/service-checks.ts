import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Report } from '../telling/agent-event.ts';
import { createChosenPorts } from './chosen-ports.ts';
import type { HealthBinding } from './health-bindings.ts';
import { createServiceHealthServers, serviceHealths } from './service-health.ts';

/** Keeps the health check node ports of Services in force open, and answers on them. */
export interface ServiceChecks {
  readonly listen: Report;
  close(): Promise<void>;
}

/** bindings   where to listen, called at each sync; `closed`: nowhere */
export function serviceChecks(
  isHealthy: () => boolean,
  bindings: (() => readonly HealthBinding[]) | 'closed',
  report: Report,
): ServiceChecks {
  if (bindings === 'closed') return { listen: () => {}, close: () => Promise.resolve() };
  const servers = createServiceHealthServers(isHealthy, bindings);
  const wantedIn = () => createChosenPorts(({ healthCheckNodePort }) => healthCheckNodePort !== undefined);
  const wanting = { IPv4: wantedIn(), IPv6: wantedIn() };
  const inForce = new Map<Family, readonly ServicePortIR[]>();
  const wanted = new Map<Family, readonly ServicePortIR[]>();
  let told = new Set<string>();
  let work: Promise<void> = Promise.resolve();

  async function open(): Promise<void> {
    const failures = await servers.sync(serviceHealths([...wanted.values()].flat()));
    const now = new Set<string>();
    for (const failure of failures) {
      const text = JSON.stringify(failure);
      if (!told.has(text)) report({ kind: 'health-check-failed', ...failure });
      now.add(text);
    }
    told = now;
  }

  return {
    listen(event) {
      if (event.kind !== 'synced') return;
      // A port that could not be opened is tried again even if nothing changed.
      if (inForce.get(event.family) === event.services && told.size === 0) return;
      inForce.set(event.family, event.services);
      wanted.set(event.family, wanting[event.family].of(event.services, event.since));
      // One at a time; each run uses the Services that are in force when its turn comes.
      work = work.then(open);
    },
    async close() {
      await work;
      await servers.close();
    },
  };
}
