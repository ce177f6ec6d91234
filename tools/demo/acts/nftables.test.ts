import { stripVTControlCharacters } from 'node:util';
import { expect, test, vi } from 'vitest';
import { probeSupport } from '../../../test/netns/probe.ts';
import { describeIn } from '../../../test/place.ts';
import { play } from './nftables.ts';

const { lacks } = await probeSupport();

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'the demo in nftables mode', () => {
  test('shows the requests that both clusters answer, and the elements that did it', async () => {
    let said = '';
    const closing: { close(): Promise<void> }[] = [];
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    try {
      await play({ backend: 'nftables', title: () => {}, use: (thing) => (closing.push(thing), thing) });
    } finally {
      write.mockRestore();
      for (const one of closing) await one.close();
    }
    const text = stripVTControlCharacters(said);
    const counts = [...text.matchAll(/^ {2}(member[12]) +(\d+) {2}█+$/gm)].map(([, , n]) => Number(n));
    expect(counts).toHaveLength(2);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(29);
    expect(text).toMatch(/^ {2}10\.13\.181\.116 \. tcp \. 80 .*: goto spread-masquerade-strangers\/tcp\/2$/m);
    expect(text).toMatch(/^ {2}10\.13\.181\.116 \. 80 \. 0 : 10\.10\.0\.6 \. 8080$/m);
    expect(text).toMatch(/numgen random mod 2 map @endpoints\/tcp/);
  });
});
