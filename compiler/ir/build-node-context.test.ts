import { describe, expect, it } from 'vitest';
import { type NodeOptions, node } from '../../test/helpers/kubernetes.ts';
import { parseNode } from '../model/node.ts';
import { defaultSettings, parseInterfaceName, type Settings } from '../settings.ts';
import { type Family, parseAddress, parseCidr } from '../values/address.ts';
import { buildNodeContext } from './build-node-context.ts';
import type { NodeContext } from './node-context.ts';

function context(
  family: Family,
  options: NodeOptions,
  settings: Partial<Settings> = {},
  local?: string[],
): NodeContext {
  const parsed = parseNode(node('n1', options), undefined, []);
  const localAddresses = local?.map(parseAddress).filter((address) => address !== undefined);
  return buildNodeContext(family, parsed, localAddresses, { ...defaultSettings, ...settings });
}

const cidrs = (...texts: string[]) => texts.map(parseCidr).filter((cidr) => cidr !== undefined);
const both = ['192.168.0.1', 'fd00::1', '192.168.0.2', '127.0.0.1'];

describe("the node's own address", () => {
  it.each<[string, Family, NodeOptions, Partial<Settings>, string]>([
    ['the first of its family', 'IPv4', { addresses: ['fd00::1', '192.168.0.1', '192.168.0.2'] }, {}, '192.168.0.1'],
    ['the other family', 'IPv6', { addresses: ['192.168.0.1', 'fd00::1'] }, {}, 'fd00::1'],
    ['none of its family', 'IPv6', { addresses: ['192.168.0.1'] }, {}, '::1'],
    ['none at all', 'IPv4', {}, {}, '127.0.0.1'],
    [
      'bindAddress',
      'IPv4',
      { addresses: ['192.168.0.1'] },
      { bindAddress: parseAddress('192.168.0.9') },
      '192.168.0.9',
    ],
    [
      'bindAddress of the other family',
      'IPv6',
      { addresses: ['fd00::1'] },
      { bindAddress: parseAddress('192.168.0.9') },
      'fd00::1',
    ],
  ])('%s', (_what, family, options, settings, address) =>
    expect(context(family, options, settings).nodeIP).toBe(address),
  );

  it('is an InternalIP before any ExternalIP', () => {
    const object = node('n1');
    const addresses = [
      { type: 'ExternalIP', address: '203.0.113.1' },
      { type: 'Hostname', address: 'n1' },
      { type: 'InternalIP', address: '192.168.0.1' },
    ];
    const parsed = parseNode({ ...object, status: { addresses } }, undefined, []);
    expect(buildNodeContext('IPv4', parsed, undefined, defaultSettings).nodeIP).toBe('192.168.0.1');
  });
});

describe("addresses of the node's interfaces", () => {
  const annotations = { 'slicewright.dev/local-addresses': ' 10.0.0.2, fd00::2,10.0.0.10,bad ,10.0.0.2,127.0.0.1' };

  it('are those that were found there, else those of the annotation, else those of the object', () => {
    expect(context('IPv4', { addresses: both, annotations }, {}, ['10.9.9.9', 'fd00::9']).addresses).toEqual([
      '10.9.9.9',
    ]);
    expect(context('IPv4', { addresses: both, annotations }).addresses).toEqual(['10.0.0.10', '10.0.0.2']);
    expect(context('IPv6', { addresses: both, annotations }).addresses).toEqual(['fd00::2']);
    expect(context('IPv4', { addresses: both }).addresses).toEqual(['192.168.0.1', '192.168.0.2']);
  });
});

