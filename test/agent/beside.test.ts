import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { expectedFile } from '../conformance/cases.ts';
import { eventually } from '../helpers/eventually.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { type Manifest, node, service } from '../packets/objects.ts';
import { bootWorld, outcomes } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { startOnNode } from './command.ts';
import { rewrite } from '../helpers/rewrite.ts';
import { endAll } from '../helpers/children.ts';

const { lacks } = await probeSupport();

/** What a real kube-proxy had made of a cluster with every kind of Service. */
const kubeProxy = expectedFile('059-mix', 'expected.iptables-save') ?? '';

describeIn('network namespace', lacks.namespaces, 'an agent with a name, beside a kube-proxy', () => {
  let network: LocalNetwork;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootWorld();
    folder = mkdtempSync(join(tmpdir(), 'slicewright-beside-'));
    const { exitCode, stderr } = await network.run('member2-node')('iptables-restore', ['--noflush'], kubeProxy);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // The limit of connections is the machine's on old kernels, in every namespace.
  const limit = '--conntrack-max-per-core=0';
  const flags = ['--cluster-cidr', '10.12.0.0/16,fd00:12::/64', '--hostname-override', 'member2-node', limit];
  const names = ['--service-proxy-name', 'slicewright'];
  function start(...more: readonly string[]) {
    const command = startOnNode(network, ['agent', ...more]);
    children.add(command.child);
    return command;
  }

  const at = (name: string, address: string, endpoint: string) =>
    service(name, { clusterIPs: [address], port: 80, endpoints: [endpoint], endpointPort: 8080 });
  const labelled = (objects: readonly Manifest[]): Manifest[] =>
    objects.map((object) => ({
      ...object,
      metadata: {
        ...(object['metadata'] as Manifest),
        labels: {
          ...((object['metadata'] as Manifest)['labels'] as Manifest | undefined),
          'service.kubernetes.io/service-proxy-name': 'slicewright',
        },
      },
    }));
  const put = (...objects: readonly Manifest[]) =>
    rewrite(join(folder, 'objects.json'), JSON.stringify({ kind: 'List', apiVersion: 'v1', items: objects }));

  /** Chains, rules and hooks by whose they are; counters are not of interest. */
  async function rules() {
    const { stdout } = await network.run('member2-node')('iptables-save', []);
    let table = '';
    const lines = stdout.split('\n').flatMap((line) => {
      if (line.startsWith('*')) table = line;
      return /^[-:]/.test(line) ? [`${table} ${line.replace(/ \[\d+:\d+\]$/, '')}`] : [];
    });
    return {
      theirs: lines.filter((line) => !line.includes('SLWR-') && line.includes('KUBE-')),
      ours: lines.filter((line) => line.includes('SLWR-')),
    };
  }
  const dial = (to: string) => outcomes(network, { from: 'client', to, port: 80 }, 5);

  it('serves what is labelled for it, and leaves what is not, rules of kube-proxy included', async () => {
    const before = await rules();
    expect(before.theirs.length).toBeGreaterThan(50);
    expect(before.ours).toEqual([]);
    put(node, ...labelled(at('mine', '10.13.9.1', '10.12.0.6')), ...at('usual', '10.13.9.2', '10.12.0.7'));
    const agent = start('--source', folder, '--iptables-min-sync-period', '0s', ...names, ...flags);
    await eventually(async () => expect(await dial('10.13.9.1')).toEqual(['10.12.0.6:8080']));
    const during = await rules();
    expect(during.theirs).toEqual(before.theirs);
    expect(during.ours.join('\n')).toContain('test/mine');
    expect(during.ours.join('\n')).not.toContain('test/usual');

    put(node, ...labelled(at('mine', '10.13.9.1', '10.12.0.8')), ...labelled(at('usual', '10.13.9.2', '10.12.0.7')));
    await eventually(async () => expect(await dial('10.13.9.1')).toEqual(['10.12.0.8:8080']));
    await eventually(async () => expect(await dial('10.13.9.2')).toEqual(['10.12.0.7:8080']));
    expect((await rules()).theirs).toEqual(before.theirs);
    expect(agent.said()).not.toContain('"level":"error"');
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
  });

  it('works side by side with one that has kube-proxy’s place, each with its own lock', async () => {
    const usual = ['--healthz-bind-address', '', '--metrics-bind-address', ''];
    const first = start('--source', folder, ...names, ...flags);
    await eventually(() => expect(first.said()).toContain('"msg":"started"'));
    const second = start('--source', folder, ...usual, ...flags);
    await eventually(() => expect(second.said()).toContain('"msg":"started"'));
    const third = start('--source', folder, ...names, ...flags);
    await eventually(() => expect(third.said()).toContain('another agent runs on this node'));
    // Without --take-over: kube-proxy's chains are still there, and its own.
    await eventually(() => expect(second.said()).toContain("seem to be a kube-proxy's"));
    for (const { child } of [first, second, third]) child.kill('SIGTERM');
    for (const { exited } of [first, second, third]) expect(await exited).toBe(0);
  });

  it('is cleaned up without a trace, and without touching kube-proxy', async () => {
    const before = await rules();
    expect(before.ours.length).toBeGreaterThan(20);
    const usual = start('--cleanup');
    expect(await usual.exited).toBe(0);
    expect(await rules()).toEqual(before);
    const cleanup = start('--cleanup', ...names);
    expect(await cleanup.exited).toBe(0);
    expect(await rules()).toEqual({ theirs: before.theirs, ours: [] });
  });
});
