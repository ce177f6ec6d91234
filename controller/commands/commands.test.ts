import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { type ApiDouble, startApiDouble } from '../../test/apiserver/double.ts';
import { copiesIn } from '../../test/controller/live.ts';
import { multiClusterService, nativeSlice, webService } from '../../test/controller/stories.ts';
import { controllerCommand } from './controller.ts';
import { planMultiClusterCommand } from './plan.ts';
import { controllerStatusCommand } from './status.ts';

let folder: string;
let doubles: ApiDouble[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slicewright-test-'));
  doubles = [];
});
afterEach(async () => {
  for (const double of doubles) await double.close();
  rmSync(folder, { recursive: true });
});

const none = { clustersetIpRange: [], clusterLabels: [] } as const;

function file(name: string, objects: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  return path;
}

async function cluster(name: string): Promise<ApiDouble> {
  const double = await startApiDouble(name);
  doubles.push(double);
  for (const group of ['multicluster.x-k8s.io', 'networking.karmada.io', 'policy.karmada.io'])
    double.installed.add(group);
  for (const namespace of ['kube-system', 'default', 'slicewright-system']) {
    double.apply({ kind: 'Namespace', metadata: { name: namespace } });
  }
  return double;
}

function kubeconfigText({ url }: ApiDouble): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 'secret' } }],
  });
}

