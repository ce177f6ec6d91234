import type { Run } from '../../backends/command.ts';
import { meterForgetting } from '../../backends/forgetting.ts';
import type { Family } from '../../compiler/values/address.ts';
import type { Report } from '../telling/agent-event.ts';
import type { Metrics } from './metrics.ts';

/**
 * Counts the time for removing conntrack entries and how many were removed, as kube-proxy does for its conntrack
 * reconciler: all commands of one sync are one round.
 *
 * run      runs commands of one family's plane, unchanged
 * returns  a `run` that is metered, and the listener that closes a round with each sync
 */
export function meterConntrack(
  run: Run,
  family: Family,
  metrics: Pick<Metrics, 'conntrackDuration' | 'conntrackDeleted'>,
  nowMs: () => number,
): { readonly run: Run; readonly listen: Report } {
  const metered = meterForgetting(run, nowMs);
  const labels = { ip_family: family };
  return {
    run: metered.run,
    listen(event) {
      if ((event.kind !== 'synced' && event.kind !== 'sync-failed') || event.family !== family) return;
      const round = metered.takeRound();
      if (round === undefined) return;
      metrics.conntrackDuration.observe(labels, round.spentMs / 1000);
      if (round.deleted !== undefined) metrics.conntrackDeleted.inc(labels, round.deleted);
    },
  };
}
