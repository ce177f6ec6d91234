import { describe, expect, it } from 'vitest';
import type { ClusterName } from '../../compiler/values/names.ts';
import { desire } from './desire.ts';
import { kinds } from './kinds.ts';
import { parseHeld, type Held } from './object.ts';
import { parsePolicy } from './policy.ts';
import { placementOf } from './propagation.ts';
import { hub } from './world.ts';
import { createField } from '../settle.fixture.ts';

const serviceKind = { apiVersion: 'v1', kind: 'Service' };

function policy(name: string, spec: object, more: object = {}, kind = 'PropagationPolicy') {
  const namespace = kind === 'PropagationPolicy' ? { namespace: 'default' } : {};
  return { apiVersion: 'policy.karmada.io/v1alpha1', kind, metadata: { name, ...namespace, ...more }, spec };
}

const to = (...clusterNames: string[]) => ({ placement: { clusterAffinity: { clusterNames } } });

function placed(policies: readonly object[], object: object = {}) {
  const field = createField(['east', 'north', 'west'], { labels: { east: { tier: 'gold' }, west: { tier: 'tin' } } });
  field.put(hub, ...policies);
  const cart = {
    ...serviceKind,
    metadata: { name: 'cart', namespace: 'default', labels: { app: 'cart' } },
    spec: { ports: [{ port: 80 }] },
    ...object,
  };
  field.put(hub, cart);
  const held = field.caches.get(hub)?.get({ ...kinds.service, namespace: 'default', name: 'cart' }) as Held;
  return placementOf(field.world, held);
}

describe('which clusters a policy means', () => {
  const selectors = [{ ...serviceKind, name: 'cart' }];
  it.each([
    [{ clusterNames: ['west'] }, ['west']],
    [{ clusterNames: [] }, ['east', 'north', 'west']],
    [{ exclude: ['east'] }, ['north', 'west']],
    [{ labelSelector: { matchLabels: { tier: 'gold' } } }, ['east']],
    [
      { labelSelector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold', 'tin'] }] } },
      ['east', 'west'],
    ],
    [
      { labelSelector: { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['gold'] }] } },
      ['north', 'west'],
    ],
    [{ labelSelector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, exclude: ['west'] }, ['east']],
    [{ labelSelector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] } }, ['north']],
    [{ clusterNames: ['atlantis'] }, []],
    // A part that is not understood never widens the choice.
    [{ labelSelector: { matchExpressions: [{ key: 'tier', operator: 'Near' }] } }, []],
    [{ labelSelector: 7 }, []],
    [{ fieldSelector: { matchExpressions: [] }, clusterNames: ['east'] }, []],
  ])('%j', (clusterAffinity, expected) => {
    expect(placed([policy('p', { resourceSelectors: selectors, placement: { clusterAffinity } })])).toEqual(expected);
  });

  it('all, where there is no affinity; none, where there are only groups of clusters', () => {
    expect(placed([policy('p', { resourceSelectors: selectors, placement: {} })])).toHaveLength(3);
    expect(placed([policy('p', { resourceSelectors: selectors })])).toHaveLength(3);
    const groups = { clusterAffinities: [{ affinityName: 'a', clusterNames: ['east'] }] };
    expect(placed([policy('p', { resourceSelectors: selectors, placement: groups })])).toEqual([]);
  });
});

