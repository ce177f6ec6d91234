import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { compile } from '../../compiler/index.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { memberSettings } from '../packets/program.ts';
import { type Manifest, node, service } from '../packets/objects.ts';
import { bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { startOnNode } from './command.ts';
import { differences } from './in-force.ts';
import { eventually } from '../helpers/eventually.ts';
import { rewrite } from '../helpers/rewrite.ts';
import { endAll } from '../helpers/children.ts';

const { lacks } = await probeSupport();

/** Nobody listens there. */
const unreachableServer = JSON.stringify({
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1', 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'u', user: {} }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
});

describeIn('network namespace', lacks.namespaces, 'the agent as a process, on a folder', () => {
  let network: LocalNetwork;
  let folder: string;
  let objects: readonly Manifest[] = [];
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootWorld();
    folder = mkdtempSync(join(tmpdir(), 'slicewright-process-'));
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Thirty Services with these endpoints, in the folder. */
  function put(...endpoints: readonly string[]): void {
    const services = Array.from({ length: 30 }, (_, i) =>
      service(`s${i}`, { clusterIPs: [`10.13.8.${i}`], port: 80, endpoints, endpointPort: 8080 }),
    );
    objects = [node, ...services.flat()];
    rewrite(join(folder, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  }

  /** Starts the command on the node, with what it says going to a file or to `said`. */
  function start(
    stderr: number | 'pipe' = 'pipe',
    {
      from = ['--source', folder],
      more = [],
    }: { readonly from?: readonly string[]; readonly more?: readonly string[] } = {},
  ) {
    // The limit of connections is the machine's on old kernels, in every namespace.
    const limit = '--conntrack-max-per-core=0';
    const flags = ['--cluster-cidr', '10.12.0.0/16,fd00:12::/64', '--hostname-override', 'member2-node', limit];
    const args = ['agent', ...from, '--iptables-min-sync-period', '0s', ...flags, ...more];
    const command = startOnNode(network, args, { stderr });
    children.add(command.child);
    return command;
  }

  const found = () =>
    differences(
      network.run('member2-node'),
      compile({
        clusters: [{ cluster: undefined, objects }],
        settings: { ...memberSettings, ownCluster: undefined },
        nodeName: 'member2-node',
        localAddresses: undefined,
      }),
    );
  const converges = () => eventually(async () => expect(await found()).toEqual([]));

  it('killed at any moment, it leaves rules that the next one goes on from', async () => {
    put('10.12.0.6');
    const first = start();
    await converges();
    first.child.kill('SIGKILL');
    await first.exited;
    for (let round = 0; round < 5; round++) {
      put(`10.12.0.${7 + (round % 3)}`, '10.10.0.6');
      const next = start();
      await eventually(() => expect(next.said()).toContain('"started"'));
      // From before the first command until after the last.
      await sleep(round * 60);
      next.child.kill('SIGKILL');
      await next.exited;
    }
    const last = start();
    await eventually(() => expect(last.said()).toContain('"started"'));
    await converges();
    last.child.kill('SIGTERM');
    expect(await last.exited).toBe(0);
    expect(await found()).toEqual([]);
  });

  it('started again while its API server is down, it leaves the rules alone until there is a source again', async () => {
    put('10.12.0.6');
    const first = start();
    await converges();
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    const kubeconfig = join(folder, 'kubeconfig');
    rewrite(kubeconfig, unreachableServer);
    const second = start('pipe', { from: ['--kubeconfig', kubeconfig] });
    await eventually(() => expect(second.said()).toMatch(/cannot be read: connect ECONNREFUSED 127\.0\.0\.1:1"/));
    expect(second.said()).toContain('no rules are written yet');
    expect(await found()).toEqual([]);
    second.child.kill('SIGKILL');
    await second.exited;
    expect(await found()).toEqual([]);
    put('10.12.0.7');
    const third = start();
    await converges();
    third.child.kill('SIGTERM');
    expect(await third.exited).toBe(0);
  });

  it('goes on when its log cannot be written: the disk is full', async () => {
    const { child, exited } = start(openSync('/dev/full', 'w'));
    await converges();
    put('10.12.0.9');
    await converges();
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('lets one agent work at a time, and the next takes over', async () => {
    const first = start();
    await eventually(() => expect(first.said()).toContain('"started"'));
    const second = start();
    await eventually(() => expect(second.said()).toContain('another agent runs on this node'));
    put('10.12.0.6', '10.12.0.7');
    await converges();
    expect(second.said()).not.toContain('"started"');
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    put('10.12.0.8');
    await converges();
    expect(second.said()).toContain('"started"');
    second.child.kill('SIGTERM');
    expect(await second.exited).toBe(0);
  });

  it('started on a folder that lost most Services, it leaves all in force, says so, and goes on when they are back', async () => {
    put('10.12.0.6');
    const first = start();
    await converges();
    first.child.kill('SIGKILL');
    await first.exited;
    const whole = objects;
    const run = network.run('member2-node');
    const answer = async (path: string) => {
      const print = `fetch('http://127.0.0.1:10256${path}').then(async (got) => console.log(got.status, await got.text()))`;
      return (await run(process.execPath, ['--eval', print])).stdout.trim();
    };
    const list = (items: readonly Manifest[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    rewrite(join(folder, 'objects.json'), list(whole.slice(0, 21)));
    const second = start();
    await eventually(() => expect(second.said()).toContain('20 of the 30 Services that are served now go'));
    await eventually(async () => expect(await answer('/healthz')).toMatch(/^503 .*"held":"20 of the 30 Services/));
    expect(await answer('/livez')).toMatch(/^200 /);
    expect(await found()).toEqual([]);
    rewrite(join(folder, 'objects.json'), list(whole));
    await eventually(() => expect(second.said()).toContain('"synced"'));
    await eventually(async () => expect(await answer('/healthz')).toMatch(/^200 /));
    expect(await found()).toEqual([]);
    second.child.kill('SIGTERM');
    expect(await second.exited).toBe(0);

    objects = whole.slice(0, 21);
    rewrite(join(folder, 'objects.json'), list(objects));
    const third = start('pipe', { more: ['--allow-mass-removal'] });
    await converges();
    third.child.kill('SIGTERM');
    expect(await third.exited).toBe(0);
  });

  it('ends when its configuration file says something else, with its rules, and not while that is wrong', async () => {
    const config = join(folder, '..', `${basename(folder)}.config`);
    const configure = (more: string) =>
      rewrite(
        config,
        'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n' +
          `clusterCIDR: 10.12.0.0/16,fd00:12::/64\nconntrack: { maxPerCore: 0 }\n${more}\n`,
      );
    configure('');
    const { said, exited } = start('pipe', { more: ['--config', config] });
    await eventually(() => expect(said()).toContain('"started"'));
    put('10.12.0.7', '10.12.0.9');
    await converges();
    configure('iptables: { syncPeriod: soon }');
    await eventually(() => expect(said()).toContain('cannot be used; the agent keeps'));
    expect(said()).toContain('iptables.syncPeriod: \\"soon\\" is not a duration');
    configure('iptables: { syncPeriod: 31s }');
    expect(await exited).toBe(1);
    expect(said()).toContain('the configuration file changed');
    expect(await found()).toEqual([]);
    rmSync(config);
  });

  it('leaves its rules when it stops, and none after --cleanup', async () => {
    const run = network.run('member2-node');
    const chains = async () => (await run('iptables-save', [])).stdout.match(/^:(KUBE|SLICEWRIGHT)-.*/gm) ?? [];
    expect((await chains()).length).toBeGreaterThan(30);
    expect(await start('pipe', { more: ['--cleanup'] }).exited).toBe(0);
    expect(await chains()).toEqual([]);
  });
});
