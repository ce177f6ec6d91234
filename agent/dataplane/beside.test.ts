import { describe, expect, it } from 'vitest';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../../backends/ipvs/fake-kernel.ts';
import { ownPrefix } from '../../compiler/settings.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import type { FamilyPlane, Wanted } from './dataplane.ts';
import { createIptablesPlane } from './iptables.ts';
import { createIpvsPlane } from './ipvs.ts';

/* Two of us on one kernel: one in kube-proxy's place, one beside it. */

const label = 'service.kubernetes.io/service-proxy-name';
const objects = (address: string) => [
  node('n1', { addresses: ['192.168.0.1'] }),
  service('usual'),
  slice('usual', 'usual-x', ['10.1.0.1']),
  service('mine', { clusterIP: '10.96.0.2' }, { labels: { [label]: 'me' } }),
  slice('mine', 'mine-x', [address]),
];

function wanted(address: string, settings: Parameters<typeof compileObjects>[1] = {}): Wanted {
  const { services, node: contexts } = compileObjects(objects(address), settings);
  return { services: services.IPv4, node: contexts.IPv4 };
}
const usual = wanted('10.1.0.2');
const mine = (address = '10.1.0.2') =>
  wanted(address, { settings: { serviceProxyName: 'me', chainPrefix: ownPrefix } });
const nothing: Wanted = { services: [], node: { ...mine().node, addresses: [] } };

type Make = typeof createIpvsPlane;
const planes: readonly (readonly [string, Make])[] = [
  ['iptables', createIptablesPlane],
  ['IPVS', createIpvsPlane],
];

function plane(make: Make, kernel: FakeIpvsKernel, prefix = ownPrefix): FamilyPlane {
  return make({ family: 'IPv4', run: kernel.run, nowMs: () => 0, takeOver: false, prefix });
}

/** Everything in the kernel that has to do with kube-proxy's names. */
function usualIn(kernel: FakeIpvsKernel): unknown {
  const lines = kernel.netfilter.save('IPv4').split('\n');
  return {
    rules: lines.filter((line) => /KUBE-|SLICEWRIGHT-/.test(line)),
    sets: [...kernel.sets].filter(([name]) => /^(KUBE|SLICEWRIGHT)-/.test(name)),
    link: kernel.link,
    servers: [...kernel.servers.values()].filter(({ name }) => !name.includes('10.96.0.2')),
  };
}

describe.each(planes)('beside %s', (_theirs, makeTheirs) => {
  it.each(planes)('%s with a prefix of its own comes, changes and goes', async (_ours, makeOurs) => {
    const kernel = createFakeIpvsKernel();
    const theirs = makeTheirs({ family: 'IPv4', run: kernel.run, nowMs: () => 0, takeOver: false });
    await theirs.sync(usual, 'full');
    const before = usualIn(kernel);
    const ours = plane(makeOurs, kernel);
    await ours.sync(mine(), 'full');
    expect(usualIn(kernel)).toEqual(before);
    expect(await ours.sync(mine('10.1.0.9'), 'delta')).toMatchObject({ quarantined: [], remarks: [] });
    expect(usualIn(kernel)).toEqual(before);
    expect(kernel.netfilter.save('IPv4')).toContain('-A SLWR-');

    // Neither takes the other's for drift of its own.
    expect(await theirs.sync(usual, 'full')).toMatchObject({ documents: 0, drift: [] });
    expect(await ours.sync(mine('10.1.0.9'), 'full')).toMatchObject({ documents: 0, drift: [] });

    await ours.sync(nothing, 'full');
    expect(usualIn(kernel)).toEqual(before);
    const names = [kernel.netfilter.save('IPv4'), ...kernel.sets.keys(), ...kernel.links.keys()].join('\n');
    expect(names.match(/slwr/gi)).toBeNull();
  });

  it('changes its mode without the other', async () => {
    const kernel = createFakeIpvsKernel();
    const theirs = makeTheirs({ family: 'IPv4', run: kernel.run, nowMs: () => 0, takeOver: false });
    await theirs.sync(usual, 'full');
    const before = usualIn(kernel);
    for (const make of [createIptablesPlane, createIpvsPlane, createIptablesPlane]) {
      await plane(make, kernel).sync(mine(), 'full');
      expect(usualIn(kernel)).toEqual(before);
    }
    expect([...kernel.sets.keys()].filter((name) => name.startsWith('SLWR'))).toEqual([]);
    expect(kernel.netfilter.save('IPv4')).toContain('-A SLWR-SERVICES');
  });
});
