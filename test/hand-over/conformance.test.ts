import { expect, describe, it } from 'vitest';
import { fileURLToPath } from 'node:url';
import { applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { families } from '../../compiler/values/address.ts';
import { caseNames, expectedFile } from '../conformance/cases.ts';
import { comparable } from '../conformance/compare.ts';
import { lockDir } from '../helpers/lock-dir.ts';
import { syncIptables, syncIpvs, type Wanted, withoutSizes } from './kube-proxy.ts';

const folder = fileURLToPath(new URL('../conformance/cases/', import.meta.url));

async function applied(name: string, backend: string): Promise<FakeIpvsKernel> {
  const kernel = createFakeIpvsKernel();
  const io = memoryIo();
  const files = { filename: [`${folder}${name}/input.yaml`], node: `${folder}${name}/node.yaml` };
  const options = { ...files, config: `${folder}${name}/kube-proxy.yaml`, backend, lockDir } as const;
  await applyCommand({ ...options, diagnostics: 'human' }, io, kernel.run, { name: 'node', addresses: [] });
  return kernel;
}

async function handOver(kernel: FakeIpvsKernel) {
  const io = memoryIo();
  const status = await cleanupCommand({ lockDir, handOver: true, diagnostics: 'human' }, io, kernel.run);
  return { status, ...io.written };
}

const saves = { IPv4: 'iptables-save', IPv6: 'ip6tables-save' } as const;

function wantedOf(name: string, folderOf: (file: string) => string): readonly Wanted[] {
  return families.flatMap((family) => {
    const rules = expectedFile(name, folderOf(saves[family]));
    return rules === undefined ? [] : [{ family, rules }];
  });
}

const sorted = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
const withoutTime = (text: string) => text.replace(/^#.*\n/gm, '');

describe('after a hand-over and one sync of kube-proxy a node holds what kube-proxy makes, and nothing else', () => {
  // From no objects at all slicewright makes no rules.
  const names = caseNames.filter((name) => name !== '062-empty-cluster');
  const cases = names.map((name) => [name, wantedOf(name, (file) => `expected.${file}`)] as const);

  it.each(cases.filter(([, wanted]) => wanted.length > 0))('iptables, %s', async (name, wanted) => {
    const kernel = await applied(name, 'iptables');
    const before = families.map((family) => comparable(kernel.netfilter.save(family)));
    const { status, out, err } = await handOver(kernel);
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain('stay in force for kube-proxy');
    const after = families.map((family) => comparable(kernel.netfilter.save(family)));
    expect(after).toEqual(before.map(withoutMark));

    for (const one of wanted) {
      const isUsed = kernel.netfilter.save(one.family).includes('KUBE-');
      const missing = await syncIptables(kernel.run, one);
      expect(isUsed ? missing : []).toEqual([]);
      expect(comparable(kernel.netfilter.save(one.family))).toEqual(comparable(one.rules));
    }
  });

  const ipvs = names.map((name) => [name, wantedOf(name, (file) => `expected.ipvs.${file}`)] as const);
  it.each(ipvs.filter(([, wanted]) => wanted.length > 0))('IPVS, %s', async (name, wanted) => {
    const kernel = await applied(name, 'ipvs');
    const [servers, link] = [(await kernel.run('ipvsadm', ['--save', '-n'])).stdout, kernel.link];
    const { status, out, err } = await handOver(kernel);
    expect([status, err]).toEqual([0, '']);
    expect(out).toContain('stay in force for kube-proxy');
    expect([(await kernel.run('ipvsadm', ['--save', '-n'])).stdout, kernel.link]).toEqual([servers, link]);
    const left = families.map((family) => kernel.netfilter.save(family));
    expect([...left, ...kernel.sets.keys()].join('\n')).not.toMatch(/slicewright/i);

    const read = (file: string) => expectedFile(name, file) ?? '';
    const expected = {
      sets: read('expected.ipset-save'),
      servers: read('expected.ipvsadm-save'),
      addresses: read('expected.kube-ipvs0-addrs'),
    };
    const isUsed = wanted.every(({ family }) => kernel.netfilter.save(family).includes('KUBE-'));
    const missing = await syncIpvs(kernel.run, wanted, expected);
    expect(isUsed ? missing : []).toEqual([]);
    for (const one of wanted) expect(comparable(kernel.netfilter.save(one.family))).toEqual(comparable(one.rules));
    expect(sorted(withoutSizes((await kernel.run('ipset', ['save'])).stdout))).toEqual(sorted(expected.sets));
    expect(sorted((await kernel.run('ipvsadm', ['--save', '-n'])).stdout)).toEqual(sorted(expected.servers));
    const bound = kernel.link?.map((address) => `${address}/${address.includes(':') ? 128 : 32}`) ?? [];
    expect(bound.sort()).toEqual(sorted(expected.addresses));
  });
});

function withoutMark(chains: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(chains).filter(([key]) => !key.endsWith(' SLICEWRIGHT-OWNER')));
}

describe('a second hand-over', () => {
  it.each(['iptables', 'ipvs'])(
    "finds nothing of slicewright (%s), and cleanup leaves what is kube-proxy's",
    async (backend) => {
      const kernel = await applied('010-nodeport', backend);
      await handOver(kernel);
      const state = async () => [
        ...families.map((family) => withoutTime(kernel.netfilter.save(family))),
        (await kernel.run('ipset', ['save'])).stdout,
        (await kernel.run('ipvsadm', ['--save', '-n'])).stdout,
      ];
      const before = await state();
      expect(await handOver(kernel)).toMatchObject({
        status: 0,
        out: 'IPv4: no slicewright rules found\nIPv6: no slicewright rules found\n',
        err: '',
      });
      const io = memoryIo();
      await cleanupCommand({ lockDir, diagnostics: 'human' }, io, kernel.run);
      expect(io.written.out).toContain("the KUBE-* chains in the nft tables are another program's");
      expect(await state()).toEqual(before);
    },
  );
});
