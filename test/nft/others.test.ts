import { afterEach, beforeEach, expect, it } from 'vitest';
import { clusterIP, endpoint, makeIR, makeNode } from '../helpers/ir.ts';
import { planeOf } from '../helpers/scope.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';

const { isolation, lacks } = await probeSupport();

const addresses = Array.from({ length: 12 }, (_, i) => `192.0.2.${i + 1}`).join(', ');

const others = `table inet fw {
  chain first {
    type filter hook prerouting priority raw; policy accept;
    ip daddr 10.96.0.1 counter drop comment "accept"
    ip6 daddr fd00::1 drop
    ip saddr { ${addresses} } tcp dport 80 reject with tcp reset
    accept
  }
  chain passing {
    type filter hook forward priority -5; policy drop;
    ct state vmap { established : accept, invalid : drop }
  }
  chain after {
    type filter hook forward priority 5; policy accept;
    drop
  }
}
table ip nat {
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept;
    tcp dport 80 redirect to :8080
  }
}
`;

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'rules of other programs that come first', () => {
  let network: LocalNetwork;
  beforeEach(async () => {
    network = await bootNetwork(emptyHost, isolation);
  });
  afterEach(() => network.close());

  it('are told of once, as nft lists them, and stay', async () => {
    const run = network.run('scratch');
    expect(await run('nft', ['-f', '-'], others)).toMatchObject({ exitCode: 0 });
    const before = await run('nft', ['list', 'ruleset']);
    const plane = planeOf('nftables', { run });
    const cart = makeIR([clusterIP('10.96.0.1', 80)], [endpoint('10.1.0.1:80')]);
    const wanted = { services: [cart], node: makeNode() };
    const where = (table: string) => `table ${table} (rules of other programs that come first)`;
    const told = (await plane.sync(wanted, 'full')).drift;
    expect(told).toEqual([
      {
        where: where('inet fw, chain first'),
        lost: [],
        added: [
          'ip daddr 10.96.0.1 counter drop comment "accept"',
          `ip saddr { ${addresses} } tcp dport 80 reject with tcp reset`,
        ],
        stays: true,
      },
      {
        where: where('inet fw, chain passing'),
        lost: [],
        added: ['policy drop', 'ct state vmap { invalid : drop, established : accept }'],
        stays: true,
      },
      { where: where('ip nat, chain PREROUTING'), lost: [], added: ['tcp dport 80 redirect to :8080'], stays: true },
    ]);
    expect((await plane.sync(wanted, 'full')).drift).toEqual([]);
    const after = await run('nft', ['list', 'ruleset']);
    expect(after.stdout.startsWith(before.stdout)).toBe(true);
  });
});
