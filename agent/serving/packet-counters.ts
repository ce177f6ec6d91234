import { Counter, type Registry } from 'prom-client';
import type { LiveBackend } from '../../backends/backend.ts';
import type { Run } from '../../backends/command.ts';
import type { Settings } from '../../compiler/settings.ts';

/**
 * Shows the kernel's packet counters, if rules count: they are read on demand, once for all metrics that are asked for at the
 * same time. A counter that cannot be read keeps its last value.
 */
export function showPacketCounters(
  registry: Registry,
  { packetCounters }: Pick<LiveBackend, 'packetCounters'>,
  run: Run,
  settings: Pick<Settings, 'packetCounters' | 'chainPrefix'>,
): void {
  if (packetCounters === undefined || !settings.packetCounters) return;
  let reading: Promise<ReadonlyMap<string, number>> | undefined;
  const read = () =>
    (reading ??= packetCounters.read(run, settings.chainPrefix).finally(() => {
      reading = undefined;
    }));
  for (const { name, help } of packetCounters.names) {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [registry],
      async collect() {
        const value = (await read()).get(name);
        if (value === undefined) return;
        counter.reset();
        counter.inc(value);
      },
    });
  }
}
