import { vi } from 'vitest';

/**
 * Waits until `check` stops throwing. Only against waiting forever: how fast a machine is decides no test, and one
 * second, which is vitest's own patience, is little on a busy one.
 */
export function eventually<T>(check: () => T | Promise<T>, timeoutMs = 240_000): Promise<T> {
  return vi.waitFor(check, { timeout: timeoutMs, interval: 10 });
}
