import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { lookMs, type Member, places, type RunningClusters, startClusters } from './clusters.ts';
import { objectsIn } from './live.ts';
import { nativeSlice, serviceExport, webService } from './stories.ts';

/**
 * Cases of the MCS API's conformance suite that packets can tell, by their numbers: exports of users, the controller, an
 * agent on a node of each cluster, and clients in both. Where the suite asks by DNS, the address in `spec.ips` is asked.
 * conformance.test.ts has all cases, without packets.
 */

const { lacks } = await probeSupport();
const members = Object.keys(places) as readonly Member[];
const forms = [
  ['derived Services', []],
  ['clusterset IPs', ['--clusterset-ip-range', '10.250.0.0/24']],
] as const;

interface Port {
  readonly name: string;
  readonly port: number;
}
const tcp42: Port = { name: 'tcp', port: 42 };

describe.each(forms)('with %s', (_form, controller) => {
  describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'packets over imports', () => {
    let clusters: RunningClusters;
    beforeAll(async () => {
      clusters = await startClusters({ withHub: false, controller });
      for (const member of members) clusters.at(member).installed.add('multicluster.x-k8s.io');
    });
    afterAll(() => clusters?.close());
    afterEach(async () => {
      for (const member of members) {
        for (const { metadata } of objectsIn(clusters.at(member), 'ServiceExport')) {
          clusters.at(member).remove('ServiceExport', 'default', (metadata as { name: string }).name);
        }
      }
      await eventually(() =>
        expect(members.flatMap((each) => objectsIn(clusters.at(each), 'ServiceImport'))).toEqual([]),
      );
      for (const member of members) {
        for (const kind of ['EndpointSlice', 'Service'])
          for (const { metadata } of objectsIn(clusters.at(member), kind))
            clusters.at(member).remove(kind, 'default', (metadata as { name: string }).name);
      }
    });

    /** A Service of these ports with a pod, in a member. */
    function offer(member: Member, ports: readonly Port[], spec: object = {}): void {
      const double = clusters.at(member);
      const all = ports.map((port) => ({ ...port, protocol: 'TCP', targetPort: 8080 }));
      double.apply(webService('hello', { ports: all, selector: undefined, ...spec }));
      const served = ports.map(({ name }) => ({ name, port: 8080, protocol: 'TCP' }));
      double.apply(nativeSlice('hello', member, [places[member].pod], { ports: served }));
    }
    const exportFrom = (member: Member): void => void clusters.at(member).apply(serviceExport('hello'));
    const unexport = (member: Member): void => clusters.at(member).remove('ServiceExport', 'default', 'hello');

    /** The import's address in a member; waits until it has one. */
    const addressIn = (member: Member): Promise<string> =>
      eventually(() => {
        const [found] = objectsIn(clusters.at(member), 'ServiceImport');
        const [ip] = (found?.['spec'] as { readonly ips?: readonly string[] } | undefined)?.ips ?? [];
        if (ip === undefined) throw new Error(`${member} has no address of the import`);
        return ip;
      });

    /** Who answers so many new connections: each once, or how there was no answer. */
    async function answers(
      from: Member,
      address: string,
      port: number,
      times: number,
      waitMs?: number,
    ): Promise<readonly string[]> {
      const seen = new Set<string>();
      for (let i = 0; i < times; i++) {
        const answer = await clusters.ask(address, port, from, waitMs);
        seen.add(answer.kind === 'answered' ? answer.by : answer.kind);
      }
      return [...seen].sort();
    }

    /**
     * Who answers at the import's address, asked from both clusters, once it is as it should be: what comes after that is
     * what counts.
     */
    async function reached(port: number, wanted: readonly Member[], times = 10): Promise<readonly string[]> {
      const seen = new Set<string>();
      for (const from of members) {
        const address = await addressIn(from);
        await eventually(async () => expect(await answers(from, address, port, times, lookMs)).toEqual(wanted));
        for (const by of await answers(from, address, port, times)) seen.add(by);
      }
      return [...seen].sort();
    }

    it('1, 2: nobody is reached before an export, nor after the last one went', async () => {
      offer('member1', [tcp42]);
      offer('member2', [tcp42]);
      await clusters.status();
      expect(members.flatMap((each) => objectsIn(clusters.at(each), 'ServiceImport'))).toEqual([]);
      exportFrom('member1');
      exportFrom('member2');
      expect(await reached(42, ['member1', 'member2'], 30)).toEqual(['member1', 'member2']);
      unexport('member1');
      expect(await reached(42, ['member2'])).toEqual(['member2']);
      const address = await addressIn('member2');
      unexport('member2');
      await eventually(async () => expect(await answers('member2', address, 42, 1, lookMs)).not.toEqual(['member2']));
    });

    it('3, 7, 18: an exported Service is reached at the address of its import, from every cluster', async () => {
      offer('member1', [tcp42]);
      exportFrom('member1');
      expect(await reached(42, ['member1'])).toEqual(['member1']);
    });

    it('4: the exporter’s session affinity keeps a client where it was', async () => {
      for (const member of members) {
        offer(member, [tcp42], { sessionAffinity: 'ClientIP' });
        exportFrom(member);
      }
      for (const from of members) {
        const address = await addressIn(from);
        await eventually(async () => {
          const seen = await answers(from, address, 42, 30, lookMs);
          expect(seen).toHaveLength(1);
          expect(members).toContain(seen[0]);
        });
      }
    });

    it('8, 9: every port of each exporter is reached', async () => {
      offer('member1', [tcp42, { name: 'more', port: 43 }]);
      offer('member2', [tcp42, { name: 'other', port: 44 }]);
      exportFrom('member1');
      exportFrom('member2');
      expect(await reached(43, ['member1'])).toEqual(['member1']);
      expect(await reached(44, ['member2'])).toEqual(['member2']);
      expect(await reached(42, ['member1', 'member2'], 30)).toEqual(['member1', 'member2']);
    });

    it('10, 20: of one port name with two numbers the first export’s is reached, and its cluster alone', async () => {
      offer('member1', [tcp42]);
      offer('member2', [{ name: 'tcp', port: 4242 }]);
      exportFrom('member2');
      exportFrom('member1');
      expect(await reached(42, ['member1'])).toEqual(['member1']);
    });

    it('14: where the second exporter is headless the first is reached at an address', async () => {
      offer('member1', [tcp42]);
      offer('member2', [tcp42], { clusterIP: 'None' });
      exportFrom('member1');
      exportFrom('member2');
      for (const from of members) {
        const address = await addressIn(from);
        await eventually(async () => expect(await answers(from, address, 42, 10, lookMs)).toContain('member1'));
      }
    });

    it('19, 24: a cluster that has the Service and does not export it is reached by its own address alone', async () => {
      offer('member1', [tcp42]);
      offer('member2', [tcp42]);
      exportFrom('member1');
      expect(await reached(42, ['member1'])).toEqual(['member1']);
      const own = objectsIn(clusters.at('member2'), 'Service').find(
        ({ metadata }) => (metadata as { name: string }).name === 'hello',
      );
      const { clusterIP } = (own?.['spec'] ?? {}) as { clusterIP?: string };
      expect(await answers('member2', clusterIP ?? '', 42, 10)).toEqual(['member2']);
    });

    it('21: of two port names each leads to its own cluster', async () => {
      offer('member1', [tcp42]);
      offer('member2', [{ name: 'tcp2', port: 4242 }]);
      exportFrom('member1');
      exportFrom('member2');
      expect(await reached(42, ['member1'])).toEqual(['member1']);
      expect(await reached(4242, ['member2'])).toEqual(['member2']);
    });
  });
});
