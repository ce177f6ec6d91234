import { execFileSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { environment } from '../netns/processes.ts';
import { cpioArchive, type Member } from './cpio.ts';
import type { Kernel } from './kernel.ts';

/**
 * Programs of the host that the machine holds in memory, since reading a file from a share is slow under
 * emulation: all programs that networks of namespaces, backends and stations call.
 */
const programs = [
  ...['sh', 'cat', 'sleep', 'timeout', 'kill', 'mkdir', 'ls', 'uname', 'mount', 'unshare', 'nsenter', 'perl'],
  ...['ip', 'modprobe', 'ipset', 'ipvsadm', 'conntrack', 'nft', 'sysctl'],
  ...['', '-nft', '-legacy'].flatMap((mode) =>
    ['iptables', 'ip6tables'].flatMap((tool) => ['', '-save', '-restore'].map((verb) => `${tool}${mode}${verb}`)),
  ),
];
/** Folders that these programs open at run time; their library lists do not show them. */
const openedFolders = [
  '/usr/lib/*/xtables',
  '/usr/lib/*/perl-base',
  '/etc/protocols',
  '/etc/services',
  '/etc/ethertypes',
];

/** Modules by folder; modules that they depend on are added. */
const modulePaths =
  /^kernel\/(net\/(netfilter|ipv4|ipv6|bridge|9p|sctp)\/|fs\/9p\/|drivers\/net\/(dummy|veth)\.|drivers\/virtio\/|drivers\/char\/virtio_console|(crypto|arch\/x86\/crypto)\/crc32c)/;

/**
 * The only root file system of the machine: a small system of the host's own programs, the kernel's
 * modules for netfilter and IPVS, and an init that mounts the project at the host's path and starts
 * the agent. Kept in `cache` until one of its parts changes.
 *
 * project  absolute path of the checkout
 * returns  path of the archive
 */
export function buildInitramfs(cache: string, kernel: Kernel, project: string): string {
  const files = [...programFiles(), ...moduleFiles(kernel)];
  const init = initScript(project);
  const hash = createHash('sha256').update(init);
  for (const { from, to } of files) {
    const { size, mtimeMs } = statSync(from);
    hash.update(`${from} ${to} ${size} ${mtimeMs}\n`);
  }
  const archive = join(cache, `initramfs-${hash.digest('hex').slice(0, 16)}.cpio`);
  if (existsSync(archive)) return archive;
  for (const old of globSync(join(cache, 'initramfs-*'))) rmSync(old);
  writeFileSync(`${archive}.partial`, cpioArchive(members(files, init)));
  renameSync(`${archive}.partial`, archive);
  return archive;
}

interface Copy {
  readonly from: string;
  readonly to: string;
}

/** Programs under the names by which they are called, with the libraries that they load. */
function programFiles(): Copy[] {
  const found = programs.flatMap((name) => locate(name) ?? []);
  const node = { from: process.execPath, to: '/usr/bin/node' };
  const opened = openedFolders.flatMap((pattern) => globSync(pattern)).flatMap(filesBelow);
  const binaries = [...found, node].map(({ from }) => from);
  const libraries = [...binaries, ...opened.filter((file) => file.endsWith('.so'))].flatMap(librariesOf);
  const same = [...new Set([...opened, ...libraries])].sort().map((path) => ({ from: path, to: path }));
  return [...found, node, ...same];
}

function locate(name: string): Copy | undefined {
  const folder = environment.PATH.split(':').find((candidate) => existsSync(join(candidate, name)));
  return folder === undefined ? undefined : { from: realpathSync(join(folder, name)), to: join('/usr/sbin', name) };
}

function librariesOf(binary: string): string[] {
  try {
    const text = execFileSync('ldd', [binary], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1]!);
  } catch {
    return []; // linked statically, or a script
  }
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  // Some of iptables' extensions are links to others: MASQUERADE and DNAT to NAT.
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile());
}

function moduleFiles(kernel: Kernel): Copy[] {
  const folder = join('/lib/modules', kernel.version);
  const dependencies = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(kernel.root, folder, 'modules.dep'), 'utf8')
    .trim()
    .split('\n')) {
    const [name, rest] = line.split(':');
    dependencies.set(name!, rest!.trim().split(' ').filter(Boolean));
  }
  const wanted = [...dependencies.keys()].filter((name) => modulePaths.test(name));
  const modules = new Set(wanted.flatMap((name) => [name, ...(dependencies.get(name) ?? [])]));
  const indexes = readdirSync(join(kernel.root, folder)).filter((name) => name.startsWith('modules.'));
  return [...modules, ...indexes]
    .sort()
    .map((name) => ({ from: join(kernel.root, folder, name), to: join(folder, name) }));
}

function members(files: readonly Copy[], init: string): Member[] {
  const contents = new Map<string, Member>();
  const sameBinary = new Map<string, string>();
  for (const { from, to } of files) {
    // One binary under many names (iptables-nft and its kin) is stored once.
    const first = sameBinary.get(from);
    if (first !== undefined) contents.set(to, { kind: 'link', path: to.slice(1), target: first });
    else {
      sameBinary.set(from, to);
      contents.set(to, { kind: 'file', path: to.slice(1), mode: 0o755, content: readFileSync(from) });
    }
  }
  for (const link of ['/bin/sh', '/sbin/modprobe']) {
    contents.set(link, { kind: 'link', path: link.slice(1), target: join('/usr/sbin', basename(link)) });
  }
  const folders = new Set<string>();
  for (const path of [...contents.keys(), '/proc/x', '/sys/x', '/dev/x', '/run/x', '/tmp/x', '/etc/x']) {
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) folders.add(folder);
  }
  return [
    ...[...folders].sort().map((path): Member => ({ kind: 'directory', path: path.slice(1) })),
    { kind: 'file', path: 'init', mode: 0o755, content: Buffer.from(init) },
    ...[...contents.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
  ];
}

/** The agent ends when its channel does, and the machine with it, so a killed test leaves none running. */
function initScript(project: string): string {
  const quoted = `'${project.replaceAll("'", "'\\''")}'`;
  return `#!/bin/sh
export PATH=${environment.PATH} LC_ALL=C NODE_COMPILE_CACHE=/tmp/node-code
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
modprobe -a virtio_pci virtio_console 9pnet_virtio 9p
mkdir -p ${quoted}
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose project ${quoted}
ip link set lo up
(sleep 1800; echo o >/proc/sysrq-trigger) &
node ${quoted}/test/vm/agent.ts /dev/vport*p1
echo o >/proc/sysrq-trigger
sleep 60
`;
}
