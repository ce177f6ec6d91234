import { userInfo } from 'node:os';
import { unshareFlags } from '../netns/probe.ts';
import { runWithin } from '../netns/processes.ts';
import type { Place } from '../place.ts';
import { emulatorMissing } from './emulator.ts';

/** Where there is a kernel with IPVS, ipsets and dummy links, and if there is none, the reason. */
export interface Availability {
  readonly place: Place;
  /** For `describeIn`; undefined: networks can be booted. */
  readonly missing: string | undefined;
}

// IPVS hides its sysctls from user namespaces, so only root can use this machine's own kernel.
const trial = `ipvsadm -A -t 192.0.2.1:80 -s wrr && ip link add probe0 type dummy &&
  ipset create probe hash:ip,port,ip && test -e /proc/sys/net/ipv4/vs/conntrack &&
  iptables -t nat -A PREROUTING -m set --match-set probe dst,dst,src -j ACCEPT`;

let remembered: Promise<Availability> | undefined;

/** This machine's own kernel if it has all features, else an emulated one. Boots nothing. */
export function ipvsAvailability(): Promise<Availability> {
  remembered ??= probe();
  return remembered;
}

async function probe(): Promise<Availability> {
  if (userInfo().uid === 0) {
    const { exitCode } = await runWithin(300_000)('unshare', [...unshareFlags('root'), 'sh', '-c', trial]);
    if (exitCode === 0) return { place: 'network namespace', missing: undefined };
  }
  return { place: 'virtual machine', missing: emulatorMissing() };
}
