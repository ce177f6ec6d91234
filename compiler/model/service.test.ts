import { describe, expect, it } from 'vitest';
import { type ServiceOptions, service } from '../../test/helpers/kubernetes.ts';
import { type Diagnostic, formatDiagnostic } from '../values/diagnostic.ts';
import { parseClusterName } from '../values/names.ts';
import { parseService } from './service.ts';

function parse(spec: Record<string, unknown>, options: ServiceOptions = {}) {
  return parseRaw(service('web', spec, options));
}

function parseRaw(object: Record<string, unknown>) {
  const diagnostics: Diagnostic[] = [];
  return { service: parseService(object, undefined, diagnostics), texts: diagnostics.map(formatDiagnostic) };
}

describe('Services that get no rules', () => {
  it.each([
    ['another proxy serves it', {}, { labels: { 'service.kubernetes.io/service-proxy-name': '' } }, 'foreign-proxy'],
    ['it is labelled headless', {}, { labels: { 'service.kubernetes.io/headless': '' } }, 'foreign-proxy'],
    ['it is headless', { clusterIP: 'None' }, {}, 'headless'],
    ['it is an ExternalName', { type: 'ExternalName', externalName: 'a.example' }, {}, 'external-name'],
    ['it has no cluster IP yet', { clusterIP: '' }, {}, 'no-cluster-ip'],
    ['it has null for a cluster IP', { clusterIP: null }, {}, 'no-cluster-ip'],
  ])('%s', (_why, spec, options, reason) => {
    const { service: parsed } = parse({ externalIPs: ['203.0.113.1'], ...spec }, options);
    expect(parsed?.skipped).toBe(reason);
    expect(parsed?.externalIPs).toEqual([]);
  });

  it('says so where the reason is easily missed', () => {
    expect(parse({ clusterIP: undefined }).texts).toEqual([
      'info: Service default/web spec.clusterIP: is not set; nothing is programmed for this Service',
    ]);
  });
});

describe('Services of a proxy with a name', () => {
  const label = 'service.kubernetes.io/service-proxy-name';
  const skippedFor = (labels: Record<string, string>, cluster?: string) =>
    parseService(service('web', {}, { labels }), parseClusterName(cluster), [], 'mine')?.skipped;

  it.each([
    ['labelled with it', { [label]: 'mine' }, undefined],
    ['without a label', {}, 'foreign-proxy'],
    ['labelled for another', { [label]: 'theirs' }, 'foreign-proxy'],
    ['labelled with it and headless', { [label]: 'mine', 'service.kubernetes.io/headless': '' }, 'foreign-proxy'],
  ])('%s', (_which, labels, reason) => expect(skippedFor(labels)).toBe(reason));

  it('are those of the local cluster: who serves them in another says nothing here', () =>
    expect([skippedFor({}, 'east'), skippedFor({ [label]: 'theirs' }, 'east')]).toEqual([undefined, undefined]));
});

