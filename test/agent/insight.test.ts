import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { node, service } from '../packets/objects.ts';
import { bootWorld, outcomes, outcomesLike } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { type NodeCommand, startOnNode } from './command.ts';
import { rewrite } from '../helpers/rewrite.ts';

const { lacks } = await probeSupport();
const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));

describeIn('network namespace', lacks.namespaces, 'commands that ask the agent of the node, as processes', () => {
  let network: LocalNetwork;
  let agent: NodeCommand;
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-insight-'));

  function put(...endpoints: readonly string[]): void {
    const [cart = {}, ...slices] = service('cart', {
      clusterIPs: ['10.13.9.1'],
      port: 80,
      endpoints,
      endpointPort: 8080,
    });
    const metadata = { ...(cart['metadata'] as object), labels: { app: 'cart' } };
    const other = service('other', {
      clusterIPs: ['10.13.9.2'],
      port: 80,
      endpoints: ['10.12.0.9'],
      endpointPort: 8080,
    });
    const items = [node, { ...cart, metadata }, ...slices, ...other];
    rewrite(join(folder, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }

  /** A command of a user on the node. */
  async function slicewright(...args: readonly string[]) {
    const { exitCode, stdout, stderr } = await network.run('member2-node')(process.execPath, [program, ...args]);
    return { exitCode, stdout, stderr };
  }

  beforeAll(async () => {
    network = await bootWorld();
    put('10.12.0.6', '10.12.0.7');
    const flags = ['--cluster-cidr', '10.12.0.0/16,fd00:12::/64', '--hostname-override', 'member2-node'];
    agent = startOnNode(network, [
      ...['agent', '--source', folder, '--iptables-min-sync-period', '0s', '--conntrack-max-per-core=0', ...flags],
    ]);
    await eventually(async () => {
      expect(await slicewright('status', 'test/cart'), agent.said()).toMatchObject({ exitCode: 0 });
    });
  });
  afterAll(async () => {
    agent.child.kill('SIGTERM');
    await agent.exited;
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const dial = { from: 'client', to: '10.13.9.1', port: 80 } as const;

  it('explain says where packets go, and that the kernel does the same', async () => {
    const both = ['10.12.0.6:8080', '10.12.0.7:8080'];
    expect(await outcomesLike(network, dial, both)).toEqual(both);
    const { exitCode, stdout, stderr } = await slicewright('explain', '10.12.0.10', 'test/cart', '--live');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ {2}10\.12\.0\.6:8080 {2}local, this node {2}1\/2$/m);
    expect(stdout).toMatch(/^ {2}10\.12\.0\.7:8080 {2}local, this node {2}1\/2$/m);
    expect(stdout).toMatch(/^In the kernel .*: the same$/m);
  });

  it('explain service and status choose Services by namespace, label and name', async () => {
    expect(await slicewright('explain', 'service', '-n', 'test', '-o', 'name')).toMatchObject({
      ...{ exitCode: 0, stdout: 'test/cart\ntest/other\n' },
    });
    expect(await slicewright('explain', 'service', '-l', 'app=cart', '-o', 'name')).toMatchObject({
      ...{ exitCode: 0, stdout: 'test/cart\n' },
    });
    const wide = await slicewright('status', '-l', 'app=cart', '-o', 'wide');
    expect(wide.stdout).toMatch(/SERVICES \(1\)\n {2}test\/cart\/TCP\/IPv4 +10\.13\.9\.1:80 +local 2\n/);
    expect(await slicewright('explain', 'service', 'test/gone')).toMatchObject({
      ...{ exitCode: 1, stderr: expect.stringContaining('test/gone: is not served by the agent of this node') },
    });
  });

  it('what explain says changes with the objects, as packets do', async () => {
    put('10.12.0.8');
    await eventually(async () => expect(await outcomes(network, dial)).toEqual(['10.12.0.8:8080']));
    const { exitCode, stdout } = await slicewright('explain', '10.12.0.10', 'test/cart');
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^ {2}10\.12\.0\.8:8080 {2}local, this node {2}1$/m)]);
  });
});
