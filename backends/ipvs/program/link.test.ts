import { kubePrefix } from '../../../compiler/settings.ts';
import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../../compiler/ir/ir.ts';
import type { NodeContext } from '../../../compiler/ir/node-context.ts';
import { address, cidr, clusterIP, endpoint, makeIR, makeNode, port } from '../../../test/helpers/ir.ts';
import type { SetName } from '../../netfilter/rule.ts';
import { linkProgram } from './link.ts';
import { lowerServicePort } from './lower.ts';
import { serverLines } from './print.ts';
import type { IpvsUnit } from './program.ts';
import { makeSet, type SetEntry, setName, withEntries } from './sets.ts';

function link(irs: readonly ServicePortIR[], node: NodeContext = makeNode()) {
  const units = irs.map((ir): [ServicePortIR['id'], IpvsUnit] => [ir.id, lowerServicePort(ir, node).unit]);
  return linkProgram(new Map(units), node);
}

const named = (name: string) => ({ id: `shop/${name}:http/TCP/IPv4` as ServicePortIR['id'] });
const vip = clusterIP('10.96.0.1', 80);
const a = makeIR([vip], [endpoint('10.1.0.1:80')], named('a'));
const b = makeIR([vip], [endpoint('10.1.0.2:80')], named('b'));

describe('a program', () => {
  it('gives an address that two claim to the first in id order; kube-proxy to the last', () => {
    for (const irs of [
      [a, b],
      [b, a],
    ]) {
      expect(serverLines(link(irs).servers.values())).toContain('-a -t 10.96.0.1:80 -r 10.1.0.1:80 -m -w 1');
      expect([...link(irs).owners.values()]).toEqual([a.id]);
      const compat = link(irs, makeNode({ compat: true }));
      expect(serverLines(compat.servers.values())).toContain('-a -t 10.96.0.1:80 -r 10.1.0.2:80 -m -w 1');
    }
  });

  it('lists by number and protocol, and has every set of kube-proxy whether it is used or not', () => {
    const frontends = ['10.96.0.10', '10.96.0.9'].map((text) => clusterIP(text, 80));
    const program = link([
      makeIR(frontends, [], { ...named('udp'), protocol: 'UDP' }),
      makeIR(frontends, [], named('tcp')),
    ]);
    expect([...program.servers.keys()]).toEqual([
      '10.96.0.9:80/TCP',
      '10.96.0.10:80/TCP',
      '10.96.0.9:80/UDP',
      '10.96.0.10:80/UDP',
    ]);
    expect(program.addresses).toEqual(['10.96.0.9', '10.96.0.10']);
    expect(program.sets.size).toBe(17);
  });

  it('has slicewright sets only while they have entries, and then rules that match them', () => {
    const names = (ir: ServicePortIR) => [...link([ir]).sets.keys()].filter((name) => name.startsWith('SLICEWRIGHT'));
    expect(names(a)).toEqual([]);
    const dropped = makeIR([vip], [], { internal: { kind: 'drop', why: 'no-local-endpoints' } });
    expect(names(dropped)).toEqual(['SLICEWRIGHT-DROP']);
    const lines = [...link([dropped]).rules.chains.values()].flatMap((chain) => chain.lines);
    expect(lines.filter((line) => line.includes('SLICEWRIGHT-DROP'))).toHaveLength(2);
  });

  it('masquerades what goes to some endpoints through IPVS, not what is sent to them directly', () => {
    const masked = makeIR([vip], [endpoint('10.2.0.1:80', { masquerade: true })]);
    const rules = link([masked]).rules.chains.get('nat KUBE-POSTROUTING')?.lines;
    expect(rules?.find((line) => line.includes('SLICEWRIGHT-MASQUERADE'))).toMatch(
      /--match-set SLICEWRIGHT-MASQUERADE dst,dst -m ipvs --ipvs -j MASQUERADE --random-fully$/,
    );
  });

  it('asks for ARP settings only with strictARP', () => {
    const strict = makeNode({ ipvs: { scheduler: 'rr', strictArp: true, excludeCidrs: [] } });
    expect([...link([a], strict).sysctls.keys()]).toContain('net.ipv4.conf.all.arp_ignore');
    expect([...link([a]).sysctls.keys()]).not.toContain('net.ipv4.conf.all.arp_ignore');
  });
});

describe('IPv6', () => {
  it('has sets of its own, whose names are cut as kube-proxy cuts them', () => {
    expect(setName('loopBack', 'IPv6', kubePrefix)).toBe('KUBE-6-LOOP-BACK');
    expect(setName('loadBalancerSourceCidr', 'IPv6', kubePrefix)).toBe('KUBE-6-LOAD-BALANCER-SOURCE-CID');
    const six = makeNode({
      family: 'IPv6',
      addresses: [address('fd00:18::1')],
      nodeIP: address('fd00:18::1'),
      localDetector: { kind: 'source', cidr: cidr('fd00:1::/64') },
    });
    const program = link(
      [makeIR([clusterIP('fd00:10::1', 80), { kind: 'nodePort', port: port(30080) }], [endpoint('[fd00:1::9]:80')])],
      six,
    );
    expect(serverLines(program.servers.values())).toContain('-a -t [fd00:18::1]:30080 -r [fd00:1::9]:80 -m -w 1');
    expect(program.sets.get('KUBE-6-CLUSTER-IP' as SetName)).toMatchObject({
      definition: 'hash:ip,port family inet6 maxelem 65536',
      entries: ['fd00:10::1,tcp:80'],
    });
  });
});

describe('a set', () => {
  const entries = Array.from({ length: 65_537 }, (_, i) => `10.0.${i >> 8}.${i & 255},tcp:80` as SetEntry);
  it('that would be full is made larger', () => {
    expect(makeSet('clusterIp', 'IPv4', entries, kubePrefix).definition).toBe(
      'hash:ip,port family inet maxelem 131072',
    );
    const small = makeSet('clusterIp', 'IPv4', entries.slice(0, 3), kubePrefix);
    expect(withEntries(small, entries).definition).toBe('hash:ip,port family inet maxelem 131072');
    expect(withEntries(small, []).definition).toBe('hash:ip,port family inet maxelem 65536');
  });
});
