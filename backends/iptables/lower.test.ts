import { describe, expect, it } from 'vitest';
import type { Frontend, ServicePortIR } from '../../compiler/ir/ir.ts';
import type { NodeContext } from '../../compiler/ir/node-context.ts';
import type { InterfaceName } from '../../compiler/settings.ts';
import {
  address,
  cidr,
  clusterIP,
  endpoint,
  makeIR,
  makeNode,
  port,
  portName,
  service,
} from '../../test/helpers/ir.ts';
import { lower } from './lower.ts';

/** Rules of the unit's own chains, without `-A`; hashes shortened to the chain's purpose. */
function chainLines(ir: ServicePortIR, node: NodeContext = makeNode()): Record<string, string[]> {
  const { unit } = lower(ir, node, { endpointComments: true });
  return Object.fromEntries(unit.chains.map((chain) => [short(chain.name), chain.lines.map(rest)]));
}

function entryLines(ir: ServicePortIR): string[] {
  const { unit } = lower(ir, makeNode(), { endpointComments: true });
  return unit.entries.map((entry) => `${entry.table} ${entry.into} ${rest(entry.line)}`);
}

const rest = (line: string) => short(line.replace(/^-A \S+ ?/, ''));
const short = (text: string) => text.replaceAll(/KUBE-(SVC|SVL|EXT|FW|SEP)-[A-Z2-7]{16}/g, '$1');

const vip = clusterIP('10.96.0.1', 80);
const east = endpoint('10.1.0.9:8080');
const west = endpoint('10.2.0.9:8080');
const nodePort: Frontend = { kind: 'nodePort', port: port(30080) };
const loadBalancer = (...ranges: string[]): Frontend => ({
  kind: 'loadBalancerIP',
  address: address('203.0.113.1'),
  port: port(80),
  sourceRanges: ranges.map(cidr),
});

describe('a cluster IP', () => {
  it('leads to its endpoints, by halves', () => {
    const ir = makeIR([vip], [east, west]);
    expect(entryLines(ir)).toEqual([
      'nat KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "shop/cart:http cluster IP" -m tcp --dport 80 -j SVC',
    ]);
    expect(chainLines(ir).SVC).toEqual([
      '! -s 10.1.0.0/16 -d 10.96.0.1/32 -p tcp -m comment --comment "shop/cart:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
      '-m comment --comment "shop/cart:http -> 10.1.0.9:8080" -m statistic --mode random --probability 0.50000000000 -j SEP',
      '-m comment --comment "shop/cart:http -> 10.2.0.9:8080" -j SEP',
    ]);
    expect(chainLines(ir).SEP).toEqual([
      '-s 10.2.0.9/32 -m comment --comment "shop/cart:http" -j KUBE-MARK-MASQ',
      '-p tcp -m comment --comment "shop/cart:http" -m tcp -j DNAT --to-destination 10.2.0.9:8080',
    ]);
  });

  it('without endpoints is refused, and has no chain', () => {
    const ir = makeIR([vip], []);
    expect(entryLines(ir)).toEqual([
      'filter KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "shop/cart:http has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
    ]);
    expect(chainLines(ir)).toEqual({});
  });

  it('of a ServiceImport is served and masqueraded like one of the cluster', () => {
    const ir = makeIR([{ ...vip, kind: 'clusterSetIP' } as Frontend], [east]);
    expect(entryLines(ir)[0]).toContain('"shop/cart:http clusterset IP"');
    expect(chainLines(ir).SVC?.[0]).toMatch(/^! -s 10.1.0.0\/16 -d 10.96.0.1\/32 .* -j KUBE-MARK-MASQ$/);
  });

  it('sends weighted endpoints their shares', () => {
    const ir = makeIR([vip], [{ ...east, weight: 4 }, west]);
    expect(chainLines(ir).SVC?.[1]).toContain('--probability 0.79999999981 ');
  });

  it('masquerades every client of an endpoint that wants it', () => {
    const ir = makeIR([vip], [{ ...west, masquerade: true }]);
    expect(chainLines(ir).SEP?.[0]).toBe('-m comment --comment "shop/cart:http" -j KUBE-MARK-MASQ');
  });
});

describe('clients that are not this node’s pods', () => {
  const masqueradeRule = (node: Partial<NodeContext>) =>
    chainLines(makeIR([vip], [east]), makeNode(node)).SVC?.find((line) => line.includes('MARK-MASQ'));

  it.each<[string, Partial<NodeContext>, string]>([
    [
      'by interface',
      { localDetector: { kind: 'interface', name: 'br0' as InterfaceName } },
      '-d 10.96.0.1/32 ! -i br0 -p',
    ],
    [
      'by prefix',
      { localDetector: { kind: 'interfacePrefix', prefix: 'cali' as InterfaceName } },
      '-d 10.96.0.1/32 ! -i cali+ -p',
    ],
    ['all, when so told', { masqueradeAll: true }, '-d 10.96.0.1/32 -p'],
  ])('are told %s', (_, node, start) => {
    expect(masqueradeRule(node)?.startsWith(start)).toBe(true);
  });

  it('cannot be told without a detector, and there are none where every source is a pod', () => {
    expect(masqueradeRule({ localDetector: undefined })).toBeUndefined();
    expect(masqueradeRule({ localDetector: { kind: 'source', cidr: cidr('0.0.0.0/0') } })).toBeUndefined();
  });
});

