import { describe, expect, it } from 'vitest';
import { asFields, type Fields } from '../../compiler/model/fields.ts';
import { compile } from '../../compiler/index.ts';
import { endpointText } from '../../compiler/ir/ir.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { parseCidr } from '../../compiler/values/address.ts';
import { parseClusterName } from '../../compiler/values/names.ts';
import type { ControllerSettings } from '../../controller/core/world.ts';
import { kinds } from '../../controller/core/kinds.ts';
import type { Field } from '../../controller/settle.fixture.ts';
import { endpoint, node } from '../helpers/kubernetes.ts';
import { clusters, nativeSlice, objectIn, serviceExport, slicesIn, target, webService } from './stories.ts';

/**
 * The conformance suite of the MCS API by the numbers of its cases, in the forms that
 * imports can be served in: by a derived Service, and at clusterset IPs. Where the suite asks by DNS, the address in
 * `spec.ips` is asked.
 */

const range = ['10.250.0.0/24', 'fd00:250::/112'].map(parseCidr).filter((cidr) => cidr !== undefined);
const forms: readonly (readonly [string, Partial<ControllerSettings>])[] = [
  ['derived Services', { importStyle: 'mcs' }],
  ['clusterset IPs', { importStyle: 'mcs', clusterSetIpRanges: range }],
];

const members = ['c1', 'c2', 'c3'];
const created = (year: number) => ({ creationTimestamp: `${year}-01-01T00:00:00Z` });

/** The suite's Service, in one cluster. */
const hello = (spec: object = {}) =>
  webService('hello', {
    clusterIP: '10.96.1.1',
    ports: [
      { name: 'tcp', port: 42, protocol: 'TCP', targetPort: 42 },
      { name: 'udp', port: 42, protocol: 'UDP', targetPort: 42 },
    ],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
    ...spec,
  });

const ports = [
  { name: 'tcp', port: 42, protocol: 'TCP' },
  { name: 'udp', port: 42, protocol: 'UDP' },
];

interface Exporter {
  readonly cluster: string;
  readonly service: object;
  readonly year?: number;
  readonly addresses?: readonly string[];
  readonly ports?: readonly Record<string, unknown>[];
  readonly exportSpec?: object;
}

function world(settings: Partial<ControllerSettings>, exporters: readonly Exporter[]): Field {
  const field = clusters(members, { settings, withHub: false });
  for (const { cluster, service, year = 2024, addresses, ports: offered = ports, exportSpec } of exporters) {
    field.put(target(cluster), service, serviceExport('hello', created(year), exportSpec));
    if (addresses !== undefined)
      field.put(target(cluster), nativeSlice('hello', cluster, addresses, { ports: offered }));
  }
  return field;
}

const unexport = (field: Field, cluster: string) => field.remove(target(cluster), kinds.serviceExport, 'default/hello');
const importIn = (field: Field, cluster: string) => objectIn(field, cluster, 'serviceImport', 'hello');
const specIn = (field: Field, cluster: string): Fields => asFields(importIn(field, cluster)?.fields.spec) ?? {};

