import { describe, expect as expectThat, it } from 'vitest';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port, service } from '../../test/helpers/ir.ts';
import type { Frontend, ServicePortIR } from '../ir/ir.ts';
import type { NodeContext } from '../ir/node-context.ts';
import { parseInterfaceName } from '../settings.ts';
import { expect } from './expect.ts';
import { parsePacket } from './packet-text.ts';
import { formatVerdict } from './verdict-text.ts';

/** The fates of a packet, one line each. The node is 192.168.0.10, its pods are 10.1.0.0/16. */
function fates(services: ServicePortIR | readonly ServicePortIR[], packet: string, node: NodeContext = makeNode()) {
  const parsed = parsePacket(packet);
  if (parsed === undefined) throw new Error(`${packet} is not a packet`);
  return formatVerdict(expect([services].flat(), node, parsed)).join('; ');
}

function interfaceName(text: string) {
  const name = parseInterfaceName(text);
  if (name === undefined) throw new Error(`${text} is no interface name`);
  return name;
}

const here = endpoint('10.1.0.5:8080', { local: true });
const there = endpoint('10.2.0.5:8080');
const vip = clusterIP('10.96.0.1', 80);
const externalIP: Frontend = { kind: 'externalIP', address: address('203.0.113.7'), port: port(80) };
const nodePort: Frontend = { kind: 'nodePort', port: port(30080) };
const loadBalancer = (...ranges: string[]): Frontend => ({
  kind: 'loadBalancerIP',
  address: address('203.0.113.9'),
  port: port(80),
  sourceRanges: ranges.map(cidr),
});
const noLocal = { kind: 'drop', why: 'no-local-endpoints' } as const;
const toLocal = { kind: 'forward', pool: 'local' } as const;
const noEndpoints = { kind: 'reject', why: 'no-endpoints' } as const;

/** externalTrafficPolicy Local with an endpoint here and one elsewhere. */
const externalLocal = (frontends: readonly Frontend[], more: Partial<ServicePortIR> = {}) =>
  makeIR(frontends, [here, there], {
    pools: { cluster: [here, there], local: [here] },
    external: toLocal,
    keepClientAddress: true,
    ...more,
  });

