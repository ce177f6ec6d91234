import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult, Run } from '../../backends/command.ts';
import { createFakeKernel, type FakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import { lockDir } from '../../test/helpers/lock-dir.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { applyCommand } from './apply.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { compileCommand } from './compile.ts';
import { planCommand } from './plan.ts';
import { verifyFoundCommand } from './verify-found.ts';

/* `iptables.counters: true`, on machines that can count and on others. */

const here = { name: 'east-1', addresses: [] };
const ports = 'type: NodePort, ports: [{name: http, port: 80, protocol: TCP, nodePort: 30080}]';
const objects = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5').replace(/ports: \[\{name: http, port: 80, protocol: TCP\}\]/, ports)}`;
const asking =
  'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: 10.1.0.0/16\niptables: {counters: true}\n';

let scratch: Scratch;
let input: { readonly filename: readonly string[]; readonly config: string };
beforeEach(() => {
  scratch = createScratch();
  input = { filename: [scratch.put('objects.yaml', objects)], config: scratch.put('config.yaml', asking) };
});
afterEach(() => scratch.remove());

async function apply(run: Run) {
  const io = memoryIo();
  const status = await applyCommand({ ...input, lockDir, diagnostics: 'human' }, io, run, here);
  return { status, warnings: io.written.err.split('\n').filter((line) => line.includes('counters')) };
}

/** Exit status of `plan`, and the output of `verify --live`: both read the rules in force. */
async function seenAgain(run: Run) {
  const planned = await planCommand(
    { ...input, against: [], output: 'text', diagnostics: 'human' },
    memoryIo(),
    run,
    here,
  );
  const io = memoryIo();
  const verified = await verifyFoundCommand(
    { ...input, against: [], output: 'text', diagnostics: 'human' },
    io,
    run,
    here,
  );
  return { planned, verified, text: io.written.out };
}

const countedIn = (kernel: FakeKernel): number => kernel.save('IPv4').match(/nfacct-name/g)?.length ?? 0;

it('on a machine that can count, all commands want the rules that count', async () => {
  const kernel = createFakeKernel();
  expect(await apply(kernel.run)).toEqual({ status: 0, warnings: [] });
  expect([countedIn(kernel), kernel.accounts.size]).toEqual([2, 2]);
  expect(await seenAgain(kernel.run)).toMatchObject({ planned: 0, verified: 0 });
});

it('a plan of rules that count names the node port once', async () => {
  const io = memoryIo();
  const { run } = createFakeKernel();
  await planCommand({ ...input, against: [], output: 'text', diagnostics: 'human' }, io, run, here);
  expect(io.written.out.match(/node port/g)).toHaveLength(1);
  expect(io.written.out).not.toContain('127.0.0.0:30080');
});

describe('a machine that cannot count is told so once, and serves all Services', () => {
  const without =
    (kernel: FakeKernel, tool: string, result: CommandResult): Run =>
    async (file, args, text) =>
      file === tool && (file === 'nfacct' || args.includes('--test')) ? result : kernel.run(file, args, text);

  it.each([
    [
      'nfacct is not installed',
      'nfacct',
      { exitCode: undefined, stdout: '', stderr: '', failure: 'not-found' },
      'the program nfacct is not installed (Debian package nfacct)',
    ],
    [
      'the kernel has no accounting objects',
      'nfacct',
      { exitCode: 1, stdout: '', stderr: 'nfacct v1.0.2: error: Invalid argument\n' },
      'nfacct list failed: Invalid argument',
    ],
    [
      'the kernel has no such match',
      'iptables-restore',
      {
        exitCode: 0,
        stdout: '',
        stderr: 'Warning: Extension nfacct revision 0 not supported, missing kernel module?\n',
      },
      'iptables cannot use the match nfacct: Warning: Extension nfacct revision 0 not supported, missing kernel module?',
    ],
  ] as const)('%s', async (_, tool, result, why) => {
    const kernel = createFakeKernel();
    const run = without(kernel, tool, result);
    const { status, warnings } = await apply(run);
    expect(status).toBe(0);
    expect(warnings).toEqual([expect.stringMatching(/^warning: machine nfacct: iptables.counters is true/)]);
    expect(warnings[0]).toContain(`(${why})`);
    expect(countedIn(kernel)).toBe(0);
    expect(kernel.save('IPv4')).toContain('--dport 30080');
    expect(await seenAgain(run)).toMatchObject({ planned: 0, verified: 0 });
  });
});

it('away from the node, the program is what the configuration says', async () => {
  const io = memoryIo();
  expect(await compileCommand({ ...input, diagnostics: 'human' }, io)).toBe(0);
  expect(io.written.out.match(/--nfacct-name/g)?.length).toBe(2);
});
