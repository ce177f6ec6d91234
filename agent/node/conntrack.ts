import type { ConntrackConfiguration } from '../config/agent.ts';

export const conntrackMaxSysctl = 'net.netfilter.nf_conntrack_max';

/** source: kube-proxy since v1.32; otherwise a machine of many cores would reserve gigabytes */
const largestMax = 1_048_576;

/**
 * The most connections that the kernel shall follow.
 *
 * cpus     cores of the machine
 * returns  undefined: the limit stays as it is
 * source   kube-proxy v1.30, getConntrackMax
 */
export function conntrackMax({ maxPerCore, min }: ConntrackConfiguration, cpus: number): number | undefined {
  return maxPerCore === 0 ? undefined : Math.min(Math.max(min, maxPerCore * cpus), largestMax);
}

/**
 * Settings of conntrack, value by name.
 *
 * source   kube-proxy v1.30, setupConntrack; the names are those of /proc/sys
 */
export function conntrackSysctls(wanted: ConntrackConfiguration, cpus: number): ReadonlyMap<string, string> {
  const values: readonly (readonly [name: string, value: number | undefined])[] = [
    [conntrackMaxSysctl, conntrackMax(wanted, cpus)],
    ['net.netfilter.nf_conntrack_tcp_timeout_established', wanted.tcpEstablishedSeconds || undefined],
    ['net.netfilter.nf_conntrack_tcp_timeout_close_wait', wanted.tcpCloseWaitSeconds || undefined],
    ['net.netfilter.nf_conntrack_udp_timeout', wanted.udpSeconds || undefined],
    ['net.netfilter.nf_conntrack_udp_timeout_stream', wanted.udpStreamSeconds || undefined],
    ['net.netfilter.nf_conntrack_tcp_be_liberal', wanted.tcpBeLiberal ? 1 : undefined],
  ];
  return new Map(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));
}