describe('external traffic', () => {
  const local = { ...east, local: true };

  it('is masqueraded under the Cluster policy', () => {
    expect(chainLines(makeIR([vip, nodePort], [east])).EXT).toEqual([
      '-m comment --comment "masquerade traffic for shop/cart:http external destinations" -j KUBE-MARK-MASQ',
      '-j SVC',
    ]);
  });

  it('keeps its address under the Local policy; what starts here may go everywhere', () => {
    const ir = makeIR([nodePort], [local, west], {
      keepClientAddress: true,
      pools: { cluster: [local, west], local: [local] },
      external: { kind: 'forward', pool: 'local' },
    });
    expect(chainLines(ir).EXT).toEqual([
      '-s 10.1.0.0/16 -m comment --comment "pod traffic for shop/cart:http external destinations" -j SVC',
      '-m comment --comment "masquerade LOCAL traffic for shop/cart:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
      '-m comment --comment "route LOCAL traffic for shop/cart:http external destinations" -m addrtype --src-type LOCAL -j SVC',
      '-j SVL',
    ]);
  });

  it('is dropped where only other nodes have endpoints, though what starts here is not', () => {
    const ir = makeIR([nodePort], [west], {
      keepClientAddress: true,
      external: { kind: 'drop', why: 'no-local-endpoints' },
    });
    expect(entryLines(ir)).toEqual([
      'nat KUBE-NODEPORTS -p tcp -m comment --comment "shop/cart:http" -m tcp --dport 30080 -j EXT',
      'filter KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "shop/cart:http has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP',
    ]);
    expect(chainLines(ir).EXT?.at(-1)).toMatch(/src-type LOCAL -j SVC$/);
  });

  it('to a load balancer is let in by source range, from the node too if it is in range', () => {
    const ir = makeIR([loadBalancer('192.168.0.0/24', '198.51.100.0/24')], [east]);
    expect(entryLines(ir)).toEqual([
      'nat KUBE-SERVICES -d 203.0.113.1/32 -p tcp -m comment --comment "shop/cart:http loadbalancer IP" -m tcp --dport 80 -j FW',
      'filter KUBE-PROXY-FIREWALL -d 203.0.113.1/32 -p tcp -m comment --comment "shop/cart:http traffic not accepted by FW" -m tcp --dport 80 -j DROP',
    ]);
    expect(chainLines(ir).FW).toEqual([
      '-s 192.168.0.0/24 -m comment --comment "shop/cart:http loadbalancer IP" -j EXT',
      '-s 198.51.100.0/24 -m comment --comment "shop/cart:http loadbalancer IP" -j EXT',
      '-s 203.0.113.1/32 -m comment --comment "shop/cart:http loadbalancer IP" -j EXT',
      '-m comment --comment "other traffic to shop/cart:http will be dropped by KUBE-PROXY-FIREWALL"',
    ]);
  });

  it('from everywhere is a range too', () => {
    const rules = chainLines(makeIR([loadBalancer('0.0.0.0/0')], [east])).FW;
    expect(rules?.[0]).toBe('-m comment --comment "shop/cart:http loadbalancer IP" -j EXT');
  });
});

describe('chains', () => {
  it('are made only where a rule leads', () => {
    const pools = { cluster: [west], local: [{ ...east, local: true }] };
    // The Service lost its node port to another: nothing leads to the external chain or its pool.
    const ir = makeIR([vip], [west], { pools, internal: { kind: 'forward', pool: 'local' } });
    expect(Object.keys(chainLines(ir))).toEqual(['SVL', 'SEP']);
  });

  it('remember a client for as long as the Service says, whichever pool it came through', () => {
    const ir = makeIR([vip], [east], { affinity: { kind: 'clientIP', seconds: 600 } });
    const [, remembered, chosen] = chainLines(ir).SVC ?? [];
    expect(remembered).toBe(
      '-m comment --comment "shop/cart:http -> 10.1.0.9:8080" -m recent --rcheck --seconds 600 --reap --name SEP --mask 255.255.255.255 --rsource -j SEP',
    );
    expect(chosen).toBe('-m comment --comment "shop/cart:http -> 10.1.0.9:8080" -j SEP');
    expect(chainLines(ir).SEP?.[1]).toContain('-m recent --set --name SEP ');
  });

  it('lose the comments of endpoints in a large cluster, and no others', () => {
    const { unit } = lower(makeIR([vip], [east]), makeNode(), { endpointComments: false });
    const lines = unit.chains.flatMap((chain) => chain.lines.map(rest));
    expect(lines.filter((line) => line.includes('comment'))).toEqual([
      '! -s 10.1.0.0/16 -d 10.96.0.1/32 -p tcp -m comment --comment "shop/cart:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
    ]);
  });

  it('have comments that iptables does not cut, however long the names', () => {
    const label = (letter: string) => letter.repeat(63);
    const ir = makeIR([vip, nodePort], [east], {
      service: service(`${label('n')}/${label('a')}.${label('b')}.${label('c')}`),
      portName: portName(label('p')),
    });
    const comments = lower(ir, makeNode(), { endpointComments: true }).unit.entries.flatMap(
      ({ line }) => /--comment "([^"]*)"/.exec(line)?.[1]?.length ?? [],
    );
    expect(comments).toEqual([255, 255]);
  });
});

describe('shares that the kernel cannot keep', () => {
  it('are said to be imprecise', () => {
    const ir = makeIR([vip], [east, { ...west, weight: 10_000_000 }]);
    const { diagnostics } = lower(ir, makeNode(), { endpointComments: true });
    expect(diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'share-imprecise: the kernel keeps chances in steps of 2⁻³¹: an endpoint of shop/cart:http/TCP/IPv4 gets a share that is 0.12 % off',
    ]);
  });
});
