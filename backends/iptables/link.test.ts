import { describe, expect, it } from 'vitest';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { ServicePortId } from '../../compiler/values/names.ts';
import { address, clusterIP, endpoint, makeIR, makeNode, port, portName, service } from '../../test/helpers/ir.ts';
import { type IptablesUnit, iptables } from './index.ts';

function unitsOf(irs: readonly ServicePortIR[], node = makeNode()): Map<ServicePortId, IptablesUnit> {
  return new Map(irs.map((ir) => [ir.id, iptables.lower(ir, node, iptables.wholeOf(irs)).unit]));
}

function serviceIR(name: string, lastOctet: number): ServicePortIR {
  return makeIR([clusterIP(`10.96.0.${lastOctet}`, 80)], [endpoint(`10.1.0.${lastOctet}:80`)], {
    service: service(`shop/${name}`),
  });
}

const chainText = (node: Partial<NodeContext>, key: string) =>
  iptables.link(unitsOf([], makeNode(node)), makeNode(node)).chains.get(key)?.lines;

describe('link', () => {
  it('holds shared chains in id order, however the units came', () => {
    const irs = [serviceIR('b', 2), serviceIR('a', 1), serviceIR('c', 3)];
    const program = iptables.link(unitsOf(irs), makeNode());
    expect(program.chains.get('nat KUBE-SERVICES')?.lines.map((line) => /-d (\S+)|NOTE/.exec(line)?.[0])).toEqual([
      '-d 10.96.0.1/32',
      '-d 10.96.0.2/32',
      '-d 10.96.0.3/32',
      'NOTE',
    ]);
    expect(iptables.print(iptables.link(unitsOf(irs.toReversed()), makeNode()))).toBe(iptables.print(program));
  });

  it('takes the chains of a unit as they are', () => {
    const units = unitsOf([serviceIR('a', 1)]);
    const [unit] = units.values();
    const first = iptables.link(units, makeNode());
    const second = iptables.link(new Map([...units, ...unitsOf([serviceIR('b', 2)])]), makeNode());
    for (const chain of unit?.chains ?? []) {
      const key = `nat ${chain.name}`;
      expect(first.chains.get(key)?.lines).toBe(chain.lines);
      expect(second.chains.get(key)?.lines).toBe(chain.lines);
    }
  });

  it('makes programs that may be loaded, also empty ones', () => {
    const irs = [serviceIR('a', 1), serviceIR('b', 2)];
    expect(iptables.check(iptables.link(unitsOf(irs), makeNode()), makeNode())).toEqual([]);
    // Where node ports answer nowhere, nothing leads to the chain that leads to the Service's.
    const node = makeNode({ nodePorts: { kind: 'some', addresses: [], loopback: false } });
    const open = makeIR([{ kind: 'nodePort', port: port(30080) }], [endpoint('10.1.0.9:8080')]);
    for (const some of [[], irs, [open]]) expect(iptables.check(iptables.link(unitsOf(some), node), node)).toEqual([]);
  });

  it('leaves out the later of two units whose chain names meet', () => {
    const [a, b] = [serviceIR('a', 1), serviceIR('b', 2)];
    const units = unitsOf([a, b]);
    const stolen = units.get(a.id);
    if (stolen === undefined) throw new Error('a has a unit');
    units.set(b.id, { ...stolen, id: b.id });
    expect(iptables.leftOut(units)).toEqual([b.id]);
    expect(iptables.print(iptables.link(units, makeNode()))).toBe(
      iptables.print(iptables.link(unitsOf([a]), makeNode())),
    );
  });
});

describe('what exists once per node', () => {
  const jump = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"';

  it('lets node ports answer where the node says', () => {
    const key = 'nat KUBE-SERVICES';
    expect(chainText({}, key)).toEqual([`-A KUBE-SERVICES ${jump} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`]);
    expect(chainText({ nodePorts: { kind: 'all', loopback: false } }, key)).toEqual([
      `-A KUBE-SERVICES ! -d 127.0.0.0/8 ${jump} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
    ]);
    expect(chainText({ family: 'IPv6', nodePorts: { kind: 'all', loopback: false } }, key)).toEqual([
      `-A KUBE-SERVICES ! -d ::1/128 ${jump} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`,
    ]);
    const addresses = [address('127.0.0.1'), address('192.168.0.10')];
    expect(chainText({ nodePorts: { kind: 'some', addresses, loopback: true } }, key)).toEqual([
      `-A KUBE-SERVICES -d 127.0.0.1/32 ${jump} -j KUBE-NODEPORTS`,
      `-A KUBE-SERVICES -d 192.168.0.10/32 ${jump} -j KUBE-NODEPORTS`,
    ]);
  });

  it('guards loopback where node ports open it', () => {
    expect(chainText({}, 'filter KUBE-FIREWALL')).toHaveLength(1);
    expect(chainText({ nodePorts: { kind: 'all', loopback: false } }, 'filter KUBE-FIREWALL')).toEqual([]);
  });

  it('drops what conntrack calls invalid unless conntrack is liberal', () => {
    expect(chainText({}, 'filter KUBE-FORWARD')?.[0]).toBe('-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP');
    expect(chainText({ conntrackTcpBeLiberal: true }, 'filter KUBE-FORWARD')).toHaveLength(2);
  });

  it('marks with the bit it is told, up to the highest', () => {
    expect(chainText({ masqueradeBit: 31 }, 'nat KUBE-MARK-MASQ')).toEqual([
      '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x80000000/0x80000000',
    ]);
    expect(chainText({ masqueradeBit: 0 }, 'nat KUBE-POSTROUTING')?.[1]).toBe(
      '-A KUBE-POSTROUTING -j MARK --set-xmark 0x1/0x0',
    );
  });
});

describe('wholeOf', () => {
  const known = (count: number) =>
    Array.from({ length: count }, () => endpoint('10.1.0.1:80')).map((one) => ({
      ...one,
      ready: false,
      serving: false,
    }));
  const irs = (count: number) => [
    makeIR([], [], { known: known(count), portName: portName('a') }),
    makeIR([], [], { known: known(500), portName: portName('b') }),
  ];

  it('keeps comments up to 1000 known endpoints, ready or not, over all Services', () => {
    expect(iptables.wholeOf(irs(500))).toEqual({ endpointComments: true });
    expect(iptables.wholeOf(irs(501))).toEqual({ endpointComments: false });
  });
});

describe('files', () => {
  it('are named after the tool that saves them', () => {
    const node6 = makeNode({ family: 'IPv6', nodePorts: { kind: 'all', loopback: false }, localDetector: undefined });
    expect([...iptables.files(iptables.link(new Map(), makeNode()), makeNode()).keys()]).toEqual(['iptables-save']);
    expect([...iptables.files(iptables.link(new Map(), node6), node6).keys()]).toEqual(['ip6tables-save']);
  });

  it('never declare a chain of the kernel, which would reset its policy', () => {
    const text = iptables.print(iptables.link(unitsOf([serviceIR('a', 1)]), makeNode()));
    expect(text.split('\n').filter((line) => /^:(INPUT|OUTPUT|FORWARD|PREROUTING|POSTROUTING)/.test(line))).toEqual([]);
    expect(text).toContain('-A INPUT -j KUBE-FIREWALL\n');
  });
});
