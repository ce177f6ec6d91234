import { complaintOf, type Run } from '../../backends/command.ts';
import type { Preparation } from '../../backends/host/preparation.ts';

/** The file of the parameter. */
const file = '/sys/module/nf_conntrack/parameters/hashsize';

/** kube-proxy's name for this in an Event: the container's /sys is read-only. */
export const readOnlySysfs = 'read-only-sysfs';

/**
 * Raises the number of buckets of conntrack's hash table, so that a full table has four connections
 * in each. It is never lowered. All network namespaces share one table, and only the first of them may
 * set its size.
 *
 * source   kube-proxy v1.30, SetMax
 */
export async function raiseHashSize(run: Run, wanted: number): Promise<Preparation> {
  const object = { kind: 'file', name: file } as const;
  const facts = { object, code: 'conntrack-hash-size', isNeeded: false };
  const before = await readSize(run);
  if (before >= wanted) return { ...facts, kind: 'already', message: `already ${before}, ${wanted} are enough` };
  const result = await run('tee', [file], `${wanted}\n`);
  const after = result.exitCode === 0 ? await readSize(run) : 0;
  if (after >= wanted) return { ...facts, kind: 'set', message: `${before} → ${after}` };
  const code = /Read-only file system/.test(result.stderr) ? readOnlySysfs : facts.code;
  const reason = complaintOf(result, 'tee') || 'it stays as it is';
  const is = before === 0 ? '' : `is ${before} and `;
  const remedy = `as root on the node: echo ${wanted} > ${file}`;
  return { ...facts, code, kind: 'failed', message: `${is}could not be raised to ${wanted}: ${reason}; ${remedy}` };
}

/** 0 where it cannot be read. */
async function readSize(run: Run): Promise<number> {
  const { exitCode, stdout } = await run('cat', [file]);
  return exitCode === 0 ? Number(stdout.trim()) || 0 : 0;
}
