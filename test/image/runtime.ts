import { readFileSync } from 'node:fs';
import type { Container } from '../deploy/pod.ts';

/** An image's own settings for its start. */
export interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly Env: readonly string[];
  readonly WorkingDir: string;
}

/** Facts that only a node knows. */
export interface OnNode {
  /** An unpacked image. */
  readonly root: string;
  /** The place of each volume, by the path at which it is mounted. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The configuration with which containerd would have runc start a container of a pod on the host's network: exactly its
 * security context, its volumes, and containerd's defaults for masked and read-only paths.
 *
 * source  OCI runtime specification 1.0; containerd's `oci.DefaultSpec` and its privileged containers
 */
export function runtimeConfig(container: Container, image: ImageConfig, node: OnNode): object {
  const { runAsUser, privileged = false, allowPrivilegeEscalation, readOnlyRootFilesystem } = container.securityContext;
  const capabilities = capabilitiesOf(container);
  const env = Object.entries(node.env);
  const args = [...image.Entrypoint, ...container.args].map((word) =>
    env.reduce((text, [name, value]) => text.replaceAll(`$(${name})`, value), word),
  );
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: runAsUser, gid: 0 },
      args,
      env: [...image.Env, ...env.map(([name, value]) => `${name}=${value}`)],
      cwd: image.WorkingDir,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: allowPrivilegeEscalation === false,
    },
    root: { path: node.root, readonly: readOnlyRootFilesystem },
    mounts: [...systemMounts(privileged), ...volumeMounts(container, node.volumes)],
    linux: {
      namespaces: ['pid', 'ipc', 'mount'].map((type) => ({ type })),
      ...(!privileged && { maskedPaths, readonlyPaths }),
      ...(container.securityContext.seccompProfile?.type === 'RuntimeDefault' && { seccomp: seccompFor(capabilities) }),
    },
  };
}

/** source: linux/capability.h */
const allCapabilities = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP'
).split(' ');

function capabilitiesOf({ name, securityContext }: Container): string[] {
  const { privileged, capabilities } = securityContext;
  if (privileged === true) return allCapabilities.map((each) => `CAP_${each}`);
  if (capabilities?.drop[0] !== 'ALL') throw new Error(`${name} keeps the capabilities that a runtime gives`);
  return capabilities.add.map((each) => `CAP_${each}`);
}

function systemMounts(privileged: boolean): object[] {
  const plain = ['nosuid', 'noexec', 'nodev'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: plain },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...plain, 'mode=1777', 'size=65536k'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...plain, privileged ? 'rw' : 'ro'] },
  ];
}

function volumeMounts({ volumeMounts: mounts }: Container, volumes: OnNode['volumes']): object[] {
  const given = { name: 'service account', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };
  return [...mounts, given].map(({ name, mountPath, readOnly }) => {
    const source = volumes[mountPath];
    if (source === undefined) throw new Error(`nobody says where ${name} is`);
    return { destination: mountPath, type: 'bind', source, options: ['rbind', readOnly === true ? 'ro' : 'rw'] };
  });
}

const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/sys/firmware',
  '/proc/scsi',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly args: readonly object[] | null;
    readonly errnoRet?: number | null;
    readonly includes: Condition;
    readonly excludes: Condition;
  }[];
}

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

/**
 * The default profile of container runtimes, for a container with these capabilities. io_uring is left out, as runtimes
 * have done since this profile was recorded.
 */
function seccompFor(capabilities: readonly string[]): object {
  const profile = JSON.parse(readFileSync(new URL('seccomp.json', import.meta.url), 'utf8')) as Profile;
  const [architecture, scmp] =
    process.arch === 'arm64' ? ['arm64', 'SCMP_ARCH_AARCH64'] : ['amd64', 'SCMP_ARCH_X86_64'];
  const hasAll = (caps: readonly string[]) => caps.every((each) => capabilities.includes(each));
  const applies = ({ caps, arches }: Condition) => hasAll(caps ?? []) && (arches?.includes(architecture) ?? true);
  const isEmpty = ({ caps, arches }: Condition) => caps === undefined && arches === undefined;
  const chosen = profile.syscalls.filter(
    ({ includes, excludes }) => applies(includes) && (isEmpty(excludes) || !applies(excludes)),
  );
  const machine = profile.archMap.find((each) => each.architecture === scmp);
  return {
    defaultAction: profile.defaultAction,
    defaultErrnoRet: profile.defaultErrnoRet,
    architectures: [scmp, ...(machine?.subArchitectures ?? [])],
    syscalls: chosen.map(({ names, action, args, errnoRet }) => ({
      names: names.filter((name) => !name.startsWith('io_uring_')),
      action,
      ...(args !== null && args.length > 0 && { args }),
      ...(typeof errnoRet === 'number' && { errnoRet }),
    })),
  };
}
