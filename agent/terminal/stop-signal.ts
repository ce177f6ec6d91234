/**
 * Aborted when the process is told to end: by SIGTERM, as Kubernetes does it, or by SIGINT from a
 * terminal. A second one ends it as if nobody listened.
 *
 * The listeners stay: while a command runs, who runs it listens too (`backends/child.ts`), and where it finds itself alone it
 * ends the process at once, in the middle of a sync.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    const listen = (): void => {
      if (!controller.signal.aborted) return controller.abort();
      process.off(name, listen);
      process.kill(process.pid, name);
    };
    process.on(name, listen);
  }
  return controller.signal;
}
