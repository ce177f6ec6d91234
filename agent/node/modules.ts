import type { Run } from '../../backends/command.ts';
import type { Preparation } from './preparation.ts';

/** Kernel modules that IPVS mode asks for by name, and nothing loads by itself everywhere. */
export function ipvsModules(scheduler: string): readonly string[] {
  return ['ip_vs', `ip_vs_${scheduler}`, 'dummy', 'nf_conntrack'];
}

/**
 * Asks for modules that are not there yet. What is built into the kernel is not listed anywhere for
 * certain, so a module that cannot be loaded is told of and decides nothing: whether IPVS works is asked of
 * IPVS.
 */
export async function loadModules(run: Run, names: readonly string[]): Promise<Preparation[]> {
  const listed = await run('ls', ['/sys/module']);
  const present = new Set(listed.stdout.split('\n'));
  const preparations: Preparation[] = [];
  for (const name of names) {
    const facts = { object: { kind: 'module', name } as const, code: 'kernel-module', isNeeded: false };
    if (present.has(name)) {
      preparations.push({ ...facts, kind: 'already', message: 'already there' });
      continue;
    }
    const { exitCode, stderr } = await run('modprobe', [name]);
    if (exitCode === 0) {
      preparations.push({ ...facts, kind: 'set', message: 'loaded, or built into the kernel' });
      continue;
    }
    const reason = stderr.trim().split('\n')[0] || `modprobe ended with ${exitCode ?? 'no exit status'}`;
    const remedy = `as root on the node: modprobe ${name}; at every boot: a line ${name} in /etc/modules-load.d/`;
    preparations.push({ ...facts, kind: 'failed', message: `could not be loaded: ${reason}; ${remedy}` });
  }
  return preparations;
}