describe('cluster IPs', () => {
  it.each([
    ['clusterIP alone', { clusterIP: '10.0.0.1' }, { IPv4: '10.0.0.1' }],
    ['clusterIP alone, IPv6', { clusterIP: 'fd00::1' }, { IPv6: 'fd00::1' }],
    [
      'by ipFamilies',
      { clusterIP: 'fd00::1', clusterIPs: ['fd00::1', '10.0.0.1'], ipFamilies: ['IPv6', 'IPv4'] },
      { IPv4: '10.0.0.1', IPv6: 'fd00::1' },
    ],
    [
      'a family without an IP',
      { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv4', 'IPv6'] },
      { IPv4: '10.0.0.1' },
    ],
    ['not canonical', { clusterIP: '010.0.0.1' }, { IPv4: '10.0.0.1' }],
  ])('%s', (_name, spec, clusterIPs) => expect(parse(spec).service?.clusterIPs).toEqual(clusterIPs));

  it('refuses an IP of another family than ipFamilies says', () => {
    const { service: parsed, texts } = parse({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv6'] });
    expect(parsed?.clusterIPs).toEqual({});
    expect(texts).toEqual([
      'warning: Service default/web spec.clusterIPs[0]: 10.0.0.1 is not IPv6, which ipFamilies requires; it is left out',
    ]);
  });
});

describe('ports', () => {
  it('have the defaults of the API server', () => {
    expect(parse({ ports: [{ port: 80 }] }).service?.ports).toEqual([
      { name: '', protocol: 'TCP', port: 80, nodePort: undefined },
    ]);
  });

  it('are left out alone when something is wrong with them', () => {
    const ports = [
      { name: 'a', port: 70000 },
      { name: 'B', port: 1 },
      { name: 'c', port: 1, protocol: 'ICMP' },
      { name: 'd', port: '80' },
      'e',
      { name: 'f', port: 80, nodePort: -1 },
    ];
    const { service: parsed, texts } = parse({ ports });
    expect(parsed?.ports).toEqual([{ name: 'f', protocol: 'TCP', port: 80, nodePort: undefined }]);
    expect(texts).toEqual([
      'warning: Service default/web spec.ports[0].port: 70000 is outside 1–65535; the port is skipped, the Service keeps its other ports',
      'warning: Service default/web spec.ports[1].name: "B" is not a port name; the port is skipped, the Service keeps its other ports',
      'warning: Service default/web spec.ports[2].protocol: "ICMP" is not TCP, UDP or SCTP; the port is skipped, the Service keeps its other ports',
      'warning: Service default/web spec.ports[3].port: "80" is outside 1–65535; the port is skipped, the Service keeps its other ports',
      'warning: Service default/web spec.ports[4]: "e" is not an object; it is ignored',
      'warning: Service default/web spec.ports[4].port: undefined is outside 1–65535; the port is skipped, the Service keeps its other ports',
      'warning: Service default/web spec.ports[5].nodePort: -1 is outside 1–65535; there is no node port',
    ]);
  });

  it('with one name and protocol: the later one counts, as in kube-proxy', () => {
    const { service: parsed, texts } = parse({ ports: [{ port: 80 }, { port: 81 }, { port: 80, protocol: 'UDP' }] });
    expect(parsed?.ports.map(({ port, protocol }) => [port, protocol])).toEqual([
      [81, 'TCP'],
      [80, 'UDP'],
    ]);
    expect(texts).toHaveLength(1);
  });
});

describe('addresses from outside', () => {
  it('keep their order and lose what is no address', () => {
    const externalIPs = ['203.0.113.2', '2001:db8::2', 'x', '127.0.0.1', '0.0.0.0', '203.0.113.1'];
    const { service: parsed, texts } = parse({ externalIPs });
    expect(parsed?.externalIPs).toEqual(['203.0.113.2', '2001:db8::2', '203.0.113.1']);
    expect(texts).toEqual([
      'warning: Service default/web spec.externalIPs[2]: "x" is not an IP address; it is left out',
      "warning: Service default/web spec.externalIPs[3]: 127.0.0.1 (loopback) cannot be a Service's address; it is left out",
      "warning: Service default/web spec.externalIPs[4]: 0.0.0.0 (unspecified) cannot be a Service's address; it is left out",
    ]);
  });

  it('of a load balancer come with their mode; host names have none', () => {
    const ingress = [
      { ip: '203.0.113.1' },
      { hostname: 'lb.example' },
      { ip: '203.0.113.2', ipMode: 'Proxy' },
      { ip: '', ipMode: 'x' },
    ];
    const { service: parsed } = parse({ type: 'LoadBalancer' }, { status: { loadBalancer: { ingress } } });
    expect(parsed?.loadBalancerIPs).toEqual([
      { address: '203.0.113.1', mode: 'VIP' },
      { address: '203.0.113.2', mode: 'Proxy' },
    ]);
  });

  it('source ranges are trimmed and masked', () => {
    const { service: parsed, texts } = parse({
      loadBalancerSourceRanges: [' 192.0.2.77/24 ', '2001:db8::/32', '10.0.0.1'],
    });
    expect(parsed?.sourceRanges).toEqual(['192.0.2.0/24', '2001:db8::/32']);
    expect(texts).toEqual([
      'warning: Service default/web spec.loadBalancerSourceRanges[2]: "10.0.0.1" is not a CIDR; it allows no clients',
    ]);
  });
});

describe('policies', () => {
  const local = { externalTrafficPolicy: 'Local' };
  it.each([
    [{ type: 'NodePort', ...local }, true, undefined],
    [{ type: 'LoadBalancer', ...local, healthCheckNodePort: 32000 }, true, 32000],
    [{ type: 'NodePort', ...local, healthCheckNodePort: 32000 }, true, undefined],
    [{ type: 'LoadBalancer', healthCheckNodePort: 32000 }, false, undefined],
    [{ type: 'ClusterIP', ...local }, false, undefined],
    [{ type: 'ClusterIP', ...local, externalIPs: ['203.0.113.1'] }, true, undefined],
  ])('%j', (spec, externalPolicyLocal, healthCheckNodePort) => {
    expect(parse(spec).service).toMatchObject({ externalPolicyLocal, healthCheckNodePort });
  });

  it.each([
    [{}, { kind: 'none' }],
    [{ sessionAffinity: 'ClientIP' }, { kind: 'clientIP', seconds: 10800 }],
    [
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } },
      { kind: 'clientIP', seconds: 5 },
    ],
    [
      { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } },
      { kind: 'clientIP', seconds: 10800 },
    ],
    [{ sessionAffinity: 'Cookie' }, { kind: 'none' }],
  ])('affinity %j', (spec, affinity) => expect(parse(spec).service?.affinity).toEqual(affinity));

  it('the older hints annotation wins by being there', () => {
    const annotations = {
      'service.kubernetes.io/topology-aware-hints': '',
      'service.kubernetes.io/topology-mode': 'Auto',
    };
    expect(parse({}, { annotations }).service?.hintsAnnotation).toBe('');
  });
});