function kubeconfig(double: ApiDouble, name: string): string {
  const path = join(folder, `${name}.kubeconfig`);
  writeFileSync(path, kubeconfigText(double));
  return path;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

describe('slicewright plan multicluster', () => {
  const members = (slices: readonly object[]) => [
    `m1=${file('m1.json', slices)}`,
    `m2=${file('m2.json', [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'else', namespace: 'default' }, spec: {} }])}`,
  ];

  it('prints what would be written where, and exits with 2', async () => {
    const io = memoryIo();
    const hub = file('hub.json', [webService('serve'), multiClusterService('serve', [], [])]);
    const status = await planMultiClusterCommand(
      { ...none, filename: [hub], cluster: members([nativeSlice('serve', 'm1', ['10.10.0.1'])]) },
      io,
    );
    expect(status).toBe(2);
    expect(io.written.out).toMatch(
      /^cluster m1\n {2}\+ Service default\/serve\n[^]*\ncluster m2\n {2}\+ EndpointSlice default\/m1-serve-m1-[0-9a-f]{6}\n[^]*endpoints\[0\]\.addresses\[0\]: "10\.10\.0\.1"/,
    );
    expect(io.written.out).toMatch(/3 to make, 0 to change, 0 to delete, in 2 clusters\.\n$/);
  });

  it('exits with 0 when there is nothing to write, with 1 for what cannot be read, and with 2 for what is no option', async () => {
    const io = memoryIo();
    const hub = file('hub.json', [webService('serve')]);
    expect(await planMultiClusterCommand({ ...none, filename: [hub], cluster: members([]) }, io)).toBe(0);
    expect(io.written.out).toBe('Nothing to write.\n');
    expect(await planMultiClusterCommand({ ...none, filename: [join(folder, 'none')] }, io)).toBe(1);
    expect(await planMultiClusterCommand({ ...none, filename: [hub], cluster: ['Member=x'] }, io)).toBe(2);
    expect(await planMultiClusterCommand({ ...none, filename: [hub], clusterLabels: ['m1'] }, io)).toBe(2);
    expect(await planMultiClusterCommand({ ...none, filename: [hub], clustersetIpRange: ['10.0.0.0/33'] }, io)).toBe(2);
  });

  it('names what stands in the way', async () => {
    const io = memoryIo();
    const hub = file('hub.json', [webService('serve'), multiClusterService('serve', [], [])]);
    const own = file('own.json', [{ ...webService('serve'), spec: { ports: [{ port: 81 }] } }]);
    await planMultiClusterCommand({ ...none, filename: [hub], cluster: [`m1=${own}`] }, io);
    expect(io.written.out).toContain('not written: m1 has a Service default/serve that the controller did not make');
    expect(io.written.out).toContain(` (${own}:1)\n`);
  });
});

describe('slicewright controller', () => {
  const options = { ...none, namespace: 'slicewright-system', concurrency: 8, v: 0 };

  async function three() {
    const [hub, m1, m2] = [await cluster('hub'), await cluster('m1'), await cluster('m2')];
    hub.apply(webService('serve'));
    hub.apply(multiClusterService('serve', [], []));
    m1.apply(nativeSlice('serve', 'm1', ['10.10.0.1']));
    return { hub, m1, m2 };
  }

  it('with --dry-run says nothing when it is stopped before, as it exits', async () => {
    const { hub, m1, m2 } = await three();
    const io = memoryIo();
    const stop = new AbortController();
    const cluster = [`m1=${kubeconfig(m1, 'm1')}`, `m2=${kubeconfig(m2, 'm2')}`];
    const given = { ...options, hub: kubeconfig(hub, 'hub'), cluster, listenAddress: '127.0.0.1:0', dryRun: true };
    const done = controllerCommand(given, io, stop.signal);
    stop.abort();
    expect([await done, io.written.out]).toEqual([1, '']);
  });

  it('with --dry-run says what it would write, and writes nothing', async () => {
    const { hub, m1, m2 } = await three();
    const io = memoryIo();
    const given = {
      ...options,
      hub: kubeconfig(hub, 'hub'),
      cluster: [`m1=${kubeconfig(m1, 'm1')}`, `m2=${kubeconfig(m2, 'm2')}`],
    };
    const status = await controllerCommand(
      { ...given, listenAddress: '127.0.0.1:0', dryRun: true },
      io,
      new AbortController().signal,
    );
    expect(status).toBe(2);
    expect(io.written.out).toContain('3 to make, 0 to change, 0 to delete, in 2 clusters.');
    for (const double of [hub, m1, m2]) expect(double.requests.filter((line) => !line.startsWith('GET '))).toEqual([]);
  });

  it('runs, takes clusters from Secrets, tells how it stands, and ends when it is told to', {
    timeout: 20_000,
  }, async () => {
    const { hub, m1, m2 } = await three();
    for (const [name, double] of [
      ['m1', m1],
      ['m2', m2],
    ] as const) {
      hub.apply({
        kind: 'Secret',
        metadata: { name, namespace: 'slicewright-system', labels: { 'slicewright.dev/cluster': name } },
        data: { kubeconfig: Buffer.from(kubeconfigText(double)).toString('base64') },
      });
    }
    const stopping = new AbortController();
    const address = `127.0.0.1:${await freePort()}`;
    const ended = controllerCommand(
      { ...options, hub: kubeconfig(hub, 'hub'), cluster: [], clusterSecrets: true, listenAddress: address },
      memoryIo(),
      stopping.signal,
    );
    await vi.waitFor(() => expect(copiesIn(m2)).toEqual({ 'm1 serve': ['10.10.0.1'] }), { timeout: 15_000 });
    const io = memoryIo();
    await vi.waitFor(async () => expect(await controllerStatusCommand({ address, format: 'text' }, io)).toBe(0), {
      timeout: 5_000,
    });
    expect(io.written.out).toMatch(/controller .*: leads\n/);
    for (const name of ['(hub)', 'm1', 'm2'])
      expect(io.written.out).toMatch(new RegExp(`${name.replace(/[()]/g, '\\$&')} +live, heard`));
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    expect(metrics).toContain(
      'slicewright_controller_writes_total{cluster="m2",kind="EndpointSlice.discovery.k8s.io",verb="apply",outcome="done"}',
    );
    expect(metrics).toContain('slicewright_controller_leading 1');
    expect((await fetch(`http://${address}/readyz`)).status).toBe(200);
    stopping.abort();
    expect(await ended).toBe(0);
    expect(await controllerStatusCommand({ address, format: 'text' }, io)).toBe(1);
  });

  it.each([
    ['no cluster', 2, { cluster: [] }],
    ['a name that is none', 2, { cluster: ['A=x'] }],
    ['a name twice', 2, { cluster: ['a=x', 'a=y'] }],
    ['a kubeconfig that is not there', 1, { cluster: ['a=/nowhere/config'] }],
  ])('does not start with %s', async (_what, status, given) => {
    const io = memoryIo();
    expect(
      await controllerCommand({ ...options, ...given, listenAddress: '127.0.0.1:0' }, io, new AbortController().signal),
    ).toBe(status);
    expect(io.written.err).toMatch(/^error: /);
  });
});
