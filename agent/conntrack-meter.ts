import type { Run } from '../backends/command.ts';
import type { Family } from '../compiler/values/address.ts';
import type { Report } from './report.ts';
import type { Metrics } from './serving/metrics.ts';

/**
 * Counts what forgetting connections costs and finds, as kube-proxy counts its conntrack reconciler:
 * all commands of one sync are one round of it.
 *
 * run      of one family's plane; it goes through unchanged
 * returns  the same, metered, and the listener that closes a round with each sync
 */
export function meterConntrack(
  run: Run,
  family: Family,
  metrics: Pick<Metrics, 'conntrackDuration' | 'conntrackDeleted'>,
  nowMs: () => number,
): { readonly run: Run; readonly listen: Report } {
  let spentMs: number | undefined;
  const labels = { ip_family: family };
  return {
    run: async (file, args, stdin) => {
      if (file !== 'conntrack') return run(file, args, stdin);
      const startMs = nowMs();
      const result = await run(file, args, stdin);
      spentMs = (spentMs ?? 0) + nowMs() - startMs;
      // `conntrack v1.4.7 (conntrack-tools): 3 flow entries have been deleted.`
      const deleted = args[0] === '-D' ? /(\d+) flow entries have been deleted/.exec(result.stderr)?.[1] : undefined;
      if (deleted !== undefined) metrics.conntrackDeleted.inc(labels, Number(deleted));
      return result;
    },
    listen(event) {
      const isEnd = event.kind === 'synced' || event.kind === 'sync-failed';
      if (!isEnd || event.family !== family || spentMs === undefined) return;
      metrics.conntrackDuration.observe(labels, spentMs / 1000);
      spentMs = undefined;
    },
  };
}
