import { describe, expect, it } from 'vitest';
import type { Frontend, ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port } from '../../../test/helpers/ir.ts';
import { printRule } from '../../netfilter/text/print.ts';
import { lowerServicePort } from './lower.ts';
import { serverLines } from './print.ts';

const vip = clusterIP('10.96.0.1', 80);
const nodePort: Frontend = { kind: 'nodePort', port: port(30080) };
const externalIP: Frontend = { kind: 'externalIP', address: address('203.0.113.9'), port: port(80) };
const loadBalancer = (...ranges: string[]): Frontend => ({
  kind: 'loadBalancerIP',
  address: address('203.0.113.1'),
  port: port(80),
  sourceRanges: ranges.map(cidr),
});
const here = endpoint('10.1.0.9:8080', { local: true });
const there = endpoint('10.2.0.9:8080');
const compat = makeNode({ compat: true });

function lower(ir: ServicePortIR, node: NodeContext = makeNode()) {
  return lowerServicePort(ir, node).unit;
}

function servers(ir: ServicePortIR, node: NodeContext = makeNode()): readonly string[] {
  const unit = lower(ir, node);
  return serverLines([...unit.servers, ...unit.nodePorts.servers]);
}

function entries(ir: ServicePortIR, node: NodeContext = makeNode()): readonly string[] {
  const unit = lower(ir, node);
  return [...unit.entries, ...unit.nodePorts.entries].map(({ set, entry }) => `${set} ${entry}`);
}

const local = {
  pools: { cluster: [here, there], local: [here] },
  external: { kind: 'forward', pool: 'local' },
  keepClientAddress: true,
} as const;
const nothingLocal = {
  pools: { cluster: [there], local: [] },
  external: { kind: 'drop', why: 'no-local-endpoints' },
  keepClientAddress: true,
} as const;

describe('a frontend', () => {
  it('is a virtual server with the endpoints as real servers, bound on the link', () => {
    const ir = makeIR([vip], [there, here]);
    expect(servers(ir)).toEqual([
      '-A -t 10.96.0.1:80 -s rr',
      '-a -t 10.96.0.1:80 -r 10.1.0.9:8080 -m -w 1',
      '-a -t 10.96.0.1:80 -r 10.2.0.9:8080 -m -w 1',
    ]);
    expect(lower(ir).bind).toEqual(['10.96.0.1']);
    expect(entries(ir)).toContain('clusterIp 10.96.0.1,tcp:80');
  });

  it('without endpoints is there and empty: IPVS refuses', () => {
    expect(servers(makeIR([vip], []))).toEqual(['-A -t 10.96.0.1:80 -s rr']);
  });

  it('has the protocol, persistence and scheduler asked for', () => {
    const udp = makeIR([vip], [there], { protocol: 'UDP', affinity: { kind: 'clientIP', seconds: 10800 } });
    expect(servers(udp)[0]).toBe('-A -u 10.96.0.1:80 -s rr -p 10800');
    const sctp = makeNode({ ipvs: { scheduler: 'mh', strictArp: false, excludeCidrs: [] } });
    expect(servers(makeIR([vip], [there], { protocol: 'SCTP' }), sctp)[0]).toBe(
      '-A --sctp-service 10.96.0.1:80 -s mh -b mh-port',
    );
  });

  it('gives endpoints their weights, under a scheduler that sees them', () => {
    const ir = makeIR([vip], [endpoint('10.1.0.9:80', { weight: 4 }), endpoint('10.2.0.9:80', { weight: 2 })]);
    expect(servers(ir)).toEqual([
      '-A -t 10.96.0.1:80 -s wrr',
      '-a -t 10.96.0.1:80 -r 10.1.0.9:80 -m -w 2',
      '-a -t 10.96.0.1:80 -r 10.2.0.9:80 -m -w 1',
    ]);
    expect(lowerServicePort(ir, makeNode()).diagnostics).toMatchObject([{ code: 'ipvs-scheduler-weights' }]);
    expect(servers(ir, compat)[0]).toBe('-A -t 10.96.0.1:80 -s rr');
  });
});

