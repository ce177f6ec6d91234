import { describe, expect, it } from 'vitest';
import type { CommandResult, Run } from '../backends/command.ts';
import { loadMode } from '../backends/index.ts';
import { createFakeIpvsKernel } from '../backends/ipvs/fake/kernel.ts';
import { createFakeNft } from '../backends/nftables/fake/fake-nft.ts';
import type { Target } from '../backends/target.ts';
import { servicesWith } from './helpers/apply.ts';
import { makeNode } from './helpers/ir.ts';
import { scopeFor } from './helpers/scope.ts';

/*
 * Tools that do half of what they are told: a disk or a memory that is full, a bug, a wrapper of somebody's. An apply against
 * one of them ends, and says what is in force.
 */

const kernels: Readonly<Record<string, () => Run>> = {
  iptables: () => createFakeIpvsKernel().run,
  ipvs: () => createFakeIpvsKernel().run,
  nftables: () => createFakeNft().run,
};

/** The first half of a script's commands, as a script of its own. */
function halfOf(input: string): string {
  const commands =
    input.startsWith('*') || !/^(create|delete|add|flush) .*\b(ip6?) /m.test(input)
      ? input.split(/(?<=\n)/)
      : input.split(/^(?=(?:create|delete|add|flush) )/m);
  const half = commands.slice(0, Math.floor(commands.length / 2)).join('');
  const isWithinTable = half.lastIndexOf('*') > half.lastIndexOf('COMMIT');
  return isWithinTable ? `${half}COMMIT\n` : half;
}

/** What the tool says of the n-th script. */
const answers: Readonly<Record<string, (line: number) => Partial<CommandResult>>> = {
  'says that all went well': () => ({ exitCode: 0, stderr: '' }),
  'names another line each time': (line) => ({
    exitCode: 1,
    stderr: `line ${line}: RULE_APPEND failed (Cannot allocate memory): rule in chain KUBE-SERVICES\n`,
  }),
  'names no line': () => ({ exitCode: 1, stderr: 'failed\n' }),
  'is killed': () => ({ exitCode: undefined, stderr: '', failure: 'killed' }),
};

/** Does a part of every script. */
function halfWriting(run: Run, partOf: (input: string) => string, answer: (line: number) => Partial<CommandResult>) {
  let tries = 0;
  const halved: Run = async (file, args, input) => {
    if (input === undefined) return run(file, args);
    tries++;
    const half = partOf(input);
    const result = half === '' ? { exitCode: 0, stdout: '', stderr: '' } : await run(file, args, half);
    return { ...result, ...answer(tries) };
  };
  return { run: halved, tries: () => tries };
}

const target = (endpoints: number): Target => ({ services: servicesWith(endpoints), node: makeNode() });

const parts: Readonly<Record<string, (input: string) => string>> = { half: halfOf, nothing: () => '' };

const backends = Object.keys(kernels).flatMap((backend) => Object.keys(parts).map((part) => [backend, part] as const));

describe.each(backends)('%s with a tool that writes %s and', (backend, part) => {
  const partOf = parts[part] as (typeof parts)[string];

  it.each(Object.keys(answers))('%s: ends soon, and says what is in force', async (name) => {
    const { live } = await loadMode(backend);
    const plain = (kernels[backend] as () => Run)();
    const first = await live.observe(plain, scopeFor(), true);
    await first?.apply(target(2));
    const { run, tries } = halfWriting(plain, partOf, answers[name] as (typeof answers)[string]);
    const kernel = await live.observe(run, scopeFor(), true);
    const report = await kernel?.apply(target(40));
    const said = report?.problems.map(({ message }) => message).join('\n');
    expect([report?.isDone, said]).toEqual([
      false,
      expect.stringMatching(/in force|left as it was|Nothing was changed/),
    ]);
    // Scripts, of which a try of IPVS has several. What takes nothing at all looks like seven Services that are refused.
    expect(tries()).toBeLessThanOrEqual(backend === 'ipvs' || part === 'nothing' ? 30 : 10);
    // A tool that works again goes on from there.
    const again = await live.observe(plain, scopeFor(), true);
    expect(await again?.apply(target(40))).toMatchObject({ isDone: true, problems: [] });
  });
});
