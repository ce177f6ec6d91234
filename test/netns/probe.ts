import { userInfo } from 'node:os';
import { runWithin } from './processes.ts';

/** How a test makes a namespace here: as any user through a user namespace, or as root without one. */
export type Isolation = 'user' | 'root';

type Feature = 'namespaces' | 'nft' | 'legacy' | 'conntrack' | 'nfacct' | 'sctp';

/** The features that the machine offers to tests. */
export interface Support {
  readonly isolation: Isolation;
  /** Why a feature is missing here, in words; a feature that is absent from this record is available. */
  readonly lacks: Readonly<Partial<Record<Feature, string>>>;
}

/** Arguments of `unshare` before the command that runs apart from the machine. */
export function unshareFlags(isolation: Isolation): string[] {
  const own = ['--net', '--mount'];
  return isolation === 'user' ? ['--user', '--map-root-user', ...own] : own;
}

const dnat = '-t nat -A PREROUTING -p tcp -j DNAT --to-destination 192.0.2.1:80';
/** Each is a small command that needs exactly the feature of its name. */
const trials: Readonly<Record<Feature, string>> = {
  namespaces: 'ip netns add probe && ip link add probe0 type veth peer name probe1 netns probe',
  nft: `iptables-nft ${dnat} && ip6tables-nft -A INPUT -m statistic --mode random --probability 0.5 -j REJECT`,
  legacy: `iptables-legacy ${dnat} && ip6tables-legacy -A INPUT -m statistic --mode random --probability 0.5 -j REJECT`,
  conntrack: 'conntrack -L',
  nfacct: 'nfacct add probe && iptables -A INPUT -m nfacct --nfacct-name probe',
  sctp: `iptables -A INPUT -p sctp -m sctp --dport 1 -j REJECT &&
    perl -MSocket -e 'socket(S, AF_INET, SOCK_RAW, 132) or die "raw sockets: $!\\n"'`,
};

let remembered: Promise<Support> | undefined;

/** Probes once a process. Changes nothing outside the namespaces that it makes and leaves. */
export function probeSupport(): Promise<Support> {
  remembered ??= probe();
  return remembered;
}

async function probe(): Promise<Support> {
  const asUser = await complaint('user', trials.namespaces);
  // Where user namespaces are switched off, root can still make a network namespace directly.
  const isRoot = userInfo().uid === 0;
  const isolation = asUser !== undefined && isRoot ? 'root' : 'user';
  const lacks: Partial<Record<Feature, string>> = {};
  for (const feature of Object.keys(trials) as Feature[]) {
    const why = await complaint(isolation, trials[feature]);
    if (why !== undefined) lacks[feature] = why;
  }
  return { isolation, lacks };
}

/** The error message; undefined: it works. */
async function complaint(isolation: Isolation, trial: string): Promise<string | undefined> {
  const script = `mount -t tmpfs tmpfs /run && ${trial}`;
  const { exitCode, failure, stderr } = await runWithin(300_000)('unshare', [
    ...unshareFlags(isolation),
    'sh',
    '-c',
    script,
  ]);
  if (exitCode === 0) return undefined;
  return stderr.trim().split('\n').at(-1) || failure || `exit status ${exitCode}`;
}
