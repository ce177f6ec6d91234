import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { bootNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';
import { emptyHost } from '../tables/scratch.ts';

const text = readFileSync(new URL('../../docs/adding-a-backend.md', import.meta.url), 'utf8');
const programs = [...text.matchAll(/^```nft\n(.*?)^```$/gms)].map(([, program = '']) => program);
const { isolation, lacks } = await probeSupport();

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'nftables programs of docs/adding-a-backend.md', () => {
  it('are taken by the kernel, chain for chain', async () => {
    expect(programs).toHaveLength(2);
    const network = await bootNetwork(emptyHost, isolation);
    try {
      for (const program of programs) {
        const run = network.run('scratch');
        const loaded = await run('nft', ['-f', '-'], program);
        expect(loaded.stderr).toBe('');
        const listed = await run('nft', ['list', 'ruleset']);
        expect(chainsOf(listed.stdout)).toEqual(chainsOf(program));
        await run('nft', ['flush', 'ruleset']);
      }
    } finally {
      await network.close();
    }
  });
});

function chainsOf(ruleset: string): string[] {
  return [...ruleset.matchAll(/^\tchain (\S+) \{/gm)].map(([, name = '']) => name);
}
