import { describe, expect, it } from 'vitest';
import { createFakeIpvsKernel, type FakeIpvsKernel } from '../ipvs/fake/kernel.ts';
import { ownPrefix } from '../../compiler/settings.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { planeOf } from '../../test/helpers/scope.ts';
import type { Target } from '../target.ts';
import type { FamilyPlane } from './plane.ts';

/* Two of us on one kernel: one in kube-proxy's place, one beside it. */

const label = 'service.kubernetes.io/service-proxy-name';
const objects = (address: string) => [
  node('n1', { addresses: ['192.168.0.1'] }),
  service('usual'),
  slice('usual', 'usual-x', ['10.1.0.1']),
  service('mine', { clusterIP: '10.96.0.2' }, { labels: { [label]: 'me' } }),
  slice('mine', 'mine-x', [address]),
];

function wanted(address: string, settings: Parameters<typeof compileObjects>[1] = {}): Target {
  const { services, node: contexts } = compileObjects(objects(address), settings);
  return { services: services.IPv4, node: contexts.IPv4 };
}
const usual = wanted('10.1.0.2');
const mine = (address = '10.1.0.2') =>
  wanted(address, { settings: { serviceProxyName: 'me', chainPrefix: ownPrefix } });
const nothing: Target = { services: [], node: { ...mine().node, addresses: [] } };

const planes = ['iptables', 'ipvs'];

function plane(name: string, kernel: FakeIpvsKernel, prefix = ownPrefix): FamilyPlane {
  return planeOf(name, { run: kernel.run, prefix });
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

describe.each(planes)('beside %s', (theirName) => {
  it.each(planes)('%s with a prefix of its own comes, changes and goes', async (ourName) => {
    const kernel = createFakeIpvsKernel();
    const theirs = planeOf(theirName, { run: kernel.run });
    await theirs.sync(usual, 'full');
    const before = usualIn(kernel);
    const ours = plane(ourName, kernel);
    await ours.sync(mine(), 'full');
    expect(usualIn(kernel)).toEqual(before);
    expect(await ours.sync(mine('10.1.0.9'), 'delta')).toMatchObject({ quarantined: [], remarks: [] });
    expect(usualIn(kernel)).toEqual(before);
    expect(kernel.netfilter.save('IPv4')).toContain('-A SLWR-');
    // What leaves has left by the next look.
    await ours.sync(mine('10.1.0.9'), 'delta');

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
    const theirs = planeOf(theirName, { run: kernel.run });
    await theirs.sync(usual, 'full');
    const before = usualIn(kernel);
    for (const name of ['iptables', 'ipvs', 'iptables']) {
      await plane(name, kernel).sync(mine(), 'full');
      expect(usualIn(kernel)).toEqual(before);
    }
    expect([...kernel.sets.keys()].filter((name) => name.startsWith('SLWR'))).toEqual([]);
    expect(kernel.netfilter.save('IPv4')).toContain('-A SLWR-SERVICES');
  });
});
