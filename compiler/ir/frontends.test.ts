import { describe, expect, it } from 'vitest';
import { compileObjects, diagnosticTexts, kubeProxy, onlyPort } from '../../test/helpers/compile.ts';
import { service, slice } from '../../test/helpers/kubernetes.ts';
import type { Frontend } from './ir.ts';

function text(frontend: Frontend): string {
  const ranges = frontend.kind === 'loadBalancerIP' ? ` [${frontend.sourceRanges.join()}]` : '';
  return `${frontend.kind} ${frontend.kind === 'nodePort' ? '' : `${frontend.address} `}${frontend.port}${ranges}`;
}

const status = (...ips: unknown[]) => ({
  status: { loadBalancer: { ingress: ips.map((ip) => (typeof ip === 'string' ? { ip } : ip)) } },
});
const loadBalancer = { type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30080 }] };

describe('frontends', () => {
  const all = service(
    'web',
    {
      ...loadBalancer,
      clusterIPs: ['10.96.0.1', 'fd00::1'],
      ipFamilies: ['IPv4', 'IPv6'],
      externalIPs: ['203.0.113.9', '2001:db8::9', '203.0.113.1', '203.0.113.9'],
      loadBalancerSourceRanges: ['10.0.0.0/8', '192.0.2.0/24'],
    },
    status('198.51.100.2', { ip: '198.51.100.3', ipMode: 'Proxy' }, '2001:db8::2', '198.51.100.1'),
  );

  it("stand by kind, then in the object's order, each family with its own", () => {
    const compilation = compileObjects([all]);
    expect(onlyPort(compilation).frontends.map(text)).toEqual([
      'clusterIP 10.96.0.1 80',
      'externalIP 203.0.113.9 80',
      'externalIP 203.0.113.1 80',
      'loadBalancerIP 198.51.100.2 80 [10.0.0.0/8,192.0.2.0/24]',
      'loadBalancerIP 198.51.100.1 80 [10.0.0.0/8,192.0.2.0/24]',
      'nodePort 30080',
    ]);
    expect(onlyPort(compilation, 'IPv6').frontends.map(text)).toEqual([
      'clusterIP fd00::1 80',
      'externalIP 2001:db8::9 80',
      'loadBalancerIP 2001:db8::2 80 []',
      'nodePort 30080',
    ]);
    expect(diagnosticTexts(compilation)).toEqual([
      'warning: Service default/web spec.loadBalancerSourceRanges: has no valid IPv6 range, or one that contains every address; port "" is open to everyone on its IPv6 load balancer addresses',
    ]);
  });

  it('listed twice are there twice for kube-proxy alone', () => {
    const count = (options = {}) =>
      onlyPort(compileObjects([all], options)).frontends.filter(({ kind }) => kind === 'externalIP').length;
    expect([count(), count(kubeProxy)]).toEqual([2, 3]);
  });

  it('include addresses in mode Proxy where the gate is off', () => {
    const options = { settings: { featureGates: { LoadBalancerIPMode: false } } };
    expect(onlyPort(compileObjects([all], options)).frontends.map(text)).toContain(
      'loadBalancerIP 198.51.100.3 80 [10.0.0.0/8,192.0.2.0/24]',
    );
  });

  it('are open to everyone with a range of everyone (1.35)', () => {
    const open = service(
      'web',
      { ...loadBalancer, loadBalancerSourceRanges: ['10.0.0.0/8', '0.0.0.0/0'] },
      status('198.51.100.2'),
    );
    const ranges = (options = {}) => onlyPort(compileObjects([open], options)).frontends.map(text)[1];
    expect(ranges()).toBe('loadBalancerIP 198.51.100.2 80 []');
    expect(ranges(kubeProxy)).toBe('loadBalancerIP 198.51.100.2 80 [10.0.0.0/8,0.0.0.0/0]');
  });
});

