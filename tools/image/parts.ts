import { readFileSync } from 'node:fs';
import { file, folder, link, type Tree } from './entry.ts';

/* What the image is made of. deploy/Dockerfile reads the same two files, and its entry point is read from it. */

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** Debian's packages whose programs slicewright starts. */
export const toolPackages: readonly string[] = read('deploy/debian-packages').trim().split('\n');

/** Packages that every Debian has, but this image has only if they are named. */
export const basePackages: readonly string[] = ['base-files', 'coreutils', 'libstdc++6'];

export const nodeVersion: string = read('deploy/node-version').trim();

/** `node … /opt/slicewright/slicewright.js` */
export const entrypoint = JSON.parse(
  /^ENTRYPOINT (.*)$/m.exec(read('deploy/Dockerfile'))?.[1] ?? '[]',
) as readonly string[];

/** With these settings Node and glibc use less memory; the Dockerfile sets them too. */
export const environment: readonly string[] = ['NODE_OPTIONS=--max-semi-space-size=1', 'MALLOC_MMAP_THRESHOLD_=131072'];

export const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** For IPv4 and for IPv6. */
const families = ['ip', 'ip6'].map((family) => `${family}tables`);
const forms = ['', '-save', '-restore'];

/**
 * All programs that slicewright starts; and `env`, which finds node when a person types `slicewright` in a container.
 */
export const programs: readonly string[] = [
  ...['cat', 'env', 'ls', 'tee', 'uname'],
  ...['conntrack', 'ip', 'ipset', 'ipvsadm', 'modprobe', 'nfacct', 'nft', 'sysctl'],
  ...families.flatMap((name) => ['nft', 'legacy'].flatMap((kind) => forms.map((form) => `${name}-${kind}${form}`))),
];

export const files: readonly RegExp[] = [
  // The files that iptables loads for each match and target.
  /^usr\/lib\/[^/]+\/xtables\/[^/]+\.so$/,
  /^etc\/(protocols|services|debian_version|os-release|iproute2\/[^/]+|modprobe\.d\/[^/]+)$/,
  /^usr\/lib\/modprobe\.d\/[^/]+$/,
  // The licences to which copyright files refer.
  /^usr\/share\/common-licenses\/[^/]+$/,
];

/** What the packages' scripts would have made. */
export const made: Tree = new Map([
  // The alternative that Debian prefers.
  ...families.flatMap((name) => forms.map((form) => [`usr/sbin/${name}${form}`, link(`${name}-nft${form}`)] as const)),
  ['etc/passwd', file('root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n', 0)],
  ['etc/group', file('root:x:0:\nnogroup:x:65534:\n', 0)],
  ['etc/nsswitch.conf', file('passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n', 0)],
  ...['dev', 'proc', 'run', 'sys', 'var/lib'].map((path) => [path, folder()] as const),
  ['root', folder(0o700)],
  ['tmp', folder(0o1777)],
]);