describe('a node port', () => {
  const twoAddresses = makeNode({ addresses: [address('192.168.0.10'), address('192.168.1.10')] });

  it('is a virtual server at every address of the node, and binds none', () => {
    const unit = lower(makeIR([nodePort], [there]), twoAddresses);
    expect(serverLines(unit.nodePorts.servers).filter((line) => line.startsWith('-A'))).toEqual([
      '-A -t 192.168.0.10:30080 -s rr',
      '-A -t 192.168.1.10:30080 -s rr',
    ]);
    expect(unit.bind).toEqual([]);
    expect(entries(makeIR([nodePort], [there]), twoAddresses)).toContain('nodePortTcp 30080');
  });

  it('never answers on loopback', () => {
    const node = makeNode({
      nodePorts: { kind: 'some', addresses: [address('127.0.0.1'), address('192.168.0.10')], loopback: true },
    });
    expect(servers(makeIR([nodePort], []), node)).toEqual(['-A -t 192.168.0.10:30080 -s rr']);
  });

  it('of SCTP is entered by address, because there is no such set of ports', () => {
    expect(entries(makeIR([nodePort], [], { protocol: 'SCTP', ...local }))).toEqual(
      expect.arrayContaining(['nodePortSctp 192.168.0.10,sctp:30080', 'nodePortLocalSctp 192.168.0.10,sctp:30080']),
    );
  });

  it('without any address takes the health check port with it in kube-proxy, and not with us', () => {
    const ir = makeIR([nodePort], [there], { healthCheckNodePort: port(31000) });
    const without = { nodePorts: { kind: 'some', addresses: [], loopback: false } } as const;
    expect(entries(ir, makeNode(without))).toContain('healthCheckNodePort 31000');
    expect(entries(ir, makeNode({ ...without, compat: true }))).not.toContain('healthCheckNodePort 31000');
  });
});

describe('an external address', () => {
  it('that the node has anyway is not bound, and so never unbound', () => {
    const node = makeNode({ addresses: [address('192.168.0.10'), address('203.0.113.9')] });
    expect(lower(makeIR([externalIP], [there]), node).bind).toEqual([]);
    expect(lower(makeIR([externalIP], [there])).bind).toEqual(['203.0.113.9']);
  });

  it('of policy Local is in the set whose clients keep their addresses', () => {
    expect(entries(makeIR([externalIP], [], local))).toContain('externalIpLocal 203.0.113.9,tcp:80');
    expect(entries(makeIR([loadBalancer()], [], local))).toEqual(
      expect.arrayContaining(['loadBalancer 203.0.113.1,tcp:80', 'loadBalancerLocal 203.0.113.1,tcp:80']),
    );
  });
});

describe('policy Local', () => {
  it('sends outside clients to endpoints on this node, and says what that means for pods', () => {
    const ir = makeIR([vip, externalIP], [], { ...local, internal: { kind: 'forward', pool: 'cluster' } });
    expect(servers(ir).filter((line) => line.includes('203.0.113.9'))).toEqual([
      '-A -t 203.0.113.9:80 -s rr',
      '-a -t 203.0.113.9:80 -r 10.1.0.9:8080 -m -w 1',
    ]);
    expect(lowerServicePort(ir, makeNode()).diagnostics).toMatchObject([{ code: 'ipvs-external-stays-local' }]);
  });

  it('with nothing local drops outside clients by rule; the others reach any endpoint', () => {
    const ir = makeIR([externalIP], [], nothingLocal);
    expect(servers(ir)).toContain('-a -t 203.0.113.9:80 -r 10.2.0.9:8080 -m -w 1');
    expect(entries(ir)).toContain('dropOutside 203.0.113.9,tcp:80');
    // kube-proxy falls back to endpoints elsewhere, for everyone.
    expect(entries(ir, compat)).not.toContain('dropOutside 203.0.113.9,tcp:80');
    expect(servers(ir, compat)).toEqual(servers(ir));
  });

  it('for internal traffic with nothing local has no virtual server at all, so that it can be dropped', () => {
    const ir = makeIR([vip], [], { internal: { kind: 'drop', why: 'no-local-endpoints' } });
    expect(servers(ir)).toEqual([]);
    expect(entries(ir)).toEqual(['clusterIp 10.96.0.1,tcp:80', 'dropAll 10.96.0.1,tcp:80']);
    expect(servers(ir, compat)).toEqual(['-A -t 10.96.0.1:80 -s rr']);
  });
});

