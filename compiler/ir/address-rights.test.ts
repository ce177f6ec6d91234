import { describe, expect, it } from 'vitest';
import { compileObjects, diagnosticTexts, kubeProxy, registryOf } from '../../test/helpers/compile.ts';
import { node, service, serviceImport, slice } from '../../test/helpers/kubernetes.ts';
import { createToldCompiler } from '../../test/helpers/told.ts';
import type { Registry, ServiceAddressRanges } from '../registry/registry.ts';
import { defaultSettings } from '../settings.ts';
import type { Cidr } from '../values/address.ts';

const ports = [{ port: 80 }];
const status = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } });
const objects = [
  service('external', { clusterIP: '10.96.1.1', externalIPs: ['203.0.113.9', '198.51.100.9'], ports }),
  service('balanced', { clusterIP: '10.96.1.2', type: 'LoadBalancer', ports }, { status: status('203.0.113.10') }),
  service('unbalanced', { clusterIP: '10.96.1.3', ports }, { status: status('203.0.113.11') }),
  serviceImport('imported', { ips: ['10.96.1.4'] }),
  serviceImport('elsewhere', { ips: ['192.0.2.4', 'fd00::4'] }),
];

function restricted(ranges: Partial<ServiceAddressRanges>): Registry {
  const serviceAddresses = {
    restrict: false,
    externalIPs: undefined,
    loadBalancerIPs: undefined,
    clusterSetIPs: undefined,
    ...ranges,
  };
  return registryOf({ home: { self: true, serviceCidrs: ['10.96.0.0/16' as Cidr] } }, { serviceAddresses });
}

/** Every address that answers, except cluster IPs of Services. */
function answering(registry?: Registry, options = {}): string[] {
  const { services } = compileObjects(objects, { ...(registry && { registry }), ...options });
  return [...services.IPv4, ...services.IPv6]
    .flatMap(({ frontends }) => frontends)
    .flatMap((frontend) => (frontend.kind === 'clusterIP' || frontend.kind === 'nodePort' ? [] : [frontend.address]))
    .sort();
}

const cidrs = (...texts: string[]) => texts.map((text) => text as Cidr);
const imports = ['10.96.1.4', '192.0.2.4', 'fd00::4'];
const balancers = ['203.0.113.10', '203.0.113.11'];
const externals = ['198.51.100.9', '203.0.113.9'];

describe('addresses that people write into Services', () => {
  it.each<[string, Registry | undefined, string[]]>([
    ['as with kube-proxy unless it is said otherwise', undefined, [...imports, ...balancers, ...externals]],
    ['in the safe form', restricted({ restrict: true }), ['10.96.1.4', '203.0.113.10']],
    ['no external ones', restricted({ externalIPs: [] }), [...imports, ...balancers]],
    [
      'external ones of a range',
      restricted({ externalIPs: cidrs('203.0.113.0/24') }),
      [...imports, ...balancers, '203.0.113.9'],
    ],
    [
      'load balancers of a range',
      restricted({ loadBalancerIPs: cidrs('203.0.113.10/32') }),
      [...imports, ...externals, '203.0.113.10'],
    ],
    [
      'imports of a range, and of our Service range',
      restricted({ clusterSetIPs: cidrs('fd00::/16') }),
      ['10.96.1.4', 'fd00::4', ...balancers, ...externals],
    ],
    [
      'in the safe form and ranges',
      restricted({ restrict: true, externalIPs: cidrs('198.51.100.0/24') }),
      ['10.96.1.4', '198.51.100.9', '203.0.113.10'],
    ],
  ])('answer %s', (_what, registry, expected) => {
    expect(answering(registry)).toEqual(expected.sort());
  });

  it('answer with kube-proxy’s rules whatever is registered', () => {
    expect(answering(restricted({ restrict: true }), kubeProxy)).toEqual([...balancers, ...externals].sort());
  });

  it('are named with what to allow where they are refused', () => {
    expect(diagnosticTexts(compileObjects(objects.slice(0, 1), { registry: restricted({ restrict: true }) }))).toEqual([
      'warning: Service default/external spec.externalIPs: 198.51.100.9 is not allowed by serviceAddresses.externalIPs of the registry; it is not served',
      'warning: Service default/external spec.externalIPs: 203.0.113.9 is not allowed by serviceAddresses.externalIPs of the registry; it is not served',
    ]);
  });

  it('that are refused leave their place to whom they belong', () => {
    const older = { created: '2026-01-01T00:00:00Z', status: status('203.0.113.1') };
    const thief = service('thief', { clusterIP: '10.96.2.1', externalIPs: ['203.0.113.1'], ports }, older);
    const owner = service(
      'owner',
      { clusterIP: '10.96.2.2', type: 'LoadBalancer', ports },
      { ...older, created: '2026-02-01T00:00:00Z' },
    );
    const at = (registry?: Registry) =>
      compileObjects([thief, owner], { ...(registry && { registry }) }).services.IPv4.find(({ frontends }) =>
        frontends.some((frontend) => frontend.kind !== 'nodePort' && frontend.address === '203.0.113.1'),
      )?.service;
    expect(at()).toBe('default/thief');
    expect(at(restricted({ restrict: true }))).toBe('default/owner');
  });
});

