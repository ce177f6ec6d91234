import { describe, expect, it } from 'vitest';
import { endpoint, slice } from '../../test/helpers/kubernetes.ts';
import { type Diagnostic, formatDiagnostic } from '../values/diagnostic.ts';
import type { Fields } from './fields.ts';
import { parseEndpointSlice } from './endpoint-slice.ts';

function parse(object: Fields) {
  const diagnostics: Diagnostic[] = [];
  return { slice: parseEndpointSlice(object, undefined, diagnostics), texts: diagnostics.map(formatDiagnostic) };
}

const where = 'warning: EndpointSlice default/web-x';

describe('endpoints', () => {
  it('without conditions are ready, serving and not terminating', () => {
    const { slice: parsed } = parse(
      slice('web', 'web-x', [{ addresses: ['10.1.0.1'] }, { addresses: ['10.1.0.2'], conditions: { ready: null } }]),
    );
    expect(parsed?.endpoints.map(({ ready, serving, terminating }) => [ready, serving, terminating])).toEqual([
      [true, true, false],
      [true, true, false],
    ]);
  });

  it('are left out alone when something is wrong with them', () => {
    const endpoints = [
      { addresses: ['10.1.0.01'] },
      { addresses: ['fd00::1'] },
      { addresses: ['::ffff:10.1.0.1'] },
      { addresses: ['10.1.0.1\n-A INPUT -j ACCEPT'] },
      { addresses: [7] },
      { addresses: [] },
      { addresses: null },
      { addresses: ['10.1.0.6'], conditions: { ready: 'yes' } },
      null,
      { addresses: ['10.1.0.9'] },
    ];
    const { slice: parsed, texts } = parse(slice('web', 'web-x', endpoints as never));
    expect(parsed?.endpoints.map(({ index, address }) => [index, address])).toEqual([[9, '10.1.0.9']]);
    expect(texts).toEqual([
      `${where} endpoints[0].addresses[0]: "10.1.0.01" is not an IPv4 address; this endpoint is left out`,
      `${where} endpoints[1].addresses[0]: "fd00::1" is not an IPv4 address; this endpoint is left out`,
      `${where} endpoints[2].addresses[0]: "::ffff:10.1.0.1" is not an IPv4 address; this endpoint is left out`,
      `${where} endpoints[3].addresses[0]: "10.1.0.1\\u{a}-A INPUT -j ACCEPT" is not an IPv4 address; this endpoint is left out`,
      `${where} endpoints[4].addresses[0]: 7 is not an IPv4 address; this endpoint is left out`,
      `${where} endpoints[7].conditions.ready: "yes" is not valid: use true or false; this endpoint is left out`,
    ]);
  });

  it('at special addresses are marked and reported once, whatever the number of ports', () => {
    const { slice: parsed, texts } = parse(slice('web', 'web-x', ['169.254.169.254', '10.1.0.1']));
    expect(parsed?.endpoints.map(({ special }) => special)).toEqual(['link-local', undefined]);
    expect(texts).toEqual([
      `${where} endpoints[0].addresses[0]: 169.254.169.254 (link-local) cannot be an endpoint's address; this endpoint is rejected`,
    ]);
  });

  it('count with their first address only', () => {
    const { slice: parsed, texts } = parse(slice('web', 'web-x', [{ addresses: ['10.1.0.1', '10.1.0.2'] }]));
    expect(parsed?.endpoints.map(({ address }) => address)).toEqual(['10.1.0.1']);
    expect(texts).toEqual([`${where} endpoints[0].addresses: has 2 addresses; only the first is used`]);
  });

  it('of IPv6 are re-formatted', () => {
    const { slice: parsed } = parse(slice('web', 'web-x', ['FD00:10:10:0::9'], { addressType: 'IPv6' }));
    expect(parsed?.endpoints.map(({ address }) => address)).toEqual(['fd00:10:10::9']);
  });

  it('carry hints by zone and by node', () => {
    const { slice: parsed } = parse(
      slice('web', 'web-x', [endpoint('10.1.0.1', { forZones: ['a', ''], forNodes: ['n'] })]),
    );
    expect(parsed?.endpoints[0]).toMatchObject({ zoneHints: ['a'], nodeHints: ['n'] });
  });
});

