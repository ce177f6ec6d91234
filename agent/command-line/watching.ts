import { InvalidArgumentError, Option } from 'commander';

/* Of commands that look again and again. */

/** Its value is in milliseconds. */
export function intervalOption(): Option {
  return new Option('--interval <seconds>', 'time between two readings').argParser(parseInterval).default(2_000, '2');
}

function parseInterval(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.1 && seconds <= 3600) return Math.round(seconds * 1000);
  throw new InvalidArgumentError('Give seconds, from 0.1 to 3600.');
}

export async function watchPlace() {
  const [{ systemClock }, { stopSignal }] = await Promise.all([
    import('../loop/clock.ts'),
    import('../terminal/stop-signal.ts'),
  ]);
  return { clock: systemClock, told: stopSignal() };
}
