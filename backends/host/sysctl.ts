import { complaintOf, type Run } from '../command.ts';

/** The outcome of one kernel setting. */
export type SysctlOutcome = { readonly name: string; readonly value: string } & (
  | { readonly kind: 'already' }
  | { readonly kind: 'set'; readonly from: string }
  /** found: undefined where this kernel, or this network namespace, has no such setting. */
  | { readonly kind: 'failed'; readonly found: string | undefined; readonly reason: string }
);

/**
 * Gives kernel settings their values. What has its value already is not written: in a container
 * whose /proc/sys is read-only that is the difference between success and failure.
 *
 * wanted   value by name, `net.ipv4.ip_forward` → `1`; one word or number each
 * returns  one outcome a name, in the same order; `set` is what was read back
 */
export async function ensureSysctls(run: Run, wanted: ReadonlyMap<string, string>): Promise<SysctlOutcome[]> {
  const names = [...wanted.keys()];
  const before = await readSysctls(run, names);
  const refusals = new Map<string, string>();
  for (const [name, value] of wanted) {
    if (!before.values.has(name) || before.values.get(name) === value) continue;
    const result = await run('sysctl', ['-w', `${name}=${value}`]);
    const { exitCode } = result;
    const reason = complaintOf(result, 'sysctl') || `sysctl ended with ${exitCode ?? 'no exit status'}`;
    if (exitCode !== 0) refusals.set(name, reason);
  }
  const isWritten = names.some((name) => before.values.get(name) !== wanted.get(name));
  const after = isWritten ? await readSysctls(run, names) : before;
  return [...wanted].map(([name, value]) => {
    const [found, now] = [before.values.get(name), after.values.get(name)];
    if (found === value) return { name, value, kind: 'already' };
    if (found !== undefined && now === value) return { name, value, kind: 'set', from: found };
    const reason =
      refusals.get(name) ?? before.problem ?? (now === undefined ? 'there is no such setting here' : `it stays ${now}`);
    return { name, value, kind: 'failed', found: now, reason };
  });
}

/** What was found, why it stays so, and the command that an administrator can run. */
export function sysctlProblem(outcome: Extract<SysctlOutcome, { kind: 'failed' }>): string {
  const { name, value, found, reason } = outcome;
  const is = found === undefined ? '' : `is ${found} and `;
  return `${is}could not be set to ${value}: ${reason}; as root on the node: sysctl -w ${name}=${value}`;
}

/** undefined: this kernel has no such setting, or it cannot be read. */
export async function readSysctl(run: Run, name: string): Promise<string | undefined> {
  return (await readSysctls(run, [name])).values.get(name);
}

/** problem: why nothing could be read. A setting that a kernel does not have is left out and is no problem. */
async function readSysctls(
  run: Run,
  names: readonly string[],
): Promise<{ readonly values: ReadonlyMap<string, string>; readonly problem: string | undefined }> {
  if (names.length === 0) return { values: new Map(), problem: undefined };
  const result = await run('sysctl', ['-e', ...names]);
  const problem = result.exitCode === 0 ? undefined : complaintOf(result, 'sysctl') || undefined;
  return { values: parseSysctls(result.stdout), problem };
}

/** The output of `sysctl NAME …`: `net.ipv4.ip_forward = 1`. */
export function parseSysctls(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const match = /^([a-z0-9._-]+) ?= ?(.*)$/.exec(line.trim());
      return match?.[1] === undefined || match[2] === undefined ? [] : [[match[1], match[2]]];
    }),
  );
}