describe('ports', () => {
  it('have the defaults of the API server; without a number they mean nothing', () => {
    const ports = [
      { port: 8080 },
      { name: 'none' },
      { name: 'zero', port: 0 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ];
    const { slice: parsed, texts } = parse(slice('web', 'web-x', [], { ports }));
    expect(parsed?.ports).toEqual([
      { name: '', protocol: 'TCP', port: 8080 },
      { name: 'dns', protocol: 'UDP', port: 53 },
    ]);
    expect(texts).toEqual([]);
  });

  it('are left out alone when wrong, and count once when repeated', () => {
    const ports = [
      { port: 65536 },
      { name: 'A', port: 1 },
      { port: 1, protocol: 'tcp' },
      { name: 'a', port: 1 },
      { name: 'a', port: 2 },
    ];
    const { slice: parsed, texts } = parse(slice('web', 'web-x', [], { ports }));
    expect(parsed?.ports).toEqual([{ name: 'a', protocol: 'TCP', port: 1 }]);
    expect(texts).toEqual([
      `${where} ports[0].port: 65536 is outside 1–65535; the port is skipped`,
      `${where} ports[1].name: "A" is not a port name; the port is skipped`,
      `${where} ports[2].protocol: "tcp" is not TCP, UDP or SCTP; the port is skipped`,
      `${where} ports[4]: repeats port "a" TCP; the first one is used`,
    ]);
  });

  it.each([null, []])('may be %j, and so may endpoints', (empty) => {
    const { slice: parsed, texts } = parse(slice('web', 'web-x', empty, { ports: empty }));
    expect(parsed).toMatchObject({ ports: [], endpoints: [] });
    expect(texts).toEqual([]);
  });
});

describe('slices of no use', () => {
  it.each([
    ['FQDN', 'rules cannot contain host names; the slice is ignored'],
    ['IPv5', '"IPv5" is not valid: use IPv4 or IPv6; the slice is left out'],
  ])('address type %s', (addressType, message) => {
    const parsed = parse(slice('web', 'web-x', ['a.example'], { addressType }));
    expect(parsed).toEqual({ slice: undefined, texts: [`${where} addressType: ${message}`] });
  });

  it('survive any shape of any field', () => {
    const good: Record<string, unknown> = slice('web', 'web-x', [endpoint('10.1.0.1', { forZones: ['a'] })]);
    for (const junk of [null, 7, 'x', [], [null], [[]], {}, true]) {
      for (const field of Object.keys(good)) expect(() => parse({ ...good, [field]: junk })).not.toThrow();
      for (const field of ['addresses', 'conditions', 'hints', 'nodeName', 'zone']) {
        expect(() => parse({ ...good, endpoints: [{ ...endpoint('10.1.0.1'), [field]: junk }] })).not.toThrow();
      }
    }
  });
});

describe('addresses that are not in their usual form', () => {
  it('are used in it, and that is said once a slice', () => {
    const endpoints = ['fd00:10:10:0::9', 'FD00::A', 'fd00::1'];
    const { slice: parsed, texts } = parse(slice('web', 'web-x', endpoints, { addressType: 'IPv6' }));
    expect(parsed?.endpoints.map(({ address }) => address)).toEqual(['fd00:10:10::9', 'fd00::a', 'fd00::1']);
    expect(texts).toEqual([
      'info: EndpointSlice default/web-x endpoints[0].addresses[0]: "fd00:10:10:0::9" is an unusual form of fd00:10:10::9; such addresses of this slice are used in canonical form',
    ]);
  });
});

describe('annotations', () => {
  const parsed = (annotations: Record<string, string>) => parse(slice('web', 'web-x', ['10.1.0.1'], { annotations }));

  it.each([
    [{}, 1],
    [{ 'slicewright.dev/weight': '0' }, 0],
    [{ 'service.cilium.io/weight': '65535' }, 65535],
    [{ 'service.cilium.io/weight': '7', 'slicewright.dev/weight': '3' }, 3],
  ])('%j are a weight of %i', (annotations, weight) => {
    expect(parsed(annotations)).toMatchObject({ slice: { weight }, texts: [] });
  });

  it.each(['-1', '65536', '1.5', '', '1e3', 'heavy\n'])('"%s" is no weight, and leaves 1', (weight) => {
    const { slice: read, texts } = parsed({ 'slicewright.dev/weight': weight });
    expect(read?.weight).toBe(1);
    expect(texts).toEqual([
      expect.stringMatching(/is not a whole number from 0 to 65535; its endpoints have weight 1$/),
    ]);
  });

  it("tell the source Service's ports", () => {
    const text = '[{"name":"http","protocol":"TCP","port":80},{"port":53}]';
    expect(parsed({ 'slicewright.dev/service-ports': text }).slice?.servicePorts).toEqual([
      { name: 'http', protocol: 'TCP', port: 80 },
      { name: '', protocol: 'TCP', port: 53 },
    ]);
    expect(parsed({}).slice?.servicePorts).toBeUndefined();
  });

  it.each([
    '',
    '{}',
    '[{"port":0}]',
    '[{"port":80},{"port":80,"protocol":"ICMP"}]',
    '[null]',
    'http',
    '[{"name":"A b","port":1}]',
  ])('of ports that read %s tell nothing, not even in part', (text) => {
    const { slice: read, texts } = parsed({ 'slicewright.dev/service-ports': text });
    expect(read?.servicePorts).toBeUndefined();
    expect(texts).toEqual([expect.stringContaining("the Service's ports are treated as unknown")]);
  });
});