describe('source ranges', () => {
  const out = (ir: ServicePortIR, node = makeNode()) =>
    lower(ir, node).outFilter.map((rule) => printRule('IPv4', 'OUT', rule));

  it('are entries, and a rule against the node itself where it is in none', () => {
    const ir = makeIR([loadBalancer('198.51.100.0/24', '192.0.2.7/32')], [there]);
    expect(entries(ir)).toEqual(
      expect.arrayContaining([
        'loadBalancerFw 203.0.113.1,tcp:80',
        'loadBalancerSourceCidr 203.0.113.1,tcp:80,198.51.100.0/24',
        // The kernel shows a network of one address without its length.
        'loadBalancerSourceCidr 203.0.113.1,tcp:80,192.0.2.7',
      ]),
    );
    expect(out(ir)).toEqual([
      '-A OUT -m addrtype --src-type LOCAL -m ipvs --vproto 6 --vaddr 203.0.113.1 --vport 80 -j DROP',
    ]);
    expect(out(ir, compat)).toEqual([
      '-A OUT -s 203.0.113.1/32 -m ipvs --vproto 6 --vaddr 203.0.113.1 --vport 80 -j DROP',
    ]);
  });

  it('that hold the node let it in by the address it dials, which is its source then', () => {
    const ir = makeIR([loadBalancer('192.168.0.0/24')], [there]);
    expect(entries(ir)).toContain('loadBalancerSourceIp 203.0.113.1,tcp:80,203.0.113.1');
    expect(out(ir)).toEqual([]);
  });

  it('of everyone restrict nobody; in kube-proxy nobody gets in, since no set can hold them', () => {
    const ir = makeIR([loadBalancer('0.0.0.0/0')], [there]);
    expect(entries(ir).filter((entry) => /Fw|Source/.test(entry))).toEqual([]);
    expect(entries(ir, compat).filter((entry) => /Fw|SourceCidr/.test(entry))).toEqual([
      'loadBalancerFw 203.0.113.1,tcp:80',
    ]);
  });

  it('guard nothing where there are no endpoints: everyone is refused alike', () => {
    const ir = makeIR([loadBalancer('198.51.100.0/24')], []);
    expect(entries(ir).filter((entry) => /Fw|Source/.test(entry))).toEqual([]);
    expect(entries(ir, compat)).toContain('loadBalancerFw 203.0.113.1,tcp:80');
  });
});

describe('masquerading', () => {
  it('of what a pod sends to itself needs every endpoint that may be on this node', () => {
    const ir = makeIR([vip], [there], {
      known: [{ ...here, ready: false, serving: false }],
    });
    expect(entries(ir).filter((entry) => entry.startsWith('loopBack'))).toEqual([
      'loopBack 10.1.0.9,tcp:8080,10.1.0.9',
      'loopBack 10.2.0.9,tcp:8080,10.2.0.9',
    ]);
    expect(entries(ir, compat).filter((entry) => entry.startsWith('loopBack'))).toEqual([
      'loopBack 10.1.0.9,tcp:8080,10.1.0.9',
    ]);
  });

  it('of all that goes to an endpoint is an entry', () => {
    const ir = makeIR([vip], [endpoint('10.2.0.9:8080', { masquerade: true }), here]);
    expect(entries(ir)).toContain('masquerade 10.2.0.9,tcp:8080');
    expect(entries(ir)).not.toContain('masquerade 10.1.0.9,tcp:8080');
  });
});

describe('affinity', () => {
  it('counts per frontend, which is said where there are several', () => {
    const affinity = { kind: 'clientIP', seconds: 60 } as const;
    const codes = (frontends: readonly Frontend[]) =>
      lowerServicePort(makeIR(frontends, [there], { affinity }), makeNode()).diagnostics.map(({ code }) => code);
    expect(codes([vip])).toEqual([]);
    expect(codes([vip, externalIP])).toEqual(['ipvs-affinity-per-frontend']);
  });
});