describe('objects that are hardly Services', () => {
  it.each([
    [
      { metadata: { name: 'A b' } },
      'error: Service A b metadata.name: "A b" is not an object name (lower-case letters, digits, "-", "."); the object is left out',
    ],
    [
      {},
      'error: Service (no name) metadata.name: undefined is not an object name (lower-case letters, digits, "-", "."); the object is left out',
    ],
    [
      { metadata: { name: 'a', namespace: 'x\ny' } },
      'error: Service x\\u{a}y/a metadata.namespace: "x\\u{a}y" is not a namespace name; the object is left out',
    ],
  ])('%j', (object, text) => {
    const parsed = parseRaw({ apiVersion: 'v1', kind: 'Service', spec: { clusterIP: '10.0.0.1' }, ...object });
    expect(parsed.service).toBeUndefined();
    expect(parsed.texts).toEqual([text]);
  });

  it('survive any shape of any field', () => {
    for (const junk of [null, 7, 'x', [], [null], {}, { a: 1 }, true]) {
      for (const field of Object.keys(fullSpec)) {
        expect(() => parse({ ...fullSpec, [field]: junk })).not.toThrow();
      }
      expect(() => parse({}, { status: { loadBalancer: junk } })).not.toThrow();
      expect(() => parse({}, { status: { loadBalancer: { ingress: [junk] } } })).not.toThrow();
    }
  });

  it('do not flood the report', () => {
    const { texts } = parse({ externalIPs: new Array(1000).fill('x') });
    expect(texts).toHaveLength(21);
    expect(texts.at(-1)).toBe(
      'error: Service default/web: has more problems; they are not listed'.replace('error', 'warning'),
    );
  });
});

const fullSpec: Record<string, unknown> = {
  type: 'LoadBalancer',
  clusterIP: '10.0.0.1',
  clusterIPs: ['10.0.0.1'],
  ipFamilies: ['IPv4'],
  ports: [{ port: 80 }],
  externalIPs: ['203.0.113.1'],
  loadBalancerSourceRanges: ['10.0.0.0/8'],
  sessionAffinity: 'ClientIP',
  sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
  externalTrafficPolicy: 'Local',
  internalTrafficPolicy: 'Local',
  healthCheckNodePort: 32000,
  trafficDistribution: 'PreferClose',
};
