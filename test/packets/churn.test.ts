import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Network } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { churnDials, startChurn } from './churn.ts';
import { openLiveRules } from './live.ts';
import { type Period, startObservers } from './observers.ts';
import { programOf } from './program.ts';
import { bootWorld } from './world.ts';

const { lacks } = await probeSupport();
const updates = 200;
const seed = 7;

for (const mode of ['nft', 'legacy'] as const) {
  describeIn(
    'network namespace',
    lacks.namespaces ?? lacks[mode],
    `a cluster that changes all the time, ${mode}`,
    () => {
      let network: Network;
      beforeEach(async () => {
        network = await bootWorld();
      });
      afterEach(() => network?.close());

      test(`no connection fails in ${updates} updates that had an endpoint before and after, seed ${seed}`, async () => {
        const rules = await openLiveRules(network, mode, 'IPv4');
        const churn = startChurn(seed);
        const periods: Period[] = [];
        async function update(): Promise<void> {
          const program = programOf(churn.objects());
          const beganMs = Date.now();
          await rules.apply(program);
          periods.push({ program, beganMs, settledMs: Date.now() });
        }

        await update();
        const observers = await startObservers(network, churnDials);
        for (let i = 0; i < updates; i++) {
          churn.next();
          await update();
        }
        const { connections, failures, unexplained } = await observers.stop(periods);

        console.log(
          `${mode}: ${updates} updates, ${connections} connections, ${failures} failures where there was no endpoint, ` +
            `${unexplained.length} where there was one`,
        );
        expect(unexplained).toEqual([]);
        // Services that were empty or gone show that the observers do see failures.
        expect(failures).toBeGreaterThan(0);
        expect(connections).toBeGreaterThan(5 * updates);
      });
    },
  );
}