describe("how pods' traffic is recognised", () => {
  const interfaces: Partial<Settings> = {
    bridgeInterface: parseInterfaceName('cbr0'),
    interfaceNamePrefix: parseInterfaceName('cali'),
  };
  const clusterCidrs = cidrs('fd00:1::/48', '10.1.2.3/16', '10.2.0.0/16');
  it.each<[Partial<Settings>, Family, unknown]>([
    [{ clusterCidrs }, 'IPv4', { kind: 'source', cidr: '10.1.0.0/16' }],
    [{ clusterCidrs }, 'IPv6', { kind: 'source', cidr: 'fd00:1::/48' }],
    [{ clusterCidrs: cidrs('10.1.0.0/16') }, 'IPv6', undefined],
    [{}, 'IPv4', undefined],
    [{ clusterCidrs: cidrs('0.0.0.0/0', '::/0') }, 'IPv4', undefined],
    [{ detectLocalMode: 'NodeCIDR', clusterCidrs }, 'IPv4', { kind: 'source', cidr: '10.5.1.0/24' }],
    [{ detectLocalMode: 'NodeCIDR' }, 'IPv6', undefined],
    [{ detectLocalMode: 'BridgeInterface', ...interfaces }, 'IPv6', { kind: 'interface', name: 'cbr0' }],
    [{ detectLocalMode: 'InterfaceNamePrefix', ...interfaces }, 'IPv4', { kind: 'interfacePrefix', prefix: 'cali' }],
  ])('%j %s', (settings, family, detector) => {
    expect(context(family, { podCIDRs: ['10.5.1.0/24'] }, settings).localDetector).toEqual(detector);
  });
});

describe('node ports answer', () => {
  const within = (...texts: string[]): Partial<Settings> => ({
    nodePortAddresses: {
      IPv4: { kind: 'within', cidrs: cidrs(...texts) },
      IPv6: { kind: 'within', cidrs: cidrs('::/0') },
    },
  });
  const primary: Partial<Settings> = { nodePortAddresses: { IPv4: { kind: 'primary' }, IPv6: { kind: 'primary' } } };
  const off = { localhostNodePorts: false };

  it.each<[string, Family, Partial<Settings>, unknown]>([
    ['everywhere', 'IPv4', {}, { kind: 'all', loopback: true }],
    ['everywhere but on loopback', 'IPv4', off, { kind: 'all', loopback: false }],
    ['never on the loopback of IPv6', 'IPv6', {}, { kind: 'all', loopback: false }],
    ['in a range', 'IPv4', within('192.168.0.2/31'), { kind: 'some', addresses: ['192.168.0.2'], loopback: false }],
    [
      'in a range with loopback',
      'IPv4',
      within('127.0.0.0/8', '192.168.0.1/32'),
      { kind: 'some', addresses: ['127.0.0.1', '192.168.0.1'], loopback: true },
    ],
    [
      'in that range, but not on loopback',
      'IPv4',
      { ...within('127.0.0.0/8', '192.168.0.1/32'), ...off },
      { kind: 'some', addresses: ['192.168.0.1'], loopback: false },
    ],
    [
      'on a part of loopback that no interface has',
      'IPv4',
      within('127.0.0.5/32'),
      { kind: 'some', addresses: [], loopback: true },
    ],
    ['in any range of IPv6', 'IPv6', within(), { kind: 'some', addresses: ['fd00::1'], loopback: false }],
    ["on the node's own address", 'IPv4', primary, { kind: 'some', addresses: ['192.168.0.1'], loopback: false }],
    ["on the node's own address of IPv6", 'IPv6', primary, { kind: 'some', addresses: ['fd00::1'], loopback: false }],
  ])('%s', (_what, family, settings, expected) => {
    expect(context(family, { addresses: both }, settings).nodePorts).toEqual(expected);
  });

  it('nowhere in a family in which the node has no address of its own', () => {
    expect(context('IPv4', { addresses: ['fd00::1'] }, primary).nodePorts).toMatchObject({ addresses: [] });
    expect(context('IPv6', { addresses: ['192.168.0.1'] }, primary).nodePorts).toEqual({
      kind: 'some',
      addresses: [],
      loopback: false,
    });
  });
});
