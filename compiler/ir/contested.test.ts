import { describe, expect, it } from 'vitest';
import { compileObjects } from '../../test/helpers/compile.ts';
import { endpoint, node, service, serviceImport, slice } from '../../test/helpers/kubernetes.ts';
import { defaultSettings, type Settings } from '../settings.ts';
import { cidr } from '../../test/helpers/ir.ts';
import { createToldCompiler } from '../../test/helpers/told.ts';

const nodes = [node('n1', { addresses: ['192.168.0.1'] }), node('n2', { addresses: ['192.168.0.2'] })];
const inRange: Partial<Settings> = { clusterCidrs: [cidr('10.1.0.0/16')] };
const web = (...externalIPs: string[]) => service('web', { clusterIP: '10.96.0.1', externalIPs });

function contested(objects: readonly unknown[], settings: Partial<Settings> = inRange) {
  const { elsewhere, ours } = compileObjects([...nodes, ...objects], { settings }).node.IPv4.contested;
  return { elsewhere: elsewhere.map(({ address, whose }) => `${address} ${whose}`), ours };
}

describe('an address that a Service lists and somebody else has', () => {
  it('is the other node’s, and never this node’s', () => {
    expect(contested([web('192.168.0.1', '192.168.0.2')])).toEqual({
      elsewhere: ['192.168.0.2 another node'],
      ours: [],
    });
  });

  it('is the pod’s that a slice names there, ready or not, of a headless Service too', () => {
    const pods = slice('db', 'db-1', [endpoint('10.1.0.7', { ready: false })]);
    const headless = { ...pods, metadata: { ...pods.metadata, labels: { 'service.kubernetes.io/headless': '' } } };
    for (const of of [pods, headless]) {
      expect(contested([web('10.1.0.7', '10.1.0.8'), of]).elsewhere).toEqual(['10.1.0.7 a pod']);
    }
  });

  it('stays the Service’s where a slice only points at it, outside of the pods’ ranges', () => {
    const pointer = slice('alias', 'alias-1', [endpoint('203.0.113.9')], { by: '' });
    expect(contested([web('203.0.113.9'), pointer])).toEqual({ elsewhere: [], ours: ['203.0.113.9'] });
  });

  it('is a pod’s where no range is known, if the endpoint runs on a node', () => {
    const pods = slice('db', 'db-1', [endpoint('10.1.0.7', { node: 'n2' }), endpoint('10.1.0.8')], { by: '' });
    expect(contested([web('10.1.0.7', '10.1.0.8'), pods], {})).toEqual({
      elsewhere: ['10.1.0.7 a pod'],
      ours: ['10.1.0.8'],
    });
  });

  it('is never anybody else’s if it is a cluster IP: then the endpoint is none', () => {
    const pods = slice('db', 'db-1', [endpoint('10.96.0.1', { node: 'n2' })]);
    expect(contested([web(), pods], {})).toEqual({ elsewhere: [], ours: ['10.96.0.1'] });
  });

  it('of a ServiceImport too', () => {
    const imported = serviceImport('x', { ips: ['192.168.0.2'], ports: [{ port: 80 }] });
    expect(contested([imported]).elsewhere).toEqual(['192.168.0.2 another node']);
  });

  it('does not matter to kube-proxy', () => {
    expect(contested([web('192.168.0.2')], { compat: 'kube-proxy' })).toEqual({ elsewhere: [], ours: [] });
  });
});

it('comes and goes with what makes it contested, in whatever order', () => {
  const compiler = createToldCompiler({
    settings: { ...defaultSettings, ...inRange },
    nodeName: 'n1',
    localAddresses: undefined,
  });
  const pods = slice('db', 'db-1', [endpoint('10.1.0.7')]);
  const change = (object: unknown, gone = false) => {
    compiler.apply([{ cluster: undefined, object, gone }]);
    return compiler.node().IPv4.contested.elsewhere.map(({ address }) => address);
  };
  for (const object of nodes) change(object);
  expect(change(pods)).toEqual([]);
  expect(change(web('10.1.0.7'))).toEqual(['10.1.0.7']);
  expect(change(slice('db', 'db-1', []))).toEqual([]);
  expect(change(pods)).toEqual(['10.1.0.7']);
  expect(change(web())).toEqual([]);
  expect(change(web('10.1.0.7', '192.168.0.2'))).toEqual(['10.1.0.7', '192.168.0.2']);
  expect(change(nodes[1], true)).toEqual(['10.1.0.7']);
  expect(change(pods, true)).toEqual([]);
});
