import { expect, it } from 'vitest';
import { createServiceTable } from '../../agent/loop/service-table.ts';
import { BackendError } from '../../backends/errors.ts';
import type { Depth, FamilyPlane } from '../../backends/plane/plane.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { kubePrefix } from '../../compiler/settings.ts';
import type { ServicePortId } from '../../compiler/values/names.ts';
import { randomNumbers } from '../helpers/numbers.ts';
import { modeOf, planeOf } from '../helpers/scope.ts';
import { probeSupport } from '../netns/probe.ts';
import { churnDials, startChurn } from '../packets/churn.ts';
import { type Period, startObservers } from '../packets/observers.ts';
import { type Program, programOf } from '../packets/program.ts';
import { bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { commandFaults, faultyRun } from './faults.ts';

/** What fits into every run of the tests; `CHURN_UPDATES=500 make test FILES=test/nft/churn` for more. */
const updates = Number(process.env['CHURN_UPDATES'] ?? 120);
const seed = 13;
const { lacks } = await probeSupport();

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'a cluster that changes all the time, nftables', () => {
  it(
    `loses no connection that had an endpoint before and after, in ${updates} updates with faults, seed ${seed}`,
    async () => {
      await using network = await bootWorld();
      const node = network.run('member2-node');
      const faulty = faultyRun(node);
      const random = randomNumbers(seed);
      const churn = startChurn(seed);
      const table = createServiceTable();
      const nothing = programOf([]);
      const periods: Period[] = [];
      const counts = { restarts: 0, flushes: 0, refusedDeltas: 0, failures: 0 };
      let plane: FamilyPlane | undefined;
      let known = new Map<ServicePortId, ServicePortIR>();
      let since: ReturnType<typeof table.of>['since'] | undefined;

      function take({ compilation: { services } }: Program): void {
        const next = new Map(services.IPv4.map((ir) => [ir.id, ir]));
        const changes = new Map<ServicePortId, ServicePortIR | 'gone'>(next);
        for (const [id, { hash }] of known) {
          if (!next.has(id)) changes.set(id, 'gone');
          else if (next.get(id)?.hash === hash) changes.delete(id);
        }
        known = next;
        const before = table.of('IPv4').services;
        table.apply(changes);
        // What did not change the list says nothing of how it came about.
        since =
          table.of('IPv4').services === before ? { services: before, changes: new Map() } : table.of('IPv4').since;
      }

      /** As the agent's loop does: what fails is tried again from a reading. */
      async function bringIntoForce(program: Program): Promise<void> {
        const wanted = { services: table.of('IPv4').services, node: program.compilation.node.IPv4 };
        for (let tries = 0, depth: Depth = plane === undefined ? 'full' : 'delta'; ; tries++, depth = 'full') {
          plane ??= planeOf('nftables', { run: faulty.run });
          try {
            const done = await plane.sync({ ...wanted, ...(depth === 'delta' && { since }) }, depth);
            expect(done.quarantined).toEqual([]);
            if (done.deltaRefused) counts.refusedDeltas++;
            return;
          } catch (error) {
            if (!(error instanceof BackendError) || tries > 5) throw error;
            counts.failures++;
          }
        }
      }

      async function update(program: Program): Promise<void> {
        const beganMs = Date.now();
        await bringIntoForce(program);
        periods.push({ program, beganMs, settledMs: Date.now() });
      }

      /** Somebody else empties all chains, or takes the table away: until that is found nobody is served. */
      async function flush(program: Program, command: string): Promise<void> {
        faulty.spare();
        const beganMs = Date.now();
        await node('nft', [command, 'table', 'ip', 'slicewright']);
        periods.push({ program: nothing, beganMs, settledMs: beganMs });
        if (command === 'delete') expect(await plane?.glance()).toContain('slicewright');
        const found = await plane?.sync(
          { services: table.of('IPv4').services, node: program.compilation.node.IPv4 },
          'full',
        );
        expect(found?.drift).not.toEqual([]);
        periods.push({ program, beganMs, settledMs: Date.now() });
        counts.flushes++;
      }

      let program = programOf(churn.objects());
      take(program);
      await update(program);
      const observers = await startObservers(network, churnDials);
      for (let i = 0; i < updates; i++) {
        churn.next();
        program = programOf(churn.objects());
        take(program);
        const dice = random();
        if (dice < 0.3) {
          const fault = commandFaults[Math.floor(random() * commandFaults.length)] ?? 'nft fails';
          faulty.next(fault, 1 + Math.floor(random() * 12));
        } else if (dice < 0.36) {
          // An agent that was killed remembers nothing.
          plane = undefined;
          counts.restarts++;
        }
        await update(program);
        if (i % 60 === 59) await flush(program, i % 120 === 59 ? 'flush' : 'delete');
      }
      const { connections, failures, unexplained } = await observers.stop(periods);

      const faults = [...faulty.happened].map(([fault, count]) => `${fault} ${count}`).join(', ');
      console.log(
        `nftables: ${updates} updates, ${connections} connections, ${failures} failures where there was no endpoint, ` +
          `${unexplained.length} where there was one; ${JSON.stringify(counts)}; ${faults}`,
      );
      const listed = await node('nft', ['list', 'table', 'ip', 'slicewright']);
      const wanted = { services: table.of('IPv4').services, node: program.compilation.node.IPv4 };
      const { observed } = modeOf('nftables').live.readDump(
        { kind: 'file', path: 'nft', text: listed.stdout },
        kubePrefix,
      );
      expect(observed[0]?.plan(wanted, { before: undefined, isToBeApplied: false }).hasSteps).toBe(false);
      expect(unexplained).toEqual([]);
      // Services that were empty or gone show that the observers do see failures.
      expect(failures).toBeGreaterThan(0);
      expect(connections).toBeGreaterThan(5 * updates);
      expect(faulty.happened.size).toBeGreaterThan(3);
    },
    600_000 + updates * 1_000,
  );
});
