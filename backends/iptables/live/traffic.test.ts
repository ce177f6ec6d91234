import { expect, it } from 'vitest';
import { kubePrefix, ownPrefix } from '../../../compiler/settings.ts';
import { countsIn } from './traffic.ts';

/* What `iptables-save -c` says of endpoints, in forms that a node of a test does not have. */

const common = { dialled: undefined, volume: undefined, followsShares: true, protocol: 'TCP' };

it('above 1000 endpoints the rules of endpoints have no names: the chain that leads to them tells', () => {
  const text = `*nat
:KUBE-SERVICES - [0:0]
[9:540] -A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "shop/cart:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
[4:240] -A KUBE-SVC-AAAAAAAAAAAAAAAA -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-BBBBBBBBBBBBBBBB
[5:300] -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-CCCCCCCCCCCCCCCC
[0:0] -A KUBE-SEP-BBBBBBBBBBBBBBBB -s 10.1.0.5/32 -j KUBE-MARK-MASQ
[4:240] -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m tcp -j DNAT --to-destination 10.1.0.5:8080
[5:300] -A KUBE-SEP-CCCCCCCCCCCCCCCC -p tcp -m tcp -j DNAT --to-destination 10.1.0.6:8080
COMMIT
`;
  expect(countsIn(text, kubePrefix)).toEqual([
    {
      ...common,
      servicePort: 'shop/cart:http',
      endpoint: '10.1.0.5:8080',
      connections: 4,
      byPool: { cluster: 4, local: 0 },
    },
    {
      ...common,
      servicePort: 'shop/cart:http',
      endpoint: '10.1.0.6:8080',
      connections: 5,
      byPool: { cluster: 5, local: 0 },
    },
  ]);
});

it('counts what is under its own prefix, with one port that has no name and with remembered clients', () => {
  const text = `*nat
[7:420] -A SLWR-SEP-BBBBBBBBBBBBBBBB -p tcp -m comment --comment "shop/cart" -m recent --set --name SLWR-SEP-BBBBBBBBBBBBBBBB --mask 255.255.255.255 --rsource -m tcp -j DNAT --to-destination 10.1.0.5:8080
[8:480] -A KUBE-SEP-BBBBBBBBBBBBBBBB -p udp -m comment --comment shop/dns -m udp -j DNAT --to-destination [fd00::5]:53
COMMIT
`;
  const cart = { ...common, servicePort: 'shop/cart', endpoint: '10.1.0.5:8080', connections: 7 };
  const dns = { ...common, protocol: 'UDP', servicePort: 'shop/dns', endpoint: '[fd00::5]:53', connections: 8 };
  expect([countsIn(text, ownPrefix), countsIn(text, kubePrefix)]).toEqual([[cart], [dns]]);
});

it('the chain that chose an endpoint says out of which pool, also for a client that is remembered', () => {
  const text = `*nat
[2:120] -A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "shop/cart -> 10.1.0.5:8080" -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-BBBBBBBBBBBBBBBB --mask 255.255.255.255 --rsource -j KUBE-SEP-BBBBBBBBBBBBBBBB
[1:60] -A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "shop/cart -> 10.1.0.5:8080" -j KUBE-SEP-BBBBBBBBBBBBBBBB
[4:240] -A KUBE-SVL-AAAAAAAAAAAAAAAA -m comment --comment "shop/cart -> 10.1.0.5:8080" -j KUBE-SEP-BBBBBBBBBBBBBBBB
[7:420] -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m comment --comment shop/cart -m tcp -j DNAT --to-destination 10.1.0.5:8080
COMMIT
`;
  expect(countsIn(text, kubePrefix)).toMatchObject([{ connections: 7, byPool: { cluster: 3, local: 4 } }]);
});
