import { expect, it } from 'vitest';
import type { Run } from '../command.ts';
import { createFakeIpvsKernel } from '../ipvs/fake/kernel.ts';
import { createFakeKernel } from '../netfilter/fake/kernel.ts';
import { createFakeNft } from '../nftables/fake/fake-nft.ts';
import { compileObjects } from '../../test/helpers/compile.ts';
import { node, service, slice } from '../../test/helpers/kubernetes.ts';
import { planeOf } from '../../test/helpers/scope.ts';

const objects = [node('n1', { addresses: ['192.168.0.1'] }), service('web'), slice('web', 'web-x', ['10.1.0.1'])];

it('an agent that starts in another mode takes the Services over, and the former mode goes with its connections', async () => {
  const kernel = createFakeIpvsKernel();
  const { services, node: contexts } = compileObjects(objects);
  const wanted = { services: services.IPv4, node: contexts.IPv4 };
  const { run } = kernel;
  const state = () => [kernel.servers.size, kernel.link, /-j DNAT/.test(kernel.netfilter.save('IPv4'))];

  await planeOf('iptables', { run }).sync(wanted, 'full');
  expect(state()).toEqual([0, undefined, true]);
  await planeOf('ipvs', { run }).sync(wanted, 'full');
  expect(state()).toEqual([1, ['10.96.0.1'], false]);

  kernel.connections.set('-t 10.96.0.1:80 -r 10.1.0.1:8080', 1);
  let isTranslatedBefore: boolean | undefined;
  const watched: Run = (file, args, input) => {
    if (input?.includes(' src ') === true) isTranslatedBefore ??= state()[2] === true;
    return run(file, args, input);
  };
  const back = planeOf('iptables', { run: watched });
  expect((await back.sync(wanted, 'full')).remarks).toEqual([expect.stringContaining('IPVS mode is being removed')]);
  expect(state()).toEqual([1, ['10.96.0.1'], true]);
  // What the node dials under the new rules must not come from an address that goes.
  expect([...kernel.sources]).toEqual([['10.96.0.1', '192.168.0.1']]);
  expect(isTranslatedBefore).toBe(false);
  kernel.connections.clear();
  expect((await back.sync(wanted, 'full')).remarks).toEqual([]);
  expect([...state(), kernel.sets.size]).toEqual([0, undefined, true, 0]);
  expect([...kernel.sources]).toEqual([]);
});

it('what the former mode opened for node ports on 127.0.0.1 is named with the command that closes it', async () => {
  const kernel = createFakeIpvsKernel();
  const { services, node: contexts } = compileObjects(objects);
  const wanted = { services: services.IPv4, node: contexts.IPv4 };
  const { run } = kernel;
  await planeOf('iptables', { run }).sync(wanted, 'full');
  kernel.sysctls.set('net.ipv4.conf.all.route_localnet', '1');
  const { remarks } = await planeOf('ipvs', { run }).sync(wanted, 'full');
  expect(remarks).toEqual([expect.stringMatching(/route_localnet: is still 1.*sysctl -w \S+route_localnet=0/)]);
  expect((await planeOf('ipvs', { run }).sync(wanted, 'full')).remarks).toEqual([]);
});

it('what rules of others need of the former mode stays, and is told once', async () => {
  const [kernel, nft] = [createFakeKernel(), createFakeNft()];
  const run: Run = (file, args, input) => (file === 'nft' ? nft.run(file, args, input) : kernel.run(file, args, input));
  const { services, node: contexts } = compileObjects(objects);
  const wanted = { services: services.IPv4, node: contexts.IPv4 };
  await planeOf('iptables', { run }).sync(wanted, 'full');
  kernel.restore('IPv4', '*nat\n:HOSTPORTS - [0:0]\n-A HOSTPORTS -j KUBE-MARK-MASQ\nCOMMIT\n');
  const plane = planeOf('nftables', { run });
  const { remarks } = await plane.sync(wanted, 'full');
  expect(remarks).toEqual([
    expect.stringMatching(/^warning: kernel IPv4: nat KUBE-MARK-MASQ is not removed.*HOSTPORTS/),
  ]);
  expect(kernel.save('IPv4')).toContain('-j MASQUERADE');
  expect(kernel.save('IPv4')).not.toMatch(/KUBE-S/);
  expect((await plane.sync(wanted, 'full')).remarks).toEqual([]);
});
