import { stripVTControlCharacters } from 'node:util';
import { expect, test, vi } from 'vitest';
import { twoClusters } from '../../../test/netns/clusters.ts';
import { describeIn } from '../../../test/place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../../../test/vm/network.ts';
import { virtualServers } from './ipvs.ts';

const { place, missing } = await ipvsAvailability();

describeIn(place, missing, 'the demo in IPVS mode', () => {
  test('shows two masqueraded real servers of weight 1 under rr, and requests that take turns', async () => {
    await using network = await bootIpvsNetwork(twoClusters);
    let said = '';
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
    try {
      await virtualServers(network, place, 'ipvs');
    } finally {
      write.mockRestore();
    }
    const text = stripVTControlCharacters(said);
    const counts = [...text.matchAll(/^ {2}(member[12]) +(\d+) {2}█+$/gm)].map(([, name, n]) => [name, Number(n)]);
    expect(counts.map(([name]) => name)).toEqual(['member1', 'member2']);
    expect(counts.map(([, count]) => Number(count)).sort((a, b) => a - b)).toEqual([14, 15]);
    expect(text).toMatch(/^ {2}TCP {2}10\.13\.181\.116:80 rr\s*$/m);
    expect(text).toMatch(/^ +-> 10\.10\.0\.6:8080 +Masq +1 /m);
    expect(text).toMatch(/^ +-> 10\.12\.0\.6:8080 +Masq +1 /m);
  }, 1_500_000);
});