describe('two Services at one place', () => {
  const at = (name: string, created: string | undefined, spec: Record<string, unknown>, clusterIP: string) =>
    service(name, { clusterIP, ...spec }, created === undefined ? {} : { created });
  const external = { externalIPs: ['203.0.113.1'] };
  const frontends = (name: string, objects: unknown[]) =>
    compileObjects(objects)
      .services.IPv4.find(({ service: key }) => key === `default/${name}`)
      ?.frontends.map(text);

  it('the older one answers, the other is told', () => {
    const objects = [
      at('a', '2026-02-01T00:00:00Z', external, '10.96.0.1'),
      at('b', '2026-01-01T00:00:00Z', external, '10.96.0.2'),
    ];
    expect(frontends('a', objects)).toEqual(['clusterIP 10.96.0.1 80']);
    expect(frontends('b', objects)).toEqual(['clusterIP 10.96.0.2 80', 'externalIP 203.0.113.1 80']);
    const expected = [
      'error: Service default/a: 203.0.113.1:80/TCP already belongs to Service default/b (older); not served for default/a',
    ];
    expect(diagnosticTexts(compileObjects(objects))).toEqual(expected);
    expect(diagnosticTexts(compileObjects(objects, kubeProxy))).toEqual(expected);
  });

  it('of one age, or of none, the first by name', () => {
    const objects = [at('b', undefined, external, '10.96.0.2'), at('a', undefined, external, '10.96.0.1')];
    expect(frontends('a', objects)).toHaveLength(2);
    expect(frontends('b', objects)).toHaveLength(1);
    expect(
      frontends('b', [
        objects[0],
        at('a', undefined, external, '10.96.0.1'),
        at('c', '2026-01-01T00:00:00Z', external, '10.96.0.3'),
      ]),
    ).toHaveLength(1);
  });

  it('a cluster IP is not to be had by writing it down, however early', () => {
    const thief = at('thief', '2020-01-01T00:00:00Z', { externalIPs: ['10.96.0.2'] }, '10.96.0.1');
    const victim = at('victim', '2026-01-01T00:00:00Z', {}, '10.96.0.2');
    expect(frontends('victim', [thief, victim])).toEqual(['clusterIP 10.96.0.2 80']);
    expect(frontends('thief', [thief, victim])).toEqual(['clusterIP 10.96.0.1 80']);
  });

  it('node ports too; other ports and protocols are other places', () => {
    const ports = (nodePort: number, protocol = 'TCP') => ({
      type: 'NodePort',
      ports: [{ port: 80, protocol, nodePort }],
    });
    const clash = [at('a', undefined, ports(30080), '10.96.0.1'), at('b', undefined, ports(30080), '10.96.0.2')];
    expect(diagnosticTexts(compileObjects(clash))).toEqual([
      'error: Service default/b: node port 30080/TCP/IPv4 already belongs to Service default/a (first by name); not served for default/b',
    ]);
    expect(diagnosticTexts(compileObjects([clash[0], at('b', undefined, ports(30080, 'UDP'), '10.96.0.2')]))).toEqual(
      [],
    );
  });

  it('what loses every place has no rules, and what loses its external ones no external pool', () => {
    const same = [at('a', undefined, {}, '10.96.0.1'), at('b', undefined, {}, '10.96.0.1')];
    expect(frontends('b', same)).toBeUndefined();
    const local = { ...external, internalTrafficPolicy: 'Local' };
    const compilation = compileObjects([
      at('a', undefined, local, '10.96.0.1'),
      at('b', undefined, local, '10.96.0.2'),
      slice('b', 'b-x', ['10.1.0.1']),
    ]);
    expect(compilation.services.IPv4.find(({ service: key }) => key === 'default/b')).toMatchObject({
      frontends: [{ kind: 'clusterIP' }],
      pools: { cluster: [], local: [] },
      internal: { kind: 'drop' },
    });
  });
});
