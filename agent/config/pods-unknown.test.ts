import { expect, it } from 'vitest';
import { defaultSettings } from '../../compiler/settings.ts';
import { cidr } from '../../test/helpers/ir.ts';
import { podsUnknown } from './pods-unknown.ts';

it('a missing clusterCIDR is told where it is what tells pods from others', () => {
  expect(podsUnknown(defaultSettings, 'kube-proxy.yaml')).toMatchObject([
    { severity: 'warning', code: 'pods-unknown', object: { name: 'kube-proxy.yaml' }, field: 'clusterCIDR' },
  ]);
  expect(podsUnknown({ ...defaultSettings, clusterCidrs: [cidr('10.1.0.0/16')] }, '')).toEqual([]);
  expect(podsUnknown({ ...defaultSettings, detectLocalMode: 'NodeCIDR' }, '')).toEqual([]);
});
