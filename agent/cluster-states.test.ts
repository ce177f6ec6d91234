import { expect, it } from 'vitest';
import { parseRegistry } from './registry.ts';
import type { ClusterName } from '../compiler/values/names.ts';
import { createClusterStates } from './cluster-states.ts';
import type { AgentEvent } from './report.ts';
import type { SourceStatus } from './sources/board.ts';

const registry = parseRegistry(
  {
    apiVersion: 'slicewright.dev/v1alpha1',
    kind: 'ClusterRegistry',
    clusters: [{ id: 'home', self: true }, { id: 'east' }, { id: 'west', state: 'Lost' }],
  },
  'registry.yaml',
);
const status = (cluster: string, problem?: string): SourceStatus => ({
  cluster: cluster as ClusterName,
  from: cluster,
  synced: true,
  failing: problem === undefined ? [] : [{ kind: 'Service', problem }],
  silentMs: 0,
});

it('a cluster that cannot be read is suspect after a while, lost after more, and back only when it has settled', () => {
  let ms = 0;
  const events: AgentEvent[] = [];
  const states = createClusterStates(
    registry,
    () => ms,
    (event) => void events.push(event),
  );
  const told: string[] = [];
  const look = (seconds: number, problem?: string): void => {
    for (const end = ms + seconds * 1000; ms < end; ms += 1000) {
      const changed = states.look([status('east', problem)]);
      if (changed !== undefined)
        told.push(`${ms / 1000}: ${changed.clusters.map(({ id, state }) => `${id} ${state}`).join()}`);
    }
  };
  look(100);
  look(80, 'connection refused');
  look(30);
  expect(told).toEqual([
    '0: east Alive,home Unknown,west Lost',
    '119: east Suspect,home Unknown,west Lost',
    '159: east Lost,home Unknown,west Lost',
    '195: east Alive,home Unknown,west Lost',
  ]);
  expect(events.map((event) => event.kind === 'lease' && event.state)).toEqual(['Alive', 'Suspect', 'Lost', 'Alive']);
});

it('a cluster that nobody registered is not judged', () => {
  const states = createClusterStates(
    registry,
    () => 0,
    () => {},
  );
  expect(states.look([status('north', 'away'), { ...status('x'), cluster: undefined }])).toBeUndefined();
});