describe('a cluster IP', () => {
  const cart = makeIR([vip], [here, there]);

  it('gives every endpoint its share, exactly', () => {
    expectThat(fates(cart, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe('1/2 to 10.1.0.5:8080; 1/2 to 10.2.0.5:8080');
  });

  it('weighs', () => {
    const weighed = makeIR([vip], [{ ...here, weight: 3 }, there]);
    expectThat(fates(weighed, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe('3/4 to 10.1.0.5:8080; 1/4 to 10.2.0.5:8080');
  });

  it('masquerades whoever is not a pod of this node', () => {
    const masqueraded = '1/2 to 10.1.0.5:8080 masqueraded; 1/2 to 10.2.0.5:8080 masqueraded';
    expectThat(fates(cart, 'node 192.168.0.10 -> 10.96.0.1:80/tcp')).toBe(masqueraded);
    expectThat(fates(cart, 'outside 192.0.2.1 -> 10.96.0.1:80/tcp')).toBe(masqueraded);
    expectThat(fates(cart, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp', makeNode({ masqueradeAll: true }))).toBe(masqueraded);
  });

  it('masquerades nobody where pods cannot be told', () => {
    const node = makeNode({ localDetector: undefined });
    expectThat(fates(cart, 'outside 192.0.2.1 -> 10.96.0.1:80/tcp', node)).toBe(
      '1/2 to 10.1.0.5:8080; 1/2 to 10.2.0.5:8080',
    );
  });

  it('knows pods by their interface, whatever their address', () => {
    const node = makeNode({ localDetector: { kind: 'interfacePrefix', prefix: interfaceName('cali') } });
    const single = makeIR([vip], [there]);
    expectThat(fates(single, 'on cali7 172.20.0.9 -> 10.96.0.1:80/tcp', node)).toBe('all to 10.2.0.5:8080');
    expectThat(fates(single, 'outside 10.1.0.9 -> 10.96.0.1:80/tcp', node)).toBe('all to 10.2.0.5:8080 masqueraded');
  });

  it('masquerades an endpoint that dials itself, and no other share of it', () => {
    expectThat(fates(cart, 'pod 10.1.0.5 -> 10.96.0.1:80/tcp')).toBe(
      '1/2 to 10.1.0.5:8080 masqueraded; 1/2 to 10.2.0.5:8080',
    );
  });

  it('masquerades what goes to an endpoint that asks for it', () => {
    const remote = makeIR([vip], [here, { ...there, masquerade: true }]);
    expectThat(fates(remote, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe(
      '1/2 to 10.1.0.5:8080; 1/2 to 10.2.0.5:8080 masqueraded',
    );
  });

  it('does not masquerade what arrives at an endpoint on the node itself: it never leaves again', () => {
    const host = makeIR([vip], [endpoint('192.168.0.10:8080', { local: true })]);
    expectThat(fates(host, 'outside 192.0.2.1 -> 10.96.0.1:80/tcp')).toBe('all to 192.168.0.10:8080');
    expectThat(fates(host, 'node 192.168.0.10 -> 10.96.0.1:80/tcp')).toBe('all to 192.168.0.10:8080 masqueraded');
  });

  it('answers on its own port and protocol only', () => {
    expectThat(fates(cart, 'pod 10.1.0.9 -> 10.96.0.1:81/tcp')).toBe('untouched');
    expectThat(fates(cart, 'pod 10.1.0.9 -> 10.96.0.1:80/udp')).toBe('untouched');
    expectThat(fates(cart, 'pod 10.1.0.9 -> 10.96.0.2:80/tcp')).toBe('untouched');
  });

  it('refuses at once without endpoints', () => {
    expectThat(fates(makeIR([vip], []), 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe('reject');
    expectThat(fates(makeIR([vip], []), 'node 192.168.0.10 -> 10.96.0.1:80/tcp')).toBe('reject');
  });

  it('with internal policy Local uses what is here, and drops when that is nothing', () => {
    const local = makeIR([vip], [], { pools: { cluster: [], local: [here] }, internal: toLocal });
    expectThat(fates(local, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe('all to 10.1.0.5:8080');
    const none = makeIR([vip], [], { internal: noLocal, external: noLocal });
    expectThat(fates(none, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe('drop');
  });
});

describe('session affinity', () => {
  const sticky = makeIR([vip], [here, there], { affinity: { kind: 'clientIP', seconds: 10800 } });

  it('keeps a client at its endpoint', () => {
    expectThat(fates(sticky, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp, remembers 10.2.0.5:8080')).toBe('all to 10.2.0.5:8080');
  });

  it('forgets an endpoint that is gone', () => {
    const gone = fates(sticky, 'pod 10.1.0.9 -> 10.96.0.1:80/tcp, remembers 10.2.0.6:8080');
    expectThat(gone).toBe('1/2 to 10.1.0.5:8080; 1/2 to 10.2.0.5:8080');
  });

  it('is for Services that ask for it', () => {
    const plain = fates(makeIR([vip], [here, there]), 'pod 10.1.0.9 -> 10.96.0.1:80/tcp, remembers 10.2.0.5:8080');
    expectThat(plain).toBe('1/2 to 10.1.0.5:8080; 1/2 to 10.2.0.5:8080');
  });
});

describe('external addresses', () => {
  it('masquerade everyone under policy Cluster', () => {
    const cart = makeIR([vip, externalIP], [there]);
    for (const client of ['pod 10.1.0.9', 'node 192.168.0.10', 'outside 192.0.2.1']) {
      expectThat(fates(cart, `${client} -> 203.0.113.7:80/tcp`)).toBe('all to 10.2.0.5:8080 masqueraded');
    }
  });

  it('under policy Local keep an outside client’s address and take it to what is here', () => {
    const cart = externalLocal([vip, externalIP]);
    expectThat(fates(cart, 'outside 192.0.2.1 -> 203.0.113.7:80/tcp')).toBe('all to 10.1.0.5:8080');
  });

  it('under policy Local take what begins on this node to any endpoint', () => {
    const cart = externalLocal([vip, externalIP]);
    expectThat(fates(cart, 'pod 10.1.0.9 -> 203.0.113.7:80/tcp')).toBe('1/2 to 10.1.0.5:8080; 1/2 to 10.2.0.5:8080');
    expectThat(fates(cart, 'node 192.168.0.10 -> 203.0.113.7:80/tcp')).toBe(
      '1/2 to 10.1.0.5:8080 masqueraded; 1/2 to 10.2.0.5:8080 masqueraded',
    );
  });

  it('under policy Local without local endpoints drop outside clients and serve this node’s own', () => {
    const cart = externalLocal([vip, externalIP], { pools: { cluster: [there], local: [] }, external: noLocal });
    expectThat(fates(cart, 'outside 192.0.2.1 -> 203.0.113.7:80/tcp')).toBe('drop');
    expectThat(fates(cart, 'pod 10.1.0.9 -> 203.0.113.7:80/tcp')).toBe('all to 10.2.0.5:8080');
    const undetected = makeNode({ localDetector: undefined });
    expectThat(fates(cart, 'pod 10.1.0.9 -> 203.0.113.7:80/tcp', undetected)).toBe('drop');
  });

  it('without endpoints refuse what passes through, but let the node’s own packets out', () => {
    const cart = makeIR([vip, externalIP], []);
    expectThat(fates(cart, 'outside 192.0.2.1 -> 203.0.113.7:80/tcp')).toBe('reject');
    expectThat(fates(cart, 'node 192.168.0.10 -> 203.0.113.7:80/tcp')).toBe('untouched');
  });
});

describe('load balancer source ranges', () => {
  const guarded = makeIR([vip, loadBalancer('198.51.100.0/24')], [there]);

  it('let in whom they hold and drop the rest', () => {
    expectThat(fates(guarded, 'outside 198.51.100.8 -> 203.0.113.9:80/tcp')).toBe('all to 10.2.0.5:8080 masqueraded');
    expectThat(fates(guarded, 'outside 192.0.2.1 -> 203.0.113.9:80/tcp')).toBe('drop');
    expectThat(fates(guarded, 'node 192.168.0.10 -> 203.0.113.9:80/tcp')).toBe('drop');
    expectThat(fates(guarded, 'pod 10.1.0.9 -> 203.0.113.9:80/tcp')).toBe('drop');
  });

  it('guard no other frontend', () => {
    expectThat(fates(guarded, 'outside 192.0.2.1 -> 10.96.0.1:80/tcp')).toBe('all to 10.2.0.5:8080 masqueraded');
  });

  it('that hold the node let it in from the load balancer’s address too', () => {
    const own = makeIR([vip, loadBalancer('192.168.0.0/24')], [there]);
    expectThat(fates(own, 'node 203.0.113.9 -> 203.0.113.9:80/tcp')).toBe('all to 10.2.0.5:8080 masqueraded');
    expectThat(fates(guarded, 'node 203.0.113.9 -> 203.0.113.9:80/tcp')).toBe('drop');
  });

  it('guard nothing without endpoints: everyone is refused', () => {
    const empty = makeIR([vip, loadBalancer('198.51.100.0/24')], []);
    expectThat(fates(empty, 'outside 192.0.2.1 -> 203.0.113.9:80/tcp')).toBe('reject');
  });
});

describe('a load balancer without source ranges', () => {
  it('lets everyone in', () => {
    const open = makeIR([vip, loadBalancer()], [there]);
    expectThat(fates(open, 'outside 192.0.2.1 -> 203.0.113.9:80/tcp')).toBe('all to 10.2.0.5:8080 masqueraded');
  });
});

describe('node ports', () => {
  const cart = makeIR([vip, nodePort], [there]);

  it('answer at the node’s addresses', () => {
    expectThat(fates(cart, 'outside 192.0.2.1 -> 192.168.0.10:30080/tcp')).toBe('all to 10.2.0.5:8080 masqueraded');
    expectThat(fates(cart, 'outside 192.0.2.1 -> 192.168.0.11:30080/tcp')).toBe('untouched');
  });

  it('answer on loopback where that is wanted', () => {
    const closed = makeNode({ nodePorts: { kind: 'all', loopback: false } });
    expectThat(fates(cart, 'node 127.0.0.1 -> 127.0.0.1:30080/tcp')).toBe('all to 10.2.0.5:8080 masqueraded');
    expectThat(fates(cart, 'node 127.0.0.1 -> 127.0.0.1:30080/tcp', closed)).toBe('untouched');
  });

  it('open loopback to nobody else', () => {
    const closed = makeNode({ nodePorts: { kind: 'all', loopback: false } });
    expectThat(fates(cart, 'outside 192.0.2.1 -> 127.0.0.1:9100/tcp')).toBe('drop');
    expectThat(fates(cart, 'node 127.0.0.1 -> 127.0.0.1:9100/tcp')).toBe('untouched');
    expectThat(fates(cart, 'outside 192.0.2.1 -> 127.0.0.1:9100/tcp', closed)).toBe('untouched');
  });

  it('answer at chosen addresses only, and are refused at all', () => {
    const node = makeNode({
      addresses: [address('172.16.0.10'), address('192.168.0.10')],
      nodePorts: { kind: 'some', addresses: [address('192.168.0.10')], loopback: false },
    });
    expectThat(fates(cart, 'outside 192.0.2.1 -> 172.16.0.10:30080/tcp', node)).toBe('untouched');
    const empty = makeIR([vip, nodePort], []);
    expectThat(fates(empty, 'outside 192.0.2.1 -> 172.16.0.10:30080/tcp', node)).toBe('reject');
    expectThat(fates(empty, 'outside 192.0.2.1 -> 192.168.0.10:30080/tcp', node)).toBe('reject');
    expectThat(fates(empty, 'node 192.168.0.10 -> 192.168.0.10:30080/tcp', node)).toBe('reject');
  });

  it('come last at an address that another frontend has', () => {
    const front = makeIR([{ kind: 'externalIP', address: address('192.168.0.10'), port: port(30080) }], [here], {
      service: service('shop/front'),
    });
    expectThat(fates([cart, front], 'outside 192.0.2.1 -> 192.168.0.10:30080/tcp')).toBe(
      'all to 10.1.0.5:8080 masqueraded',
    );
  });
});

describe('a health check node port', () => {
  const cart = externalLocal([vip, nodePort], { healthCheckNodePort: port(31000) });

  it('is let in', () => {
    expectThat(fates(cart, 'outside 192.0.2.1 -> 192.168.0.10:31000/tcp')).toBe('accept');
    expectThat(fates(cart, 'node 192.168.0.10 -> 192.168.0.10:31000/tcp')).toBe('accept');
  });

  it('is TCP, and of this node', () => {
    expectThat(fates(cart, 'outside 192.0.2.1 -> 192.168.0.10:31000/udp')).toBe('untouched');
    expectThat(fates(cart, 'outside 192.0.2.1 -> 192.168.0.11:31000/tcp')).toBe('untouched');
  });
});

describe('refusals that meet at one address of the node', () => {
  const at = (kind: 'externalIP' | 'clusterIP', number: number): Frontend => ({
    kind,
    address: address('192.168.0.10'),
    port: port(number),
  });
  const healthy = makeIR([vip], [there], { healthCheckNodePort: port(31000), service: service('shop/healthy') });

  it('a health check node port comes before refused frontends', () => {
    const nobody = makeIR([{ kind: 'nodePort', port: port(31000) }], [], { service: service('shop/nobody') });
    expectThat(fates([healthy, nobody], 'outside 192.0.2.1 -> 192.168.0.10:31000/tcp')).toBe('accept');
  });

  it('a source range comes before a health check node port', () => {
    const guarded = makeIR(
      [
        {
          kind: 'loadBalancerIP',
          address: address('192.168.0.10'),
          port: port(31000),
          sourceRanges: [cidr('198.51.100.0/24')],
        },
      ],
      [there],
      { service: service('shop/guarded') },
    );
    expectThat(fates([guarded, healthy], 'outside 192.0.2.1 -> 192.168.0.10:31000/tcp')).toBe('drop');
  });

  it('a cluster IP that is the node’s address is refused to the node alone', () => {
    const odd = makeIR([at('clusterIP', 80)], []);
    expectThat(fates(odd, 'outside 192.0.2.1 -> 192.168.0.10:80/tcp')).toBe('untouched');
    expectThat(fates(odd, 'node 192.168.0.10 -> 192.168.0.10:80/tcp')).toBe('reject');
  });

  it('the first Service in order decides', () => {
    const first = makeIR([nodePort], [], { service: service('shop/a'), external: noLocal });
    const second = makeIR([at('externalIP', 30080)], [], { service: service('shop/b') });
    expectThat(fates([first, second], 'outside 192.0.2.1 -> 192.168.0.10:30080/tcp')).toBe('drop');
    expectThat(fates([second, first], 'outside 192.0.2.1 -> 192.168.0.10:30080/tcp')).toBe('reject');
  });
});

describe('an endpoint at an address that another Service refuses', () => {
  const refused = makeIR([clusterIP('10.2.0.5', 8080)], [], { service: service('shop/none'), internal: noEndpoints });
  const cart = makeIR([vip], [here, there]);

  it('is refused, and the others are not', () => {
    expectThat(fates([cart, refused], 'pod 10.1.0.9 -> 10.96.0.1:80/tcp')).toBe('1/2 to 10.1.0.5:8080; 1/2 reject');
  });

  it('is let through when it is masqueraded on its way', () => {
    expectThat(fates([cart, refused], 'outside 192.0.2.1 -> 10.96.0.1:80/tcp')).toBe(
      '1/2 to 10.1.0.5:8080 masqueraded; 1/2 to 10.2.0.5:8080 masqueraded',
    );
  });
});

describe('an endpoint at an odd address', () => {
  it('that a load balancer guards is dropped even when masqueraded', () => {
    const guarded = makeIR([loadBalancer('198.51.100.0/24')], [there], { service: service('shop/guarded') });
    const cart = makeIR([vip], [endpoint('203.0.113.9:80')]);
    expectThat(fates([cart, guarded], 'outside 192.0.2.1 -> 10.96.0.1:80/tcp')).toBe('drop');
  });

  it('of loopback is reached: only what was sent there by others is dropped', () => {
    const cart = makeIR([vip], [endpoint('127.0.0.5:8080')]);
    expectThat(fates(cart, 'outside 192.0.2.1 -> 10.96.0.1:80/tcp')).toBe('all to 127.0.0.5:8080');
  });
});

describe('a pool without endpoints', () => {
  it('takes nothing', () => {
    const hollow = externalLocal([externalIP], { pools: { cluster: [], local: [here] } });
    expectThat(fates(hollow, 'pod 10.1.0.9 -> 203.0.113.7:80/tcp')).toBe('untouched');
  });
});

describe('families', () => {
  it('do not meet', () => {
    const six = makeIR([clusterIP('fd00:96::1', 80)], [endpoint('[fd00:1::5]:8080')]);
    const node = makeNode({
      family: 'IPv6',
      addresses: [address('2001:db8::10')],
      nodeIP: address('2001:db8::10'),
      localDetector: undefined,
    });
    expectThat(fates([makeIR([vip], [here]), six], 'pod fd00:1::9 -> [fd00:96::1]:80/tcp', node)).toBe(
      'all to [fd00:1::5]:8080',
    );
  });
});
