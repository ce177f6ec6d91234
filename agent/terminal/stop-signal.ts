/**
 * Aborted when the process is asked to end: by SIGTERM, as Kubernetes does it, or by SIGINT from a
 * terminal. A second signal ends it at once, as by default.
 *
 * The listeners stay installed: while a command runs, its runner listens too (`backends/child.ts`), and if it finds no other
 * listener it ends the process at once, in the middle of a sync.
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
