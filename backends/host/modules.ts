import { complaintOf, type Run } from '../command.ts';
import type { Preparation } from './preparation.ts';

/** What makes the kernel load a module by itself, which NET_ADMIN is enough for. */
const nudges: Readonly<Record<string, readonly [file: string, ...args: string[]]>> = {
  nf_conntrack: ['conntrack', '-C'],
};

/**
 * Asks for modules that are not there yet. What is built into the kernel is not listed anywhere for
 * certain, so a module that cannot be loaded is told of and decides nothing: whether IPVS works is asked of
 * IPVS.
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
  const [file, ...args] = nudges[name] ?? [];
  if (file !== undefined) {
    await run(file, args);
    if (await isListed(run, name)) return { ...facts, kind: 'set', message: 'loaded by the kernel itself' };
  }
  const reason = complaintOf(result) || `modprobe ended with ${result.exitCode ?? 'no exit status'}`;
  const remedy = `as root on the node: modprobe ${name}; at every boot: a line ${name} in /etc/modules-load.d/`;
  return { ...facts, kind: 'failed', message: `could not be loaded: ${reason}; ${remedy}` };
}

async function isListed(run: Run, name: string): Promise<boolean> {
  return (await run('ls', ['/sys/module'])).stdout.split('\n').includes(name);
}
