import { describe, expect, it } from 'vitest';
import { endpointText } from '../../compiler/ir/ir.ts';
import { backendNames, compileCase, inIPv6, readCase, reportsOf } from './cases.ts';

describe('an address of somebody else is left to them in IPVS mode, and a warning says so', () => {
  it.each([
    [
      '48-externalip-every-node-ipvs',
      /^ipvs-address-elsewhere: .*shop\/web: 192\.168\.70\.12 is the address of another node/,
    ],
    ['48-externalip-every-node-ipvs', /^ipvs-address-elsewhere: .*shop\/web: fd70::12 is the address of another node/],
    ['61-ipvs-externalip-not-a-node', /^ipvs-address-elsewhere: .*shop\/web: 10\.50\.2\.62 is the address of a pod/],
  ])('%s', async (name, message) => {
    expect(await reportsOf(readCase(name), 'ipvs')).toContainEqual(expect.stringMatching(message));
    expect(await reportsOf(readCase(name), 'iptables')).not.toContainEqual(expect.stringMatching(message));
  });
});

/** What takes traffic away, each with the codes and sentences that say so, in every backend. */
const warnings: readonly (readonly [string, readonly RegExp[]])[] = [
  [
    '12-healthcheck-port-collision',
    [
      /^frontend-conflict: .*shop\/two: node port 30073\/TCP.*shop\/one/,
      /^health-check-port-conflict: .*shop\/two .*30074\/TCP.*belongs to Service shop\/three as its health check port/,
    ],
  ],
  ['22-port-renamed', [/^port-mismatch: .*shop\/ren: port "web" TCP: EndpointSlice ren-1 .*it has "http" TCP/]],
  ['23-endpoints-object-only', [/^endpoints-not-read: warning: Endpoints shop\/ext: .*EndpointSlice/]],
  ['24-v1beta1-slice', [/^other-version: warning: EndpointSlice shop\/old-1: .*v1beta1.*use discovery\.k8s\.io\/v1 /]],
  ['26-handwritten-portname-missing', [/^port-mismatch: .*shop\/ext: port "http" TCP: .*it has an unnamed TCP one/]],
  ['27-hostname-mismatch', [/^node-name-mismatch: .*node-a.*"node-a\.corp\.example"/]],
  [
    '49-endpoint-is-service-ip',
    [/^endpoint-is-service-address: .*Service shop\/front is the cluster IP of Service shop\/back/],
  ],
  ['58-protocol-mismatch', [/^protocol-mismatch: .*shop\/dns: port "d" UDP: EndpointSlice d-1 .*it has "d" TCP/]],
];

describe.each(backendNames)('what takes traffic away is said in %s mode', (backend) => {
  it.each(warnings)('%s', async (name, messages) => {
    const told = (await reportsOf(readCase(name), backend)).filter((text) => !text.startsWith('ipvs-'));
    expect(told).toEqual(messages.map((message) => expect.stringMatching(message)));
    // The addresses are others over IPv6, and nothing else is.
    const codes = (texts: readonly string[]) => texts.map((text) => text.split(':')[0]);
    const overIPv6 = (await reportsOf(inIPv6(readCase(name)), backend)).filter((text) => !text.startsWith('ipvs-'));
    expect(codes(overIPv6)).toEqual(codes(told));
  });
});

describe('health checks', () => {
  it.each(backendNames)('are answered for one Service a port, and no pod of another answers, in %s mode', (backend) => {
    const { services } = compileCase(readCase('12-healthcheck-port-collision'), backend);
    const ports = services.IPv4.map(({ service, healthCheckNodePort, frontends }) => [
      service,
      healthCheckNodePort,
      frontends.flatMap((frontend) => (frontend.kind === 'nodePort' ? [frontend.port] : [])),
    ]);
    expect(ports).toEqual([
      ['shop/one', 30073, [31162]],
      ['shop/three', 30074, [30075]],
      ['shop/two', undefined, []],
    ]);
  });
});

describe('a derived Service', () => {
  it.each(backendNames)('that an annotation names, by whatever domain, has the endpoints, in %s mode', (backend) => {
    const { services, diagnostics } = compileCase(readCase('36-custom-derived-name'), backend);
    const endpoints = services.IPv4.map(({ service, pools }) => [service, pools.cluster.map(endpointText)]);
    expect(endpoints).toEqual([
      ['shop/gke-mcs-abcdef', ['10.90.0.47:8080']],
      ['shop/my-serve', ['10.80.0.46:8080']],
    ]);
    expect(diagnostics).toEqual([]);
  });
});

describe('nothing is said where nothing is wrong', () => {
  it.each(['42-etp-switch-all-local', '53-same-nodeport-tcp-udp', '67-plan-against-old-kube-proxy-dump'])(
    '%s',
    async (name) => {
      for (const backend of backendNames) {
        expect(await reportsOf(readCase(name), backend)).toEqual([]);
        expect(await reportsOf(inIPv6(readCase(name)), backend)).toEqual([]);
      }
    },
  );
});
