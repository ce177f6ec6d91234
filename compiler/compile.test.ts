import { describe, expect, it } from 'vitest';
import { compileObjects, diagnosticTexts, kubeProxy, onlyPort, poolTexts } from '../test/helpers/compile.ts';
import { dispatched, node, service, slice } from '../test/helpers/kubernetes.ts';
import { compile } from './index.ts';
import { defaultSettings } from './settings.ts';

describe('a compilation', () => {
  it('has its Service ports in order of their ids, by family', () => {
    const dual = { clusterIPs: ['10.96.0.9', 'fd00::9'], ipFamilies: ['IPv4', 'IPv6'] };
    const ports = [
      { name: 'b', port: 2 },
      { name: 'a', port: 1, protocol: 'UDP' },
      { name: 'a', port: 1 },
    ];
    const { services } = compileObjects([
      service('b', { clusterIP: '10.96.0.8', ports }),
      service('a', dual, { namespace: 'z' }),
    ]);
    expect(services.IPv4.map(({ id }) => id)).toEqual([
      'default/b:a/TCP/IPv4',
      'default/b:a/UDP/IPv4',
      'default/b:b/TCP/IPv4',
      'z/a/TCP/IPv4',
    ]);
    expect(services.IPv6.map(({ id }) => id)).toEqual(['z/a/TCP/IPv6']);
  });

  it('keeps to one family per slice', () => {
    const dual = service('web', { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'] });
    const six = slice('web', 'web-6', ['fd00:1::1'], { addressType: 'IPv6' });
    const compilation = compileObjects([dual, slice('web', 'web-4', ['10.1.0.1']), six]);
    expect(poolTexts(onlyPort(compilation, 'IPv4').pools.cluster)).toEqual(['10.1.0.1:8080']);
    expect(poolTexts(onlyPort(compilation, 'IPv6').pools.cluster)).toEqual(['[fd00:1::1]:8080']);
    expect(onlyPort(compilation, 'IPv6').origin.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'Service web',
      'EndpointSlice web-6',
    ]);
  });

  it('of nothing is nothing', () => {
    const empty = compile({ clusters: [], settings: defaultSettings, nodeName: undefined, localAddresses: undefined });
    expect(empty.services).toEqual({ IPv4: [], IPv6: [] });
    expect(empty.node.IPv4.nodeIP).toBe('127.0.0.1');
  });

  it('is for the only node there is, where none is named', () => {
    const objects = [service('web'), slice('web', 'web-x', [{ addresses: ['10.1.0.1'], nodeName: 'n7' }])];
    const local = (nodes: unknown[]) => {
      const clusters = [{ cluster: undefined, objects: [...objects, ...nodes] }];
      const compilation = compile({
        clusters,
        settings: defaultSettings,
        nodeName: undefined,
        localAddresses: undefined,
      });
      return [onlyPort(compilation).known[0]?.local, ...compilation.diagnostics.map(({ code }) => code)];
    };
    expect(local([node('n7')])).toEqual([true]);
    expect(local([])).toEqual([false, 'node-unknown']);
    expect(local([node('n7'), node('n8')])).toEqual([false, 'node-unknown']);
  });

  it('leaves bad objects out alone', () => {
    const compilation = compileObjects([
      service('good'),
      slice('good', 'good-x', ['10.1.0.1', 'x']),
      service('Bad'),
      { ...service('worse'), spec: 7 },
      { ...slice('good', 'good-y', []), endpoints: 'z' },
    ]);
    expect(poolTexts(onlyPort(compilation).pools.cluster)).toEqual(['10.1.0.1:8080']);
    expect(diagnosticTexts(compilation)).toEqual([
      'error: Service default/Bad metadata.name: "Bad" is not an object name (lower-case letters, digits, "-", "."); the object is left out',
      'warning: EndpointSlice default/good-x endpoints[1].addresses[0]: "x" is not an IPv4 address; this endpoint is left out',
      'warning: EndpointSlice default/good-y endpoints: "z" is not a list; using an empty list',
      'warning: Service default/worse spec: 7 is not an object; it is ignored',
      expect.stringContaining('info: Service default/worse spec.clusterIP'),
    ]);
  });

  it('says each thing once, worst first', () => {
    const dual = service('web', {
      clusterIPs: ['10.96.0.1', 'fd00::1'],
      ipFamilies: ['IPv4', 'IPv6'],
      ports: [{ name: 'http', port: 80 }],
    });
    const six = dispatched('web', 'west', ['fd00:1::1'], { addressType: 'IPv6' });
    const four = slice('web', 'west-4', ['10.1.0.1'], { by: 'dispatch', provisionCluster: 'west' });
    const { diagnostics } = compileObjects([dual, six, four]);
    expect(diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning node-missing',
      'warning remote-port-mismatch',
      'info own-cluster-unknown',
    ]);
  });
});

