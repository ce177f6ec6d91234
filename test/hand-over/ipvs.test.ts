import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { lockDir } from '../helpers/lock-dir.ts';

const folder = fileURLToPath(new URL('../conformance/cases/', import.meta.url));

async function apply(kernel: FakeIpvsKernel, name: string, backend = 'ipvs'): Promise<void> {
  const files = { filename: [`${folder}${name}/input.yaml`], node: `${folder}${name}/node.yaml` };
  const options = { ...files, config: `${folder}${name}/kube-proxy.yaml`, backend, lockDir } as const;
  const io = memoryIo();
  await applyCommand({ ...options, diagnostics: 'human' }, io, kernel.run, { name: 'node', addresses: [] });
}

async function handOver({ run }: Pick<FakeIpvsKernel, 'run'>) {
  const io = memoryIo();
  const status = await cleanupCommand({ lockDir, handOver: true, diagnostics: 'human' }, io, run);
  return { status, ...io.written };
}

const linesOf = ({ netfilter }: FakeIpvsKernel) => netfilter.save('IPv4').split('\n');

it('keeps what slicewright drops and kube-proxy does not, as rules that kube-proxy removes with its first sync', async () => {
  const kernel = createFakeIpvsKernel();
  await apply(kernel, '025-internal-local-none-here');
  const before = linesOf(kernel);
  expect(before.filter((line) => line.includes('SLICEWRIGHT-DROP'))).toHaveLength(2);
  await handOver(kernel);
  const place = (address: string) =>
    `-d ${address}/32 -p tcp -m comment --comment "frontends without local endpoints" -m tcp --dport 80 -m conntrack --ctstate NEW -j DROP`;
  expect(linesOf(kernel).filter((line) => !before.includes(line))).toEqual(
    ['KUBE-IPVS-OUT-FILTER', 'KUBE-PROXY-FIREWALL'].flatMap((chain) =>
      ['10.13.100.1', '10.13.100.2'].map((address) => `-A ${chain} ${place(address)}`),
    ),
  );
});

it('is complete however often it was interrupted', async () => {
  for (let script = 1; script < 20; script++) {
    const kernel = createFakeIpvsKernel();
    await apply(kernel, '025-internal-local-none-here');
    const done = kernel.scripts.length;
    kernel.faults = { killAt: { script: done + script, line: 0 } };
    const first = await handOver(kernel);
    kernel.faults = {};
    expect(await handOver(kernel)).toMatchObject({ status: 0, err: '' });
    expect([...linesOf(kernel), ...kernel.sets.keys()].join('\n')).not.toContain('SLICEWRIGHT');
    expect(linesOf(kernel).filter((line) => line.includes('frontends without local endpoints'))).toHaveLength(4);
    if (first.status === 0) return expect(script).toBeGreaterThan(1);
  }
  throw new Error('a hand-over never ends');
});

it('changes nothing where a set is larger than kube-proxy makes it', async () => {
  const kernel = createFakeIpvsKernel();
  await apply(kernel, '010-nodeport');
  const set = kernel.sets.get('KUBE-LOOP-BACK');
  if (set === undefined) throw new Error('no such set');
  kernel.sets = new Map([
    ...kernel.sets,
    ['KUBE-LOOP-BACK', { ...set, options: set.options.replace('maxelem 65536', 'maxelem 131072') }],
  ]);
  const state = async () => [linesOf(kernel), (await kernel.run('ipset', ['save'])).stdout];
  const before = await state();
  const { status, err } = await handOver(kernel);
  expect([status, err]).toEqual([
    1,
    expect.stringContaining('KUBE-LOOP-BACK has room for more than the 65536 entries'),
  ]);
  expect(await state()).toEqual(before);
});

it('removes what is left of IPVS mode where iptables mode is in force', async () => {
  const kernel = createFakeIpvsKernel();
  await apply(kernel, '010-nodeport');
  kernel.connections.set('-t 10.13.100.1:80 -r 10.12.1.1:8080', 3);
  await apply(kernel, '010-nodeport', 'iptables');
  expect(kernel.link).toBeDefined();
  const rules = linesOf(kernel).filter((line) => line.startsWith('-A'));
  expect(await handOver(kernel)).toMatchObject({ status: 0, err: '' });
  expect([kernel.link, [...kernel.sets], [...kernel.servers]]).toEqual([undefined, [], []]);
  expect(linesOf(kernel).filter((line) => line.startsWith('-A'))).toEqual(rules);
});
