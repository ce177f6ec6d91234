import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { applyCommand } from '../../agent/commands/apply.ts';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import type { Run } from '../../backends/command.ts';
import { createFakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { createFakeNft } from '../../backends/nftables/fake/fake-nft.ts';
import { families, type Family } from '../../compiler/values/address.ts';
import { lockDir } from '../helpers/lock-dir.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
const folder = `${root}cases/67-plan-against-old-kube-proxy-dump`;

/** A node where a kube-proxy before 1.24 ran, in this family. */
function oldNode(dump: string, family: Family) {
  const kernel = createFakeIpvsKernel();
  const nft = createFakeNft();
  const run: Run = (file, args, input) => (file === 'nft' ? nft.run(file, args, input) : kernel.run(file, args, input));
  const text = readFileSync(`${folder}/${dump}`, 'utf8').replace(/^\[\d+:\d+\] /gm, '');
  kernel.netfilter.load(family, family === 'IPv4' ? text : inIPv6(text));
  return { run, save: () => kernel.netfilter.save(family) };
}

function inIPv6(text: string): string {
  return text
    .replace('-s 127.0.0.0/8', '-s ::1/128')
    .replace(/10\.50\.0\.0\/16/g, 'fd50::/16')
    .replace(/(10\.[56]0\.\d+\.\d+)\/32/g, 'fd00::1/128')
    .replace(/10\.50\.2\.99:8080/g, '[fd00::1]:8080');
}

const both = families.flatMap((family) =>
  (['iptables', 'ipvs', 'nftables'] as const).map((backend) => [backend, family] as const),
);

describe.each(both)('taking over a node of a kube-proxy before 1.24 in mode %s, %s', (backend, family) => {
  const apply = (run: Run) => {
    const io = memoryIo();
    const options = { filename: [`${folder}/objects.yaml`], node: `${folder}/node.yaml`, config: `${root}config.yaml` };
    return applyCommand({ ...options, backend, lockDir, takeOver: true, diagnostics: 'human' }, io, run, {
      name: 'node-a',
      addresses: [],
    });
  };
  const cleanup = (run: Run) => cleanupCommand({ lockDir, takeOver: true, diagnostics: 'human' }, memoryIo(), run);

  it('leaves nothing of the old program, and nothing less of others', async () => {
    const node = oldNode('old.save', family);
    expect(await apply(node.run)).toBe(0);
    expect(node.save()).not.toMatch(/KUBE-XLB-|KUBE-MARK-DROP|KUBE-SEP-AAAA/);
    expect(node.save()).toMatch(/-A PREROUTING .*-j cali-PREROUTING/);
    expect(node.save()).toContain('-A DOCKER -i docker0 -j RETURN');
    expect(await cleanup(node.run)).toBe(0);
    expect(node.save()).not.toContain('KUBE-');
  });

  it('leaves to kubelet what kubelet makes', async () => {
    const node = oldNode('kubelet.save', family);
    expect(await apply(node.run)).toBe(0);
    expect(node.save()).not.toContain('KUBE-XLB-');
    expect(node.save()).toMatch(/-A KUBE-MARK-DROP -j MARK/);
    expect(node.save()).toMatch(/-A KUBE-FIREWALL .*--mark 0x8000\/0x8000 -j DROP/);
    expect(await cleanup(node.run)).toBe(0);
    expect(node.save()).toMatch(/-A KUBE-MARK-DROP -j MARK/);
  });
});