describe('hashes', () => {
  const objects = (extra: Record<string, unknown> = {}) => [service('web', extra), slice('web', 'web-x', ['10.1.0.1'])];
  const hash = (...args: Parameters<typeof compileObjects>) => onlyPort(compileObjects(...args)).hash;

  it('are of meaning: neither names of slices nor unused fields count', () => {
    expect(hash([service('web'), slice('web', 'web-other', ['10.1.0.1'])])).toBe(hash(objects()));
    expect(hash(objects({ selector: { app: 'web' } }))).toBe(hash(objects()));
    expect(hash(objects())).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['an address', [service('web'), slice('web', 'web-x', ['10.1.0.2'])]],
    ['affinity', objects({ sessionAffinity: 'ClientIP' })],
    ['a policy', objects({ internalTrafficPolicy: 'Local' })],
    ['a frontend', objects({ externalIPs: ['203.0.113.1'] })],
    ['readiness', [service('web'), slice('web', 'web-x', [{ addresses: ['10.1.0.1'], conditions: { ready: false } }])]],
    ['the name', [service('web2'), slice('web2', 'web-x', ['10.1.0.1'])]],
  ])('%s does', (_what, changed) => expect(hash(changed)).not.toBe(hash(objects())));
});

// The endpoints that a real kube-proxy 1.30 chose.
describe('the worked example', () => {
  const lb = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
  const http = (nodePort?: number) => [{ name: 'http', port: 80, ...(nodePort && { nodePort }) }];
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  const on = (address: string, nodeName: string, conditions = {}) => ({ addresses: [address], nodeName, conditions });
  const leaving = { ready: false, serving: true, terminating: true };
  const dead = { ready: false, serving: false, terminating: true };
  const objects = [
    node('node1', { zone: 'us-a', addresses: ['192.168.50.10', 'fd00:50::10'] }),
    service('noep', { clusterIP: '10.96.0.3', type: 'LoadBalancer', ports: http(30001) }),
    service('etp-local-noep', { ...lb, clusterIP: '10.96.0.5', ports: http(30004), healthCheckNodePort: 30998 }),
    slice('etp-local-noep', 'etp-local-noep-a', [on('10.1.2.30', 'node3')], { ports }),
    service('term', { type: 'NodePort', externalTrafficPolicy: 'Local', clusterIP: '10.96.0.10', ports: http(30008) }),
    slice(
      'term',
      'term-a',
      [on('10.1.0.80', 'node1', leaving), on('10.1.2.81', 'node3', leaving), on('10.1.2.82', 'node3', dead)],
      { ports },
    ),
    service('mixterm', {
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
      clusterIP: '10.96.0.11',
      ports: http(30009),
    }),
    slice('mixterm', 'mixterm-a', [on('10.1.0.90', 'node1', leaving), on('10.1.2.91', 'node3')], { ports }),
    service('itp-local-noep', { internalTrafficPolicy: 'Local', clusterIP: '10.96.0.8', ports: http() }),
    slice('itp-local-noep', 'itp-local-noep-a', [on('10.1.2.60', 'node3')], { ports }),
  ];

  it.each([
    ['noep', 'reject reject', [], []],
    ['etp-local-noep', 'forward drop', ['10.1.2.30:80'], []],
    ['term', 'forward forward', ['10.1.0.80:80!', '10.1.2.81:80'], ['10.1.0.80:80!']],
    ['mixterm', 'forward forward', ['10.1.2.91:80'], ['10.1.0.90:80!']],
    ['itp-local-noep', 'drop forward', [], []],
  ])('%s', (name, routes, cluster, local) => {
    const { services } = compileObjects(objects, { ...kubeProxy, nodeName: 'node1' });
    const port = services.IPv4.find(({ service: key }) => key === `default/${name}`);
    expect(port && `${port.internal.kind} ${port.external.kind}`).toBe(routes);
    expect(poolTexts(port?.pools.cluster ?? [])).toEqual(cluster);
    expect(poolTexts(port?.pools.local ?? [])).toEqual(local);
  });
});
