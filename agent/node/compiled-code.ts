import { setFlagsFromString } from 'node:v8';

/**
 * Leaves out TurboFan, the last and most expensive of V8's compilers. An agent works in short bursts: what TurboFan
 * makes of the code that ran often during the start is thrown away soon after, when changes take other ways through the
 * same functions, and is made again. That cost more CPU than all the changes themselves, and tens of MiB. Maglev, the
 * compiler before it, takes less time for code that is fast enough here.
 *
 * V8 reads this flag at each decision, so it has an effect however Node was started. Where Node has no Maglev (before
 * Node 24, and on some processors), TurboFan stays: without either, code that runs often would be many times slower.
 */
export function keepCodeCheap(): void {
  if (hasMaglev()) setFlagsFromString('--no-turbofan');
}

/** Whether Node was built with Maglev in use. */
export function hasMaglev(): boolean {
  const variables: Readonly<Record<string, unknown>> = { ...process.config.variables };
  return Number(variables.v8_enable_maglev) === 1;
}
