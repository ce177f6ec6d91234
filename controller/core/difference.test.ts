import { describe, expect, it } from 'vitest';
import type { ClusterName } from '../../compiler/values/names.ts';
import { createClusterCache } from '../cluster-cache.ts';
import { observe, pathOf } from '../observe.ts';
import { createField } from '../settle.fixture.ts';
import { desire } from './desire.ts';
import { differenceOf } from './difference.ts';
import { kinds } from './kinds.ts';
import type { World } from './world.ts';

const topic = 'Service shop/cart';
const memory = { isAccepted: () => false, isHeld: () => false };

/** A copy that the controller made for the topic, and that is not wanted: there is no MultiClusterService. */
const copy = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: 'west-cart-a1b2c3',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '7',
    labels: {
      'kubernetes.io/service-name': 'cart',
      'multicluster.kubernetes.io/source-cluster': 'west',
      'endpointslice.kubernetes.io/managed-by': 'controller.slicewright.dev',
    },
    annotations: { 'slicewright.dev/part-of': topic, 'slicewright.dev/source-name': 'cart' },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.1.0.1'] }],
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
};

/** A hub, member west, and east with the copy in it. */
function worldWith(takesWrites: boolean): World {
  const field = createField(['west']);
  const east = createClusterCache('east' as ClusterName, new Map(), takesWrites);
  for (const kind of [kinds.service, kinds.slice, kinds.namespace]) {
    east.expect(kind, 'v1', 'essential');
    east.reading(kind, 'live');
  }
  const shop = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  for (const object of [shop, copy]) {
    const held = observe(object, object.apiVersion, object.kind);
    if (held !== undefined) east.change(held, pathOf(held), held);
  }
  return { ...field.world, members: new Map([...field.world.members, ['east' as ClusterName, east]]) };
}

const deletedIn = (world: World) =>
  differenceOf(world, topic, desire(world, topic), memory).changes.map((change) =>
    change.kind === 'delete' ? `${change.target} ${change.object.name}` : change.desired.id.name,
  );

describe('what nobody wants', () => {
  it('is deleted in a cluster, and in a folder it came with a dump and stays', () => {
    expect(deletedIn(worldWith(true))).toEqual(['east west-cart-a1b2c3']);
    expect(deletedIn(worldWith(false))).toEqual([]);
  });

  it('stays while the hub is away: it is emptied where its source has nothing, and kept where that is not known', () => {
    const away: World = { ...worldWith(true), isHubAway: true };
    expect(deletedIn(away)).toEqual(['west-cart-a1b2c3']);
    const unknown: World = { ...away, members: new Map([...away.members].filter(([name]) => name !== 'west')) };
    expect(deletedIn(unknown)).toEqual([]);
  });
});
