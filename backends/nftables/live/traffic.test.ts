import { expect, it } from 'vitest';
import { trafficIn } from './traffic.ts';

/* What listings say of endpoints, in forms that a node of a test does not have. */

const common = { volume: undefined, followsShares: true };

it('places are found by the numbers of protocols too, node ports and IPv6 among them', () => {
  const { counts, uncounted } = trafficIn(`table ip6 slicewright {
	map services {
		type ipv6_addr . inet_proto . inet_service : verdict
		elements = { fd00:2::1 . 6 . 80 comment "shop/cart:http" : goto spread/tcp/2,
			     fd00:2::2 . 17 . 53 comment "shop/dns" : goto spread/udp/1 }
	}

	map node-ports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30080 comment "shop/cart:http" : goto spread-node-port-masquerade/tcp/2 }
	}

	map endpoints/tcp {
		typeof ip6 daddr . tcp dport . numgen random mod 2 : ip6 daddr . tcp dport
		counter
		elements = { fd00:2::1 . 80 . 0 counter packets 3 bytes 180 : fd00:1::5 . 8080 }
	}

	map inside-node-port-endpoints/tcp {
		typeof tcp dport . numgen random mod 2 : ip6 daddr . tcp dport
		counter
		elements = { 30080 . 0 counter packets 4 bytes 240 : fd00:1::6 . 8080 }
	}
}
`);
  expect(uncounted).toBeUndefined();
  const cart = { ...common, servicePort: 'shop/cart:http', protocol: 'TCP' };
  expect(counts).toEqual([
    { ...cart, dialled: { address: 'fd00:2::1', port: 80 }, endpoint: '[fd00:1::5]:8080', connections: 3 },
    {
      ...{ ...cart, dialled: { address: undefined, port: 30_080 }, endpoint: '[fd00:1::6]:8080', connections: 4 },
      byPool: { cluster: 4, local: 0 },
    },
  ]);
});

it('a rule that translates to one endpoint counts for its Service port', () => {
  const { counts } = trafficIn(`table ip slicewright {
	chain endpoint/shop/cart/tcp/http/10.1.0.5/8080 {
		update @affinity/shop/cart/tcp/http/10.1.0.5/8080 { ip saddr }
		meta l4proto 6 counter packets 7 bytes 420 dnat to 10.1.0.5:8080 comment "shop/cart:http"
	}
}
`);
  const cart = { servicePort: 'shop/cart:http', dialled: undefined, protocol: 'TCP', endpoint: '10.1.0.5:8080' };
  expect(counts).toEqual([{ ...common, ...cart, connections: 7 }]);
});

it('a table without counters says that nothing is counted', () => {
  const listing = 'table ip slicewright {\n\tmap services {\n\t\ttype ipv4_addr : verdict\n\t}\n}\n';
  expect(trafficIn(listing)).toEqual({ counts: [], uncounted: expect.stringContaining('nftables.counters') });
});
