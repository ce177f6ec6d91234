import { afterEach, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { type Member, lacksKubectl, lookMs, type RunningClusters, startClusters } from './clusters.ts';
import { objectsIn } from './live.ts';

/**
 * The two flows that the project began with, as users type them, on API servers with nothing in them: kubectl, one
 * controller, an agent on a node of each member, and real packets.
 */

const { lacks } = await probeSupport();
let clusters: RunningClusters;
afterEach(() => clusters.close());

/** The address that member2 gave a Service. */
function addressOf(member: Member, service: string): string {
  const found = objectsIn(clusters.at(member), 'Service').find(
    ({ metadata }) => (metadata as { readonly name: string }).name === service,
  );
  const { clusterIP } = (found?.['spec'] ?? {}) as { readonly clusterIP?: string };
  if (clusterIP === undefined) throw new Error(`${member} has no Service ${service}`);
  return clusterIP;
}

/** Who answers a client in member2: `member1`, or how it got no answer. */
async function answered(service: string, waitMs?: number): Promise<string> {
  const answer = await clusters.ask(addressOf('member2', service), 80, 'member2', waitMs);
  return answer.kind === 'answered' ? answer.by : answer.kind;
}

const eventuallyAnswers = (service: string, by: string): Promise<void> =>
  eventually(async () => expect(await answered(service, lookMs)).toBe(by));

const seed = (name: string): readonly string[] => ['-f', `test/controller/seeds/${name}.yaml`];

describeIn(
  'network namespace',
  lacks.namespaces ?? (await lacksKubectl()),
  'kubectl, controller, agents, packets',
  () => {
    it('an export and an import, and then a MultiClusterService: member1 answers a client in member2', async () => {
      clusters = await startClusters();
      const { kubectl } = clusters;
      expect(await kubectl('apply', '-k', 'deploy/crds')).toContain(
        'multiclusterservices.networking.karmada.io created',
      );
      await kubectl('apply', ...seed('a-1-definitions'), ...seed('a-2-workload'));
      await kubectl('apply', ...seed('a-3-export'), ...seed('a-4-import'));
      await eventuallyAnswers('derived-serve', 'member1');
      expect(await kubectl('get', 'serviceexport,serviceimport', '-A', '-o', 'yaml')).toContain('type: Propagated');

      await kubectl('delete', ...seed('a-4-import'), ...seed('a-3-export'));
      await eventually(() => expect(objectsIn(clusters.at('member2'), 'Service')).toEqual([]));

      for (const name of ['b-1-workload', 'b-2-multiclusterservice']) await kubectl('apply', ...seed(name));
      await eventuallyAnswers('serve', 'member1');

      // The provider's pod goes, and comes back.
      const scale = (replicas: number) =>
        kubectl('patch', 'deployment', 'serve', '-p', JSON.stringify({ spec: { replicas } }));
      await scale(0);
      await eventuallyAnswers('serve', 'refused');
      await scale(1);
      await eventuallyAnswers('serve', 'member1');

      // Its API server goes: what it had still serves.
      await clusters.at('member1').close();
      await eventually(async () => expect(await clusters.status()).toMatch(/member1 +away/));
      for (let i = 0; i < 10; i++) expect(await answered('serve')).toBe('member1');
    });
  },
);
