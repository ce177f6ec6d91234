import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../backends/command.ts';
import { parseAddress } from '../../compiler/values/address.ts';
import { lockDir } from '../../test/helpers/lock-dir.ts';
import { expectedFile } from '../../test/conformance/cases.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { type ApplyOptions, applyCommand } from './apply.ts';
import { cleanupCommand } from './cleanup.ts';
import { cartOf, createScratch, nodeOf, type Scratch } from './commands.fixture.ts';
import { compileCommand } from './compile.ts';
import { type Bench, bench, stateOf } from './kernels.fixture.ts';
import { planCommand } from './plan.ts';

/* If the kernel rejects one family's rules, the others stay as they are, in every backend. IPv6 is written second. */

let scratch: Scratch;
beforeEach(() => {
  scratch = createScratch();
});
afterEach(() => {
  scratch.remove();
});

const here = {
  name: 'east-1',
  addresses: ['192.0.2.1', '2001:db8::1'].map(parseAddress).filter((address) => address !== undefined),
};
const six = (address: string) =>
  cartOf(`"${address}"`)
    .replaceAll('cart', 'six')
    .replaceAll('10.96.0.10', '"fd00:96::10"')
    .replace('addressType: IPv4', 'addressType: IPv6');
const both = `${nodeOf('192.0.2.1', '2001:db8::1')}---${cartOf('10.1.0.5')}---${six('fd00:1::5')}`;

async function apply({ run }: Bench, backend: string, options: Partial<ApplyOptions> = {}) {
  const io = memoryIo(both);
  const given = { filename: ['-'], backend, lockDir, diagnostics: 'human', ...options } as const;
  const status = await applyCommand(given, io, run, here);
  return { status, out: io.written.out, err: io.written.err.replace(/^info: .*\n/gm, '') };
}

/** Makes every call of this program fail, whether it writes or reads. */
function without(bench: Bench, program: (file: string, args: readonly string[], input?: string) => boolean): void {
  const { run } = bench;
  const missing: CommandResult = { exitCode: undefined, stdout: '', stderr: '', failure: 'not-found' };
  bench.run = (file, args, input) => (program(file, args, input) ? Promise.resolve(missing) : run(file, args, input));
}

/** The rules of a kube-proxy in one family. */
async function anotherWriter({ kernel }: Bench, family: 'IPv4' | 'IPv6'): Promise<void> {
  const io = memoryIo(both);
  const only = family === 'IPv4' ? 'ipv4' : 'ipv6';
  await compileCommand({ filename: ['-'], diagnostics: 'human', family: only }, io);
  kernel.netfilter.restore(family, io.written.out);
}

/** A kube-proxy's table of one family. */
const kubeProxyTable = (family: 'IPv4' | 'IPv6') =>
  expectedFile('040-dual-stack', family === 'IPv4' ? 'expected.nft' : 'expected.ip6.nft') ?? '';

describe.each(['iptables', 'ipvs', 'nftables'])('apply in %s mode', (backend) => {
  const others = async (family: 'IPv4' | 'IPv6') => {
    if (backend === 'nftables') return bench(kubeProxyTable(family));
    const made = bench();
    await anotherWriter(made, family);
    return made;
  };

  it.each(['IPv4', 'IPv6'] as const)('changes neither family where another writer has %s', async (family) => {
    const made = await others(family);
    const before = await stateOf(made);
    const { status, out, err } = await apply(made, backend);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(new RegExp(`^error: kernel ${family}: [^]*--take-over[^]*othing was changed`));
    expect(await stateOf(made)).toEqual(before);
  });

  it('takes over without a word of what it would need for that', async () => {
    const made = await others('IPv6');
    const { status, out, err } = await apply(made, backend, { takeOver: true, allowMassRemoval: true });
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/stop (it|that program) first/);
    expect(out).not.toContain('--take-over');
  });

  it('changes neither family where a tool of the second is missing', async () => {
    const made = bench();
    without(made, (file, args) => (backend === 'nftables' ? args.includes('ip6') : file.startsWith('ip6tables')));
    const before = await stateOf(made);
    const { status, out, err } = await apply(made, backend);
    expect([status, out, err]).toEqual([1, '', expect.stringMatching(/not installed[^]*Nothing was changed\.\n$/)]);
    expect(await stateOf(made)).toEqual(before);
  });

  it('a plan shows what a take-over would do, and what it needs', async () => {
    const made = await others('IPv6');
    const io = memoryIo(both);
    const given = { filename: ['-'], backend, against: [], output: 'text', diagnostics: 'human' } as const;
    expect(await planCommand(given, io, made.run, here)).toBe(2);
    expect(io.written.out).toContain('apply needs --take-over');
  });
});

describe.each(['iptables', 'ipvs'])('apply in %s mode', (backend) => {
  it('changes neither family, also by a saved plan, where only the tool is missing that writes the second', async () => {
    const made = bench();
    const plan = `${scratch.root}/plan.json`;
    const io = memoryIo(both);
    const given = { filename: ['-'], backend, against: [], output: 'text', out: plan, diagnostics: 'human' } as const;
    expect(await planCommand(given, io, made.run, here)).toBe(2);
    without(made, (file) => file === 'ip6tables-nft-restore');
    const before = await stateOf(made);
    for (const options of [{}, { filename: [], plan }]) {
      const { status, out, err } = await apply(made, backend, options);
      expect([status, out]).toEqual([1, expect.not.stringContaining('applied')]);
      expect(err).toMatch(/^error: command ip6tables-nft-restore[^]*not installed[^]*\nNothing was changed\.\n$/);
    }
    expect(await stateOf(made)).toEqual(before);
  });
});

it('a take-over in IPVS mode is shown as it is done: servers of others at our addresses are no conflict then', async () => {
  const made = bench();
  await made.kernel.run('ipvsadm', ['--restore'], '-A -t 10.96.0.10:80 -s rr\n');
  const refused = await apply(made, 'ipvs');
  expect([refused.status, refused.out]).toEqual([
    1,
    expect.stringContaining('delete it with ipvsadm -D, or take over'),
  ]);
  const { status, out, err } = await apply(made, 'ipvs', { takeOver: true });
  expect([status, err]).toEqual([0, '']);
  expect(out).not.toMatch(/take over|left as it is/);
});

describe('cleanup', () => {
  it.each([
    ['iptables', (file: string) => file === 'ip6tables-nft-save' || file === 'ip6tables-legacy-save'],
    ['ipvs', (file: string) => file === 'ipset'],
  ])('removes nothing of %s mode where something cannot be read', async (backend, isFailing) => {
    const made = bench();
    expect((await apply(made, backend)).status).toBe(0);
    const { run } = made;
    const denied = { exitCode: 1, stdout: '', stderr: 'Permission denied (you must be root)\n' };
    made.run = (file, args, input) => (isFailing(file) ? Promise.resolve(denied) : run(file, args, input));
    const before = await stateOf(made);
    const io = memoryIo();
    const status = await cleanupCommand({ lockDir, diagnostics: 'human' }, io, made.run);
    expect([status, io.written.out]).toEqual([1, '']);
    expect(io.written.err).toMatch(/not permitted[^]*\nNothing was changed\.\n$/);
    expect(await stateOf(made)).toEqual(before);
  });
});
