import { describe, expect, it } from 'vitest';
import { compileObjects } from '../test/helpers/compile.ts';
import { endpoint, node, service, slice } from '../test/helpers/kubernetes.ts';
import { createToldCompiler } from '../test/helpers/told.ts';
import { defaultSettings } from './settings.ts';

function codes(objects: readonly unknown[]): readonly string[] {
  const { diagnostics } = compileObjects(objects);
  return diagnostics.flatMap(({ code, object }) => (code === 'node-missing' ? [] : [`${code} ${object.name}`]));
}

const local = { externalTrafficPolicy: 'Local', type: 'NodePort' };

describe('addresses that are not what their Service takes them for', () => {
  it('of a family without a cluster IP', () => {
    const lists = { externalIPs: ['203.0.113.1', '2001:db8::1'] };
    const status = { loadBalancer: { ingress: [{ ip: '2001:db8::2' }] } };
    expect(codes([service('web', lists, { status })])).toEqual([
      'service-family-unserved web',
      'service-family-unserved web',
    ]);
  });

  it('link-local ones, where others may answer', () => {
    expect(codes([service('web', { externalIPs: ['169.254.169.254'] })])).toEqual([
      'service-address-taken web',
      'service-link-local web',
    ]);
  });

  it('endpoints at the cluster IP of another Service', () => {
    const back = service('back', { clusterIP: '10.96.0.2' });
    const front = slice('front', 'front-x', ['10.96.0.2'], { by: '' });
    const objects = [service('front', { clusterIP: '10.96.0.3' }), back, front];
    expect(codes(objects)).toContain('endpoint-is-service-address front-x');
    expect(codes(objects.slice(1))).toEqual([]);
  });
});

describe('a node that slices call otherwise', () => {
  const n1 = { ...node('n1', { addresses: ['192.168.0.1'] }), spec: { podCIDRs: ['10.1.1.0/24'] } };
  const pods = (...names: string[]) =>
    slice(
      'web',
      'web-x',
      names.map((name, i) => endpoint(`10.1.1.${i + 1}`, { node: name })),
    );

  it('is found by its pod range', () => {
    expect(codes([service('web', local), n1, pods('n1.example')])).toEqual(['node-name-mismatch n1']);
  });

  it('is found, and no longer found, as slices change', () => {
    const compiler = createToldCompiler({ settings: defaultSettings, nodeName: 'n1', localAddresses: undefined });
    const after = (object: unknown, gone = false): readonly string[] => {
      compiler.apply([{ object, gone }]);
      return compiler.diagnostics().map(({ code }) => code);
    };
    after(n1);
    after(service('web', local));
    expect(after(pods('n1'))).toEqual([]);
    expect(after(pods('n1.example'))).toEqual(['node-name-mismatch']);
    expect(after(pods('n1.example', 'n1'))).toEqual([]);
    expect(after(pods('n1.example'))).toEqual(['node-name-mismatch']);
    const byHand = slice('web', 'web-y', [endpoint('10.1.1.9', { node: 'n1' })], { by: '' });
    expect(after(byHand)).toEqual([]);
    expect(after(byHand, true)).toEqual(['node-name-mismatch']);
    expect(after(pods('n1.example'), true)).toEqual([]);
  });

  it('is nothing to speak of where some slice calls it right, or its pods are none of its range', () => {
    expect(codes([service('web', local), n1, pods('n1.example', 'n1')])).toEqual([]);
    expect(codes([service('web', local), n1, slice('web', 'web-x', [endpoint('10.1.2.1', { node: 'n2' })])])).toEqual(
      [],
    );
  });
});
