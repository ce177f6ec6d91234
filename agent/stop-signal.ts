/**
 * Aborted when the process is told to end: by SIGTERM, as Kubernetes does it, or by SIGINT from a
 * terminal. A second one ends it as if nobody listened.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => controller.abort());
  return controller.signal;
}
