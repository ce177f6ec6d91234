import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Lease, parseLease } from '../../compiler/model/lease.ts';
import { parseRegistry } from '../input/registry.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { createClusterStates } from './states.ts';
import type { AgentEvent } from '../telling/agent-event.ts';
import type { SourceStatus } from '../sources/board.ts';

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
  forgone: [],
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

it('another registry keeps what is known of the clusters that it keeps', () => {
  let ms = 0;
  const states = createClusterStates(
    registry,
    () => ms,
    () => {},
  );
  const look = (seconds: number, problem?: string) => {
    let last: string | undefined;
    for (const end = ms + seconds * 1000; ms < end; ms += 1000) {
      const changed = states.look([status('east', problem), status('north')]);
      last = changed?.clusters.map(({ id, state }) => `${id} ${state}`).join() ?? last;
    }
    return last;
  };
  look(10);
  expect(look(80, 'connection refused')).toBe('east Lost,home Unknown,west Lost');
  const next = (...clusters: object[]) =>
    parseRegistry({ apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry', clusters }, 'registry.yaml');
  states.register(next({ id: 'home', self: true }, { id: 'east', weight: 7 }, { id: 'north' }));
  expect(look(1, 'connection refused')).toBe('east Lost,home Unknown,north Alive');
  expect(states.standings().map(({ cluster }) => cluster)).toEqual(['east', 'north']);
  states.register(next({ id: 'north' }));
  expect(look(1)).toBe('north Alive');
  states.register(next({ id: 'north' }, { id: 'east' }));
  expect(look(1)).toBe('east Alive,north Alive');
});

it('a cluster that nobody registered is not judged', () => {
  const states = createClusterStates(
    registry,
    () => 0,
    () => {},
  );
  expect(states.look([status('north', 'away'), { ...status('x'), cluster: undefined }])).toBeUndefined();
});

/** Registered clusters, witnesses that a test controls, and a clock that moves by seconds. */
function court(clusters: readonly object[] = [{ id: 'home', self: true }, { id: 'east' }]) {
  const known = parseRegistry({ apiVersion: 'slicewright.dev/v1alpha1', kind: 'ClusterRegistry', clusters }, 'r.yaml');
  const clock = { ms: 0 };
  /** undefined: there is no Lease, or no source. */
  const witness: { stamp: string | undefined; contact: SourceStatus | undefined; canRead: boolean } = {
    stamp: undefined,
    contact: undefined,
    canRead: true,
  };
  let knownMs = 0;
  let heardMs: number | undefined;
  let couldRead = false;
  const events: AgentEvent[] = [];
  const states = createClusterStates(
    known,
    () => clock.ms,
    (event) => void events.push(event),
    undefined,
    {
      of: ({ id }) =>
        id !== 'east' || witness.stamp === undefined
          ? undefined
          : { lease: leaseOf(id, witness.stamp), changedMs: clock.ms },
      hearing: () => ({ knownMs, silentMs: heardMs === undefined ? undefined : clock.ms - heardMs }),
    },
  );
  const changes: string[] = [];
  const stateOf = (id: string) => states.standings().find(({ cluster }) => cluster === id)?.state;
  let last = stateOf('east');
  return {
    clock,
    witness,
    events,
    changes,
    states,
    east: () => stateOf('east'),
    /** renew: how often the Lease is renewed meanwhile, in seconds. */
    pass(seconds: number, renew?: number): void {
      for (let second = 0; second < seconds; second++, clock.ms += 1000) {
        if (renew !== undefined && second % renew === 0) witness.stamp = `renewed at ${clock.ms}`;
        if (witness.canRead) {
          if (couldRead && heardMs !== undefined) knownMs += clock.ms - heardMs;
          heardMs = clock.ms;
        }
        couldRead = witness.canRead;
        states.look(witness.contact === undefined ? [] : [witness.contact]);
        const now = stateOf('east');
        if (now !== last) changes.push(`${clock.ms / 1000}: ${now}`);
        last = now;
      }
    },
  };
}

const leaseOf = (name: string, stamp: string): Lease => {
  const object = {
    kind: 'Lease',
    metadata: { name, namespace: 'slicewright-system' },
    spec: { renewTime: stamp, leaseDurationSeconds: 40 },
  };
  const lease = parseLease(object, undefined, []);
  if (lease === undefined) throw new Error('no Lease');
  return lease;
};

describe('a cluster with a Lease', () => {
  it('is judged by it although it has no source here', () => {
    const { pass, changes, events } = court();
    pass(100, 10);
    pass(200);
    pass(100, 10);
    // The last renewal was seen at 90 s: 40 s later it is suspect, 40 s after that lost.
    expect(changes).toEqual(['0: Alive', '130: Suspect', '170: Lost', '315: Alive']);
    expect(events[2]).toMatchObject({
      kind: 'lease',
      state: 'Lost',
      why: expect.stringContaining('Lease slicewright-system/east'),
    });
  });

  it('is not lost while Leases cannot be read, nor by the time that passed meanwhile', () => {
    const { pass, changes, witness } = court();
    pass(30, 10);
    witness.canRead = false;
    pass(3_600);
    witness.canRead = true;
    pass(20);
    pass(100, 10);
    // 9 s before the hour and 20 s after it.
    expect(changes).toEqual(['0: Alive']);
  });

  it('that is deleted is not lost by that, and alive again after the settle time if it was', () => {
    const { pass, changes, witness, east } = court();
    pass(30, 10);
    witness.stamp = undefined;
    pass(300);
    expect(east()).toBe('Unknown');
    expect(changes.join()).not.toContain('Lost');
    pass(1, 1);
    pass(200);
    expect(east()).toBe('Lost');
    witness.stamp = undefined;
    pass(15);
    expect(east()).toBe('Lost');
    pass(2);
    expect(east()).toBe('Unknown');
  });

  it('and with contact is lost when neither gives a sign of life', () => {
    const { pass, witness, east } = court();
    witness.contact = status('east');
    pass(10, 5);
    // The controller is dead, the cluster is not.
    pass(300);
    expect(east()).toBe('Alive');
    // This agent cannot reach the cluster, but a controller can.
    witness.contact = status('east', 'connection refused');
    pass(300, 10);
    expect(east()).toBe('Alive');
    pass(300);
    expect(east()).toBe('Lost');
    witness.contact = status('east');
    pass(17);
    expect(east()).toBe('Alive');
  });

  it('is judged by contact alone when Leases could not be read for long', () => {
    const { pass, witness, east } = court();
    witness.contact = status('east');
    pass(10, 5);
    witness.canRead = false;
    witness.contact = status('east', 'connection refused');
    pass(290);
    expect(east()).toBe('Alive');
    pass(200);
    expect(east()).toBe('Lost');
  });

  it('that is our own or removed is not judged', () => {
    const { states, pass } = court([
      { id: 'home', self: true },
      { id: 'east', state: 'Removed' },
    ]);
    pass(200, 10);
    expect(states.standings()).toEqual([]);
  });
});

it('whatever the witnesses do, a lost cluster stays lost for the settle time, and is suspect for the grace before', () => {
  const step = fc.record({
    seconds: fc.integer({ min: 1, max: 60 }),
    renew: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
    lease: fc.boolean(),
    contact: fc.constantFrom('none', 'good', 'bad'),
    canRead: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { pass, witness, changes } = court();
      for (const { seconds, renew, lease, contact, canRead } of steps) {
        witness.canRead = canRead;
        witness.contact =
          contact === 'none' ? undefined : status('east', contact === 'bad' ? 'connection refused' : undefined);
        if (!lease) witness.stamp = undefined;
        pass(seconds, lease ? renew : undefined);
      }
      const times = changes.map((text) => ({ at: Number.parseInt(text, 10), state: text.split(' ')[1] }));
      for (const [i, { at, state }] of times.entries()) {
        const before = times[i - 1];
        if (before?.state === 'Lost') expect(at - before.at).toBeGreaterThanOrEqual(15);
        if (state === 'Lost') expect(before?.state).toBe('Suspect');
      }
    }),
  );
});