/** `Valid=True/Valid` and so on, of the export in a cluster. */
function conditions(field: Field, cluster: string): readonly string[] {
  const { statuses } = field.settle();
  const found = statuses.find(({ target: where, id }) => where === cluster && id.kind === 'ServiceExport');
  return found?.conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`) ?? [];
}

/** Where connections go to from a node of a cluster, by port of the import's addresses. */
function reached(
  field: Field,
  cluster: string,
  kind: 'IPv4' | 'IPv6' = 'IPv4',
): Readonly<Record<string, readonly string[]>> {
  const ips = (specIn(field, cluster).ips ?? []) as readonly string[];
  const { services, diagnostics } = compile({
    clusters: [{ cluster: undefined, objects: [...field.objects(target(cluster)), node('n')] }],
    settings: { ...defaultSettings, ownCluster: parseClusterName(cluster) },
    nodeName: 'n',
    localAddresses: undefined,
  });
  // What the controller writes means nothing strange to an agent.
  expect(diagnostics.filter(({ code }) => code.startsWith('policy-'))).toEqual([]);
  const found: Record<string, readonly string[]> = {};
  for (const { frontends, pools, protocol } of services[kind]) {
    for (const frontend of frontends) {
      if (frontend.kind === 'nodePort' || !ips.includes(frontend.address)) continue;
      found[`${frontend.port}/${protocol}`] = pools.cluster.map(
        (each) => `${each.cluster ?? cluster} ${endpointText(each)}`,
      );
    }
  }
  return found;
}

describe.each(forms)('with %s', (_form, settings) => {
  const two = (service: object, year = 2025): Field =>
    world(settings, [
      { cluster: 'c1', service: hello(), year: 2024 },
      { cluster: 'c2', service, year },
    ]);

  it('1: what is not exported has no import and no address', () => {
    const field = clusters(members, { settings, withHub: false });
    field.put(target('c1'), hello(), nativeSlice('hello', 'c1', ['10.1.0.1'], { ports }));
    expect(field.settle().writes).toEqual([]);
    for (const cluster of members) expect(importIn(field, cluster)).toBeUndefined();
  });

  it('2: the import is there as long as somebody exports', () => {
    const field = two(hello());
    field.settle();
    unexport(field, 'c1');
    field.settle();
    for (const cluster of members) expect(importIn(field, cluster)).toBeDefined();
    unexport(field, 'c2');
    field.settle();
    for (const cluster of members) {
      expect(importIn(field, cluster)).toBeUndefined();
      expect(slicesIn(field, cluster, 'hello')).toEqual({});
      expect(field.caches.get(target(cluster))?.madeFor('Service default/hello')).toEqual([]);
    }
  });

  it('3: a ClusterIP Service becomes an import of type ClusterSetIP in each cluster', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello() }]);
    expect(conditions(field, 'c1')).toEqual(['Valid=True/Valid', 'Ready=True/Exported', 'Conflict=False/NoConflicts']);
    for (const cluster of members) expect(specIn(field, cluster).type).toBe('ClusterSetIP');
    unexport(field, 'c1');
    field.settle();
    for (const cluster of members) expect(importIn(field, cluster)).toBeUndefined();
  });

  it('4: session affinity is the exporter’s', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello() }]);
    field.settle();
    for (const cluster of members) {
      expect(specIn(field, cluster)).toMatchObject({
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      });
    }
  });

  it('5, 6: so are the internal traffic policy and the traffic distribution', () => {
    const service = hello({ internalTrafficPolicy: 'Local', trafficDistribution: 'PreferClose' });
    const field = world(settings, [{ cluster: 'c1', service }]);
    field.settle();
    for (const cluster of members) {
      expect(specIn(field, cluster)).toMatchObject({
        internalTrafficPolicy: 'Local',
        trafficDistribution: 'PreferClose',
      });
    }
  });

  it('7: there is one address for each family, in the order of the families', () => {
    const families = settings.clusterSetIpRanges === undefined ? ['IPv4'] : ['IPv6', 'IPv4'];
    const field = world(settings, [{ cluster: 'c1', service: hello({ ipFamilies: families }) }]);
    field.settle();
    for (const cluster of members) {
      const { ips, ipFamilies } = specIn(field, cluster) as { ips: readonly string[]; ipFamilies: readonly string[] };
      expect(ipFamilies).toEqual(families);
      expect(ips.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'))).toEqual(families);
    }
  });

  it('8: ports are the exporter’s', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello() }]);
    field.settle();
    for (const cluster of members) expect(specIn(field, cluster).ports).toEqual(ports);
  });

  it('9: different ports are united, and both exports say so', () => {
    const field = two(hello({ ports: [{ name: 'stcp', port: 142, protocol: 'TCP' }] }));
    for (const cluster of ['c1', 'c2']) expect(conditions(field, cluster)).toContain('Conflict=True/PortConflict');
    for (const cluster of members) {
      expect(specIn(field, cluster).ports).toEqual([...ports, { name: 'stcp', port: 142, protocol: 'TCP' }]);
    }
  });

  it.each([2025, 2023])('10: of one name with two numbers the oldest export’s counts (other of %i)', (year) => {
    const field = two(hello({ ports: [{ name: 'tcp', port: 4242, protocol: 'TCP' }] }), year);
    for (const cluster of ['c1', 'c2']) expect(conditions(field, cluster)).toContain('Conflict=True/PortConflict');
    const tcp = (specIn(field, 'c3').ports as readonly { name: string; port: number }[]).find(
      ({ name }) => name === 'tcp',
    );
    expect(tcp?.port).toBe(year === 2025 ? 42 : 4242);
  });

  it('11, 12: a headless Service becomes a headless import without addresses', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello({ clusterIP: 'None' }), addresses: ['10.1.0.1'] }]);
    field.settle();
    for (const cluster of members) {
      expect(specIn(field, cluster).type).toBe('Headless');
      expect(specIn(field, cluster)).not.toHaveProperty('ips');
    }
    unexport(field, 'c1');
    field.settle();
    for (const cluster of members) expect(importIn(field, cluster)).toBeUndefined();
  });

  it('13: an ExternalName Service is not valid, and not imported', () => {
    const field = world(settings, [
      { cluster: 'c1', service: webService('hello', { type: 'ExternalName', externalName: 'a.example', ports: [] }) },
    ]);
    expect(conditions(field, 'c1')).toContain('Valid=False/InvalidServiceType');
    for (const cluster of members) expect(importIn(field, cluster)).toBeUndefined();
  });

  it('13b: neither is one that is not there', () => {
    const field = clusters(members, { settings, withHub: false });
    field.put(target('c1'), serviceExport('hello'));
    expect(conditions(field, 'c1')).toEqual([
      'Valid=False/NoService',
      'Ready=False/Pending',
      'Conflict=False/NoConflicts',
    ]);
    for (const cluster of members) expect(importIn(field, cluster)).toBeUndefined();
  });

  it('14: ClusterIP first and headless second is ClusterSetIP, and both exports say so', () => {
    const field = two(hello({ clusterIP: 'None' }));
    for (const cluster of ['c1', 'c2']) {
      expect(conditions(field, cluster).at(-1)).toMatch(/^Conflict=True\/(.*,)?TypeConflict/);
    }
    for (const cluster of members) expect(specIn(field, cluster).type).toBe('ClusterSetIP');
  });

  it('15: exported labels and annotations alone appear on the import', () => {
    const field = clusters(members, { settings, withHub: false });
    const metadata = { labels: { own: 'label' }, annotations: { own: 'annotation' } };
    const exportSpec = { exportedLabels: { a: '1' }, exportedAnnotations: { b: '2', 'slicewright.dev/adopt': 'true' } };
    field.put(target('c1'), { ...hello(), metadata: { name: 'hello', namespace: 'default', ...metadata } });
    field.put(target('c1'), serviceExport('hello', metadata, exportSpec));
    field.settle();
    for (const cluster of members) {
      const ours = (key: string) =>
        !key.startsWith('slicewright.dev/') && !key.startsWith('multicluster.kubernetes.io/');
      const { labels, annotations } = importIn(field, cluster) ?? { labels: new Map(), annotations: new Map() };
      expect([...labels].filter(([key]) => ours(key))).toEqual([['a', '1']]);
      expect([...annotations].filter(([key]) => ours(key))).toEqual([['b', '2']]);
      expect(annotations.has('slicewright.dev/adopt')).toBe(false);
    }
  });

  it('16: of conflicting ones the oldest export’s count, and both exports say so', () => {
    const field = world(settings, [
      {
        cluster: 'c1',
        service: hello(),
        year: 2024,
        exportSpec: { exportedLabels: { a: 'old' }, exportedAnnotations: { b: 'old' } },
      },
      {
        cluster: 'c2',
        service: hello(),
        year: 2025,
        exportSpec: { exportedLabels: { a: 'new' }, exportedAnnotations: { b: 'new' } },
      },
    ]);
    for (const cluster of ['c1', 'c2']) {
      expect(conditions(field, cluster)).toContain('Conflict=True/LabelsConflict,AnnotationsConflict');
    }
    for (const cluster of members) expect(importIn(field, cluster)?.labels.get('a')).toBe('old');
  });

  it('17: each cluster has a slice for each address type, marked and owned by the import', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello(), addresses: ['10.1.0.1'] }]);
    const ipv6 = nativeSlice('hello', 'c1-6', ['fd00::1'], { ports, addressType: 'IPv6' });
    field.put(target('c1'), ipv6);
    field.settle();
    for (const cluster of members) {
      const copies =
        field.caches
          .get(target(cluster))
          ?.all(kinds.slice)
          .filter(({ labels }) => labels.has('multicluster.kubernetes.io/source-cluster')) ?? [];
      expect(new Set(copies.map(({ fields }) => fields.addressType))).toEqual(new Set(['IPv4', 'IPv6']));
      for (const { labels } of copies) {
        expect(labels.get('multicluster.kubernetes.io/service-name')).toBe('hello');
        expect(labels.get('multicluster.kubernetes.io/source-cluster')).toBe('c1');
        expect(labels.get('endpointslice.kubernetes.io/managed-by')).toBe('controller.slicewright.dev');
      }
    }
    unexport(field, 'c1');
    field.settle();
    for (const cluster of ['c2', 'c3']) expect(field.caches.get(target(cluster))?.all(kinds.slice)).toEqual([]);
  });

  it('18: the import’s address leads to the exporter from every cluster', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello(), addresses: ['10.1.0.1'] }]);
    field.settle();
    for (const cluster of members) {
      expect(reached(field, cluster)).toEqual({ '42/TCP': ['c1 10.1.0.1:42'], '42/UDP': ['c1 10.1.0.1:42'] });
    }
  });

  it('19: a Service that is in two clusters, and exported from one, leads to that one', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello(), addresses: ['10.1.0.1'] }]);
    field.put(target('c2'), hello({ clusterIP: '10.96.9.9' }), nativeSlice('hello', 'c2', ['10.2.0.1'], { ports }));
    field.settle();
    for (const cluster of members) expect(reached(field, cluster)['42/TCP']).toEqual(['c1 10.1.0.1:42']);
    // 24, without DNS: the local Service keeps its own endpoints.
    expect(slicesIn(field, 'c2', 'hello')).toEqual({ 'hello-c2': ['10.2.0.1'] });
  });

  it('20: of one port name with two numbers only the oldest export’s cluster is reached', () => {
    const field = world(settings, [
      {
        cluster: 'c1',
        service: hello({ ports: [{ name: 'tcp', port: 42, protocol: 'TCP', targetPort: 42 }] }),
        year: 2024,
        addresses: ['10.1.0.1'],
        ports: [{ name: 'tcp', port: 42, protocol: 'TCP' }],
      },
      {
        cluster: 'c2',
        service: hello({ ports: [{ name: 'tcp', port: 4242, protocol: 'TCP', targetPort: 42 }] }),
        year: 2025,
        addresses: ['10.2.0.1'],
        ports: [{ name: 'tcp', port: 42, protocol: 'TCP' }],
      },
    ]);
    field.settle();
    for (const cluster of members) expect(reached(field, cluster)).toEqual({ '42/TCP': ['c1 10.1.0.1:42'] });
  });

  it('21: different port names each lead to their own cluster', () => {
    const field = world(settings, [
      {
        cluster: 'c1',
        service: hello({ ports: [{ name: 'tcp', port: 42, protocol: 'TCP', targetPort: 42 }] }),
        year: 2024,
        addresses: ['10.1.0.1'],
        ports: [{ name: 'tcp', port: 42, protocol: 'TCP' }],
      },
      {
        cluster: 'c2',
        service: hello({ ports: [{ name: 'tcp2', port: 4242, protocol: 'TCP', targetPort: 42 }] }),
        year: 2025,
        addresses: ['10.2.0.1'],
        ports: [{ name: 'tcp2', port: 42, protocol: 'TCP' }],
      },
    ]);
    field.settle();
    for (const cluster of members) {
      expect(reached(field, cluster)).toEqual({ '42/TCP': ['c1 10.1.0.1:42'], '4242/TCP': ['c2 10.2.0.1:42'] });
    }
  });

  it('an export may name the clusters that it is for', () => {
    const field = clusters(members, { settings, withHub: false });
    field.put(target('c1'), hello(), nativeSlice('hello', 'c1', ['10.1.0.1'], { ports }));
    field.put(target('c1'), serviceExport('hello', { annotations: { 'slicewright.dev/consumer-clusters': 'c3' } }));
    field.settle();
    expect(members.map((cluster) => importIn(field, cluster) !== undefined)).toEqual([true, false, true]);
  });

  it('a ServiceImport that a user wrote stays as it is', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello(), addresses: ['10.1.0.1'] }]);
    const own = {
      apiVersion: 'multicluster.x-k8s.io/v1alpha1',
      kind: 'ServiceImport',
      metadata: { name: 'hello', namespace: 'default' },
      spec: { type: 'Headless', ports: [] },
    };
    field.put(target('c2'), own);
    const { events } = field.settle();
    expect(specIn(field, 'c2').type).toBe('Headless');
    expect(slicesIn(field, 'c2', 'hello')).toEqual({});
    expect(events).toContainEqual(expect.objectContaining({ target: 'c2', reason: 'ImportConflict' }));
  });

  it('clusters without the namespace get nothing', () => {
    const field = world(settings, [{ cluster: 'c1', service: hello() }]);
    field.remove(target('c3'), kinds.namespace, 'default');
    field.settle();
    expect(field.objects(target('c3'))).toEqual([]);
  });
});

describe('copies', () => {
  it('say nothing of nodes and zones that means something only at home', () => {
    const field = world({ importStyle: 'mcs' }, [{ cluster: 'c1', service: hello() }]);
    const pod = {
      ...endpoint('10.1.0.1', { node: 'n1', zone: 'a', forZones: ['a'] }),
      hostname: 'web-0',
      targetRef: { kind: 'Pod', name: 'web-0', namespace: 'default', uid: 'u', resourceVersion: '7' },
      deprecatedTopology: { rack: '1' },
    };
    field.put(target('c1'), nativeSlice('hello', 'c1', [], { ports }), {
      ...nativeSlice('hello', 'c1', []),
      ports,
      endpoints: [pod],
    });
    field.settle();
    const copyIn = (cluster: string) =>
      field.caches
        .get(target(cluster))
        ?.all(kinds.slice)
        .find(({ labels }) => labels.has('multicluster.kubernetes.io/source-cluster'))?.fields.endpoints;
    const kept = {
      addresses: ['10.1.0.1'],
      conditions: { ready: true },
      hostname: 'web-0',
      targetRef: { kind: 'Pod', name: 'web-0', namespace: 'default' },
    };
    expect(copyIn('c2')).toEqual([{ ...kept, zone: 'c1/a' }]);
    expect(copyIn('c1')).toEqual([{ ...kept, zone: 'a', nodeName: 'n1' }]);
  });
});
