import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { unreachable } from '../../compiler/values/unreachable.ts';

const roles = ['agent', 'init', 'apply', 'cleanup'] as const;

/** The kind of work of a process that writes to a node. */
export type LockRole = (typeof roles)[number];

/** A process that holds the lock of a node. */
export interface Holder {
  readonly role: LockRole;
  /** The pid as the process itself sees it. */
  readonly pid: number;
  /** The PID namespace of that pid: not this process's own if one of the two runs in a container. */
  readonly pidNamespace: string;
}

export function parseRole(text: string | undefined): LockRole | undefined {
  return roles.find((role) => role === text);
}

/** `an agent (pid 4711)`, `slicewright apply (pid 4711)`. */
export function holderText(holder: Holder): string {
  return `${roleText(holder.role)} (${pidText(holder)})`;
}

/** `another agent runs on this node (pid 4711): waiting for it to end` */
export function waitText(holder: Holder): string {
  const who = holder.role === 'agent' ? 'another agent' : roleText(holder.role);
  return `${who} runs on this node (${pidText(holder)}): waiting for it to end`;
}

function roleText(role: LockRole): string {
  switch (role) {
    case 'agent':
      return 'an agent';
    case 'init':
      return 'slicewright agent --init-only';
    case 'apply':
    case 'cleanup':
      return `slicewright ${role}`;
    default:
      return unreachable(role);
  }
}

function pidText({ pid, pidNamespace }: Holder): string {
  if (pidNamespace === ownNamespace('pid')) return `pid ${pid}`;
  const here = pidHere(pid, pidNamespace);
  return here === undefined
    ? `pid ${pid} of another PID namespace, in a container`
    : `pid ${here}; in its container ${pid}`;
}

/** The number of this process's namespace of a kind: `4026531840`. */
export function ownNamespace(kind: 'net' | 'pid'): string {
  return namespaceIn(readlinkSync(`/proc/self/ns/${kind}`));
}

function namespaceIn(link: string): string {
  return /\[(\d+)\]$/.exec(link)?.[1] ?? '0';
}

/** This namespace's pid of the process that has `pid` in a namespace below; undefined: it is not visible from here. */
function pidHere(pid: number, pidNamespace: string): number | undefined {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = processes.find((name) => {
    try {
      if (namespaceIn(readlinkSync(`/proc/${name}/ns/pid`)) !== pidNamespace) return false;
      const [, names = ''] = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
      return Number(names.trim().split(/\s+/).at(-1)) === pid;
    } catch {
      // The process ended meanwhile, or slicewright may not look at it.
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}
