import { complaintOf, type Run } from '../command.ts';
import type { Preparation } from './preparation.ts';

/**
 * What needs a module and changes nothing: the kernel loads it for that by itself, with NET_ADMIN alone, and where it answers,
 * the module is there. One that is built in and has no parameters is listed nowhere else without /lib/modules.
 */
const uses: Readonly<Record<string, readonly [file: string, ...args: string[]]>> = {
  nf_conntrack: ['conntrack', '-C'],
  nf_tables: ['nft', 'list', 'tables'],
  ip_vs: ['ipvsadm', '--list', '-n'],
};

/**
 * Loads modules that are missing. A module that cannot be loaded is reported and decides nothing, since it may be built into
 * the kernel and listed nowhere: whether IPVS works is asked of IPVS.
 */
export async function loadModules(run: Run, names: readonly string[]): Promise<Preparation[]> {
  const preparations: Preparation[] = [];
  for (const name of names) preparations.push(await loadModule(run, name));
  return preparations;
}

async function loadModule(run: Run, name: string): Promise<Preparation> {
  const facts = { object: { kind: 'module', name } as const, code: 'kernel-module', isNeeded: false };
  if (await isListed(run, name)) return { ...facts, kind: 'already', message: 'already there' };
  const result = await run('modprobe', [name]);
  if (result.exitCode === 0) return { ...facts, kind: 'set', message: 'loaded, or built into the kernel' };
  const [file, ...args] = uses[name] ?? [];
  if (file !== undefined) {
    const used = await run(file, args);
    if (await isListed(run, name)) return { ...facts, kind: 'set', message: 'loaded by the kernel itself' };
    if (used.exitCode === 0) return { ...facts, kind: 'already', message: 'built into the kernel' };
  }
  const reason = complaintOf(result) || `modprobe ended with ${result.exitCode ?? 'no exit status'}`;
  const remedy = `as root on the node: modprobe ${name}; at every boot: a line ${name} in /etc/modules-load.d/`;
  return { ...facts, kind: 'failed', message: `could not be loaded: ${reason}; ${remedy}` };
}

async function isListed(run: Run, name: string): Promise<boolean> {
  return (await run('ls', ['/sys/module'])).stdout.split('\n').includes(name);
}
