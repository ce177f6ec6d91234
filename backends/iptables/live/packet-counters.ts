import type { CounterName, PacketCounters } from '../../backend.ts';
import { type Account, accountNames } from '../../netfilter/accounts.ts';

const counterOf: Readonly<Record<Account, CounterName>> = {
  invalid: {
    name: 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total',
    help: 'packets dropped by iptables to work around conntrack problems',
  },
  loopback: {
    name: 'kubeproxy_iptables_localhost_nodeports_accepted_packets_total',
    help: 'Number of packets accepted on nodeports of loopback interface',
  },
};

/** kube-proxy's two, read from the kernel's accounting objects. Listing them leaves them as they are. */
export const packetCounters: PacketCounters = {
  names: Object.values(counterOf),
  async read(run, prefix) {
    const { exitCode, stdout } = await run('nfacct', ['list']);
    const packets = exitCode === 0 ? packetsIn(stdout) : new Map<string, number>();
    const accounts = Object.entries(accountNames(prefix)) as [Account, string][];
    return new Map(
      accounts.flatMap(([account, object]) => {
        const count = packets.get(object);
        return count === undefined ? [] : [[counterOf[account].name, count] as const];
      }),
    );
  },
};

/** `{ pkts = 00000000000000000003, bytes = 00000000000000000180 } = ct_state_invalid_dropped_pkts;` */
function packetsIn(listing: string): ReadonlyMap<string, number> {
  return new Map(
    [...listing.matchAll(/^\{ pkts = (\d+), bytes = \d+.*\} = (\S+);$/gm)].map(([, count, name = '']) => [
      name,
      Number(count),
    ]),
  );
}