describe('which policy rules an object', () => {
  const byName = [{ ...serviceKind, name: 'cart' }];
  const byLabel = [{ ...serviceKind, labelSelector: { matchLabels: { app: 'cart' } } }];
  const byKind = [serviceKind];
  const created = (year: number) => ({ creationTimestamp: `${year}-01-01T00:00:00Z` });

  it.each([
    [
      'a name before labels',
      [
        policy('a', { resourceSelectors: byLabel, ...to('west') }, created(2020)),
        policy('b', { resourceSelectors: byName, ...to('east') }, created(2024)),
      ],
    ],
    [
      'labels before a whole kind',
      [
        policy('a', { resourceSelectors: byKind, ...to('west') }, created(2020)),
        policy('b', { resourceSelectors: byLabel, ...to('east') }, created(2024)),
      ],
    ],
    [
      'the older of two',
      [
        policy('a', { resourceSelectors: byName, ...to('west') }, created(2024)),
        policy('b', { resourceSelectors: byName, ...to('east') }, created(2020)),
      ],
    ],
    [
      'the higher priority',
      [
        policy('a', { resourceSelectors: byName, ...to('west') }, created(2020)),
        policy('b', { resourceSelectors: byLabel, priority: 2, ...to('east') }, created(2024)),
      ],
    ],
    [
      'its namespace’s before one of all',
      [
        policy('a', { resourceSelectors: byName, ...to('west') }, created(2020), 'ClusterPropagationPolicy'),
        policy('b', { resourceSelectors: byKind, ...to('east') }, created(2024)),
      ],
    ],
  ])('%s', (_what, policies) => {
    expect(placed(policies)).toEqual(['east']);
    expect(placed([...policies].reverse())).toEqual(['east']);
  });

  it.each([
    ['another group', [{ apiVersion: 'serving.example/v1', kind: 'Service', name: 'cart' }]],
    ['another name', [{ ...serviceKind, name: 'card' }]],
    ['labels that it has not', [{ ...serviceKind, labelSelector: { matchLabels: { app: 'shop' } } }]],
    ['a selector that cannot be understood', [{ ...serviceKind, labelSelector: [] }]],
  ])('not one that selects %s', (_what, resourceSelectors) => {
    expect(placed([policy('a', { resourceSelectors, ...to('east') })])).toEqual([]);
  });

  it('not one of another namespace', () => {
    const elsewhere = policy('a', { resourceSelectors: byName, ...to('east') }, { namespace: 'shop' });
    expect(placed([elsewhere])).toEqual([]);
  });
});

describe('what a policy asks beyond that', () => {
  const parsed = (spec: object) =>
    parsePolicy(parseHeld(policy('p', spec), 'policy.karmada.io/v1alpha1', 'PropagationPolicy') as Held).unsupported;

  it('is named', () => {
    expect(
      parsed({
        resourceSelectors: [],
        failover: { application: {}, cluster: {} },
        dependentOverrides: ['x'],
        conflictResolution: 'Overwrite',
        placement: {
          clusterAffinity: { fieldSelector: { matchExpressions: [{}] } },
          replicaScheduling: { replicaSchedulingType: 'Divided' },
          spreadConstraints: [{ spreadByField: 'region' }],
        },
      }),
    ).toEqual([
      'spec.conflictResolution',
      'spec.dependentOverrides',
      'spec.failover',
      'spec.placement.clusterAffinity.fieldSelector',
      'spec.placement.replicaScheduling',
      'spec.placement.spreadConstraints',
    ]);
  });

  it('is nothing where Karmada’s own defaults stand', () => {
    expect(
      parsed({
        conflictResolution: 'Abort',
        preemption: 'Never',
        priority: 0,
        propagateDeps: true,
        schedulerName: 'default-scheduler',
        placement: {
          clusterTolerations: [{ key: 'cluster.karmada.io/not-ready' }, { key: 'cluster.karmada.io/unreachable' }],
          replicaScheduling: { replicaSchedulingType: 'Duplicated' },
        },
      }),
    ).toEqual([]);
  });

  it('is told on the policy, as a condition and an Event', () => {
    const field = createField(['east']);
    field.put(hub, policy('p', { resourceSelectors: [], suspension: { dispatching: true } }));
    const { statuses, events } = desire(field.world, 'PropagationPolicy.policy.karmada.io default/p');
    expect(statuses[0]?.conditions).toMatchObject([{ type: 'Supported', status: 'False', reason: 'FieldsIgnored' }]);
    expect(events).toMatchObject([{ type: 'Warning', message: expect.stringContaining('spec.suspension') as string }]);
  });
});

describe('objects of any kind', () => {
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'cart', namespace: 'default', labels: { 'propagationpolicy.karmada.io/name': 'p', app: 'cart' } },
    spec: { replicas: 2 },
    status: { replicas: 2 },
  };

  it('go where a policy sends them, whole but for what their cluster made of them', () => {
    const field = createField(['east', 'west']);
    field.put(hub, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    for (const each of ['east', 'west'] as ClusterName[]) {
      field.put(each, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    }
    field.put(
      hub,
      policy('p', { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' }], ...to('west') }),
    );
    field.put(hub, deployment);
    const { desired } = desire(field.world, 'Deployment.apps default/cart');
    expect(desired.map(({ target, object }) => [target, object])).toEqual([
      [
        'west',
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: {
            name: 'cart',
            namespace: 'default',
            labels: { app: 'cart', 'slicewright.dev/managed': 'true' },
            annotations: { 'slicewright.dev/part-of': 'Deployment.apps default/cart' },
          },
          spec: { replicas: 2 },
        },
      ],
    ]);
  });
});
