import type { Run } from '../../backends/command.ts';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../../backends/ipvs/fake/kernel.ts';
import { createFakeNft, type FakeNft } from '../../backends/nftables/fake/fake-nft.ts';

/** A node with everything that backends talk to. */
export interface Bench {
  readonly kernel: FakeIpvsKernel;
  readonly nft: FakeNft;
  run: Run;
}

export function bench(nftRuleset = ''): Bench {
  const kernel = createFakeIpvsKernel();
  const nft = createFakeNft({ ruleset: nftRuleset });
  const run: Run = (file, args, input) => (file === 'nft' ? nft.run(file, args, input) : kernel.run(file, args, input));
  return { kernel, nft, run };
}

/** All state there that slicewright could change. */
export const stateOf = async ({ kernel, nft }: Bench) => ({
  rules: [kernel.netfilter.save('IPv4'), kernel.netfilter.save('IPv6')].map((text) => text.replace(/^#.*\n/gm, '')),
  servers: (await kernel.run('ipvsadm', ['--save', '-n'])).stdout,
  sets: (await kernel.run('ipset', ['save'])).stdout,
  link: kernel.link,
  sysctls: [...kernel.sysctls],
  nft: nft.ruleset(),
});
