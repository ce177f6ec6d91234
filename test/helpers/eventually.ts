import { vi } from 'vitest';

/**
 * Waits until `check` stops throwing. The limit only prevents waiting forever: the speed of a machine decides no test,
 * and one second, which is vitest's own limit, is short on a busy machine.
 */
export function eventually<T>(check: () => T | Promise<T>, timeoutMs = 240_000): Promise<T> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 10 });
}
