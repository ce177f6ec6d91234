import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseConfiguration } from '../../agent/config/config.ts';
import { modeOf } from '../helpers/scope.ts';
import { problemsOf } from '../../backends/host/preparation.ts';
import { initialiseNode, prepareNode } from '../../agent/node/prepare.ts';
import type { Run } from '../../backends/command.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { describeIn } from '../place.ts';

const { lacks } = await probeSupport();
const max = 'net.netfilter.nf_conntrack_max';

function configuration(conntrack: object) {
  const type = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' };
  const parsed = parseConfiguration({ ...type, conntrack }, 'kp.yaml', {
    compat: 'none',
    backend: undefined,
    forAgent: true,
  });
  return { ...parsed, live: modeOf(parsed.backend).live };
}

// What belongs to the machine is never tried here: the limit only where this namespace may not write it.
describeIn('network namespace', lacks.namespaces ?? lacks.conntrack, 'settings of a node, on a real kernel', () => {
  let network: LocalNetwork;
  let run: Run;
  beforeEach(async () => {
    network = await bootNetwork({ hosts: [{ name: 'node', role: 'endpoint' }], wires: [] });
    run = network.run('node');
  });
  afterEach(() => network.close());

  const valueOf = async (name: string) => (await run('sysctl', ['-n', name])).stdout.trim();
  const timeouts = {
    ...{ maxPerCore: 0, tcpEstablishedTimeout: '1h', tcpCloseWaitTimeout: '7m' },
    ...{ udpTimeout: '31s', udpStreamTimeout: '181s', tcpBeLiberal: true },
  };

  it('are set, and found as they are the next time', async () => {
    expect((await prepareNode(run, configuration(timeouts), 2)).map(({ kind }) => kind)).toEqual(Array(5).fill('set'));
    const names = [
      'tcp_timeout_established',
      'tcp_timeout_close_wait',
      'udp_timeout',
      'udp_timeout_stream',
      'tcp_be_liberal',
    ];
    expect(await Promise.all(names.map((name) => valueOf(`net.netfilter.nf_conntrack_${name}`)))).toEqual([
      ...['3600', '420', '31', '181', '1'],
    ]);
    expect((await prepareNode(run, configuration(timeouts), 2)).map(({ kind }) => kind)).toEqual(
      Array(5).fill('already'),
    );
  });

  it("the machine's own limit stays, with a warning, and all else is set", async ({ skip }) => {
    const { stdout: mode } = await run('stat', ['-c', '%a', `/proc/sys/${max.replaceAll('.', '/')}`]);
    if (mode.trim() !== '444') skip('on this kernel every namespace may set the limit of the machine');
    const before = await valueOf(max);
    const wanted = configuration({ ...timeouts, maxPerCore: 1, min: Number(before) + 1, udpTimeout: '32s' });
    const problems = problemsOf(await prepareNode(run, wanted, 1));
    expect(problems).toEqual([
      expect.objectContaining({
        severity: 'warning',
        object: { kind: 'sysctl', name: max },
        message: expect.stringMatching(
          `^is ${before} and could not be set to .*; as root on the node: sysctl -w ${max}=`,
        ),
      }),
    ]);
    expect([await valueOf(max), await valueOf('net.netfilter.nf_conntrack_udp_timeout')]).toEqual([before, '32']);
  });

  it('in a container whose /proc/sys is read-only are left, unless they are as wanted', async () => {
    const sealed: Run = (file, args, input) =>
      run(
        'unshare',
        [
          ...['--mount', 'sh', '-ec'],
          'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; exec "$0" "$@"',
          ...[file, ...args],
        ],
        input,
      );
    await prepareNode(run, configuration(timeouts), 2);
    expect(problemsOf(await prepareNode(sealed, configuration(timeouts), 2))).toEqual([]);
    const problems = problemsOf(await prepareNode(sealed, configuration({ ...timeouts, udpTimeout: '33s' }), 2));
    expect(problems.map(({ object }) => object.name)).toEqual(['net.netfilter.nf_conntrack_udp_timeout']);
    expect(await valueOf('net.netfilter.nf_conntrack_udp_timeout')).not.toBe('33');
  });

  it('--init-only opens node ports on 127.0.0.1 before the agent wants them', async () => {
    const byWhat = new Map(
      (await initialiseNode(run, configuration(timeouts), 2)).map((one) => [one.object.name, one]),
    );
    expect(byWhat.get('net.ipv4.conf.all.route_localnet')).toMatchObject({ kind: 'set', message: '0 → 1' });
    expect(await valueOf('net.ipv4.conf.all.route_localnet')).toBe('1');
  });
});