describe('an address that is somebody’s already is named', () => {
  const kubernetes = slice('kubernetes', 'kubernetes', ['172.18.0.2'], { by: '' });
  const machines = [node('n2', { addresses: ['172.18.0.9'] }), kubernetes, service('dns', { clusterIP: '10.96.0.10' })];
  const told = (...more: unknown[]) =>
    compileObjects([...machines, ...more])
      .diagnostics.filter(({ code }) => code === 'service-address-taken')
      .map(({ field, message }) => `${field}: ${message.replace(/;.*/, '')}`);

  it.each([
    ['172.18.0.9', 'an address of a node'],
    ['172.18.0.2', 'an address of the API server'],
    ['10.96.0.10', 'the cluster IP of a Service'],
    ['169.254.169.254', "an address of the cloud's metadata service"],
    ['168.63.129.16', "an address of the cloud's metadata service"],
    ['fd00:ec2::254', "an address of the cloud's metadata service"],
  ])('%s: %s', (address, what) => {
    const dual = { clusterIP: '10.96.1.1', clusterIPs: ['10.96.1.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'] };
    expect(told(service('a', { ...dual, externalIPs: [address] }))).toEqual([
      `spec.externalIPs: ${address} is ${what}`,
    ]);
    expect(told(service('a', dual, { status: status(address) }))).toEqual([
      `status.loadBalancer.ingress: ${address} is ${what}`,
    ]);
    const isClusterIP = what.startsWith('the cluster IP');
    expect(told(serviceImport('a', { ips: [address] }))).toEqual(
      isClusterIP ? [] : [`spec.ips: ${address} is ${what}`],
    );
  });

  it('but not where a load balancer of a small cluster gives out addresses of nodes', () => {
    const balanced = { clusterIP: '10.96.1.1', type: 'LoadBalancer' };
    expect(told(service('a', balanced, { status: status('172.18.0.9') }))).toEqual([]);
    expect(told(service('a', balanced, { status: status('169.254.169.254') }))).toHaveLength(1);
  });

  it('and no longer once it is nobody’s', () => {
    const compiler = createToldCompiler({ settings: defaultSettings, nodeName: 'n1', localAddresses: undefined });
    const change = (object: unknown, gone = false) => compiler.apply([{ cluster: undefined, object, gone }]);
    const codes = () =>
      compiler.compilation().diagnostics.filter(({ code }) => code === 'service-address-taken').length;
    change(service('a', { externalIPs: ['172.18.0.2', '172.18.0.9'] }));
    expect(codes()).toBe(0);
    change(kubernetes);
    expect(codes()).toBe(1);
    change(machines[0]);
    expect(codes()).toBe(2);
    change(kubernetes, true);
    change(machines[0], true);
    expect(codes()).toBe(0);
  });
});
