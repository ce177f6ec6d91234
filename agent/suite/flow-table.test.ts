import { describe, expect, it } from 'vitest';
import { rational, zero } from '../../compiler/values/rational.ts';
import { parseFlows } from './flow-table.ts';

const backends = ['iptables', 'ipvs'];

function only(text: string) {
  const flows = parseFlows(text, backends);
  if ('problems' in flows) throw new Error(JSON.stringify(flows.problems));
  const [flow, ...others] = flows;
  if (flow === undefined || others.length > 0) throw new Error(`${flows.length} flows`);
  return flow;
}

describe('a flow', () => {
  it('goes to an address, in the notation of explain packet', () => {
    const flow = only('outside 192.0.2.1 -> 10.12.0.2:30080/udp, remembers 10.10.0.6:8080\n  drop\n');
    expect(flow.to).toMatchObject({ kind: 'packet', packet: { destinationPort: 30080, protocol: 'UDP' } });
    expect(flow.wanted.map(({ fate }) => fate)).toEqual([{ kind: 'drop' }]);
  });

  it('goes to a Service by its name, from a source of either family', () => {
    const { to } = only('pod fd00::9 -> shop/cart:http/tcp, remembers [fd00::5]:80\n\treject\n');
    if (to.kind !== 'service') throw new Error(to.kind);
    expect(to).toMatchObject({ target: { service: 'shop/cart', port: 'http' }, protocol: 'TCP', family: 'IPv6' });
    const [address, port] = ['fd00:1::1', 443] as never[];
    expect(to.packetTo(address!, port!, 'TCP')).toMatchObject({ destination: 'fd00:1::1', destinationPort: 443 });
  });

  it('has its line, and may have comments and empty lines about it', () => {
    const flow = only('# all\n\nnode 10.1.0.1 -> shop/cart:80 # why\n\n  # and\n  all to cluster west # yes\n');
    expect(flow).toMatchObject({ line: 3, text: 'node 10.1.0.1 -> shop/cart:80', exceptions: new Map() });
    expect(flow.wanted).toMatchObject([{ text: 'all to cluster west', fate: { kind: 'cluster', cluster: 'west' } }]);
  });

  it('may be another one for a backend that cannot do it', () => {
    const flow = only(
      'pod 10.1.0.9 -> shop/cart:80\n  all to 10.1.0.5:80\n  ipvs: 1/2 reject\n  ipvs: 1/2 to cluster local masqueraded\n',
    );
    expect(flow.wanted).toHaveLength(1);
    expect(flow.exceptions.get('ipvs')).toMatchObject([
      { fate: { kind: 'reject' } },
      { fate: { kind: 'cluster', cluster: undefined, masquerade: true } },
    ]);
  });
});

it.each([
  ['all', undefined, rational(1), zero],
  ['100 %', undefined, rational(1), zero],
  ['1/3', '2/3', rational(1, 3), zero],
  ['33 %', '67 %', rational(33, 100), rational(1, 200)],
  ['33.3%', '66.7%', rational(333, 1000), rational(1, 2000)],
  ['≈0.3333333333', '≈0.6666666667', rational(3333333333n, 10_000_000_000n), rational(1n, 20_000_000_000n)],
])('a share of %s holds to the digits that it is written with', (text, rest, value, slack) => {
  const other = rest === undefined ? '' : `  ${rest} drop\n`;
  const { wanted } = only(`pod 10.1.0.9 -> shop/cart:80\n  ${text} to cluster west\n${other}`);
  expect(wanted[0]?.share).toEqual({ value, slack });
});

it('shares of a percentage add up to all within their digits', () => {
  const thirds = ['33 % to cluster a', '33 % to cluster b', '33 % to cluster c'];
  expect(only(`pod 10.1.0.9 -> shop/cart:80\n  ${thirds.join('\n  ')}\n`).wanted).toHaveLength(3);
});

it.each([
  ['pod 10.1.0.9 -> shop/cart:80\n', 1, 'has no fate'],
  ['  drop\n', 1, 'belongs to no flow'],
  ['pod 10.1.0.9 => shop/cart:80\n  drop\n', 1, 'is not a flow'],
  ['pod 10.1.0.9 -> fd00::1:80/tcp\n  drop\n', 1, 'is not a flow'],
  ['pod shop -> shop/cart:80\n  drop\n', 1, 'is not a flow'],
  ['pod 10.1.0.9 -> shop/cart:80, remembers [fd00::1]:80\n  drop\n', 1, 'is not a flow'],
  ['pod 10.1.0.9 -> shop/cart:80\n  lost\n', 2, 'lost is not a fate'],
  ['pod 10.1.0.9 -> shop/cart:80\n  1/0 to 10.1.0.5:80\n', 2, 'is not a fate'],
  ['pod 10.1.0.9 -> shop/cart:80\n  3/2 to 10.1.0.5:80\n', 2, 'is not a fate'],
  ['pod 10.1.0.9 -> shop/cart:80\n  0.5 to 10.1.0.5:80\n', 2, 'is not a fate'],
  ['pod 10.1.0.9 -> shop/cart:80\n  to cluster West!\n', 2, 'is not a fate'],
  ['pod 10.1.0.9 -> shop/cart:80\n  1/2 drop\n', 1, 'do not add up'],
  ['pod 10.1.0.9 -> shop/cart:80\n  1/2 drop\n  1/2 drop\n', 1, 'lists twice what goes drop'],
  ['pod 10.1.0.9 -> shop/cart:80\n  drop\n  ipvs: 1/2 drop\n', 1, 'do not add up'],
])('%j is refused at line %i', (text, line, message) => {
  expect(parseFlows(text, backends)).toEqual({
    problems: expect.arrayContaining([{ line, message: expect.stringContaining(message) }]),
  });
});
