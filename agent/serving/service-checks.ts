import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Log } from '../log.ts';
import type { Report } from '../report.ts';
import { createServiceHealthServers, serviceHealths } from './service-health.ts';

/** Keeps the health check node ports open that Services in force want, and answers what is in force. */
export interface ServiceChecks {
  readonly listen: Report;
  close(): Promise<void>;
}

/** addresses   where to listen; undefined: on all; `closed`: nowhere */
export function serviceChecks(
  isHealthy: () => boolean,
  addresses: readonly string[] | undefined | 'closed',
  log: Log,
): ServiceChecks {
  if (addresses === 'closed') return { listen: () => {}, close: () => Promise.resolve() };
  const servers = createServiceHealthServers(isHealthy, addresses);
  const inForce = new Map<Family, readonly ServicePortIR[]>();
  let told = new Set<string>();
  let work: Promise<void> = Promise.resolve();

  async function open(): Promise<void> {
    const failures = await servers.sync(serviceHealths([...inForce.values()].flat()));
    const now = new Set<string>();
    for (const { service, port, problem } of failures) {
      const text = `health check node port ${port} of ${service} cannot be opened: ${problem}`;
      if (!told.has(text)) log.error({ event: 'FailedToStartServiceHealthcheck', service, port }, text);
      now.add(text);
    }
    told = now;
  }

  return {
    listen(event) {
      if (event.kind !== 'synced' || inForce.get(event.family) === event.services) return;
      inForce.set(event.family, event.services);
      // One at a time, and each with what is in force when its turn comes.
      work = work.then(open);
    },
    async close() {
      await work;
      await servers.close();
    },
  };
}
