import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { buildImage, type Built } from '../../tools/image/image.ts';
import { archiveOf } from '../../tools/image/oci.ts';
import { sourceHere } from '../../tools/image/source.ts';
import { authority, server as serverCertificate } from '../apiserver/certificates.ts';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { kustomize } from '../deploy/kustomize.ts';
import { configOf, type Container, podOf } from '../deploy/pod.ts';
import { eventually } from '../helpers/eventually.ts';
import { twoClusters } from '../netns/clusters.ts';
import { listenOn } from '../netns/listen.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { environment, runWithin } from '../netns/processes.ts';
import { node, service } from '../packets/objects.ts';
import { describeIn } from '../place.ts';
import { runtimeConfig } from './runtime.ts';
import { type Loaded, loadArchive } from './unpack.ts';
import { endAll } from '../helpers/children.ts';

/*
 * The image as a node meets it: built, loaded from its archive, and run by runc under the security contexts of the
 * DaemonSet, against an API server, until packets follow.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const { lacks } = await probeSupport();
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const nodeName = 'member2-node';
const clusterIp = '10.13.8.1';

/** Why an image cannot be made or run here. */
async function missing(): Promise<string | undefined> {
  for (const tool of ['runc', 'apt-get', 'dpkg-deb']) {
    const { exitCode } = await runWithin(300_000)(tool, ['--version']);
    if (exitCode !== 0) return `${tool} is not there`;
  }
  return undefined;
}

const name = 'the image';
describeIn('network namespace', lacks.namespaces ?? lacks.nft ?? (await missing()), name, () => {
  let folder = '';
  let built: Built;
  let image: Loaded;
  let network: LocalNetwork;
  let double: ApiDouble;
  const children = new Set<ChildProcess>();
  /** Containers of this test; their names are new at a second try, too. */
  const started: string[] = [];
  let starts = 0;

  const build = () => buildImage(architecture, sourceHere(), '.cache/image');
  const archive = ({ image: each }: Built) => archiveOf('docker.io/library/slicewright:0.0.1', [each]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'slicewright-image-'));
    built = await build();
    image = await loadArchive(await archive(built), architecture);
    image.unpack(join(folder, 'root'));
    network = await bootNetwork(twoClusters);
    double = await startApiDouble();
    for (const object of [node, ...web()]) double.apply(object as never);
    await serveTls();
    const pod = await network.station('pod');
    await pod.serve({ transport: 'tcp', address: '10.12.0.6', port: 8080, name: 'pod' });
  }, 600_000);
  afterEach(async () => {
    const run = network.run(nodeName);
    for (const id of started.splice(0)) await run('runc', [...state(), 'delete', '--force', id]);
    await endAll(children);
    await run('nft', ['flush', 'ruleset']);
  });
  afterAll(async () => {
    await network?.close();
    await double?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const web = () => service('web', { clusterIPs: [clusterIp], port: 80, endpoints: ['10.12.0.6'], endpointPort: 8080 });

  /** Where a ConfigMap with `apiServerHost` and `apiServerPort` says that the API server is. */
  async function serveTls(): Promise<void> {
    const tls = createTlsServer({ ...serverCertificate });
    const plain = new Server();
    tls.on('secureConnection', (socket) => plain.emit('connection', socket));
    double.answerOn(plain);
    const listener = await listenOn(network, nodeName, '127.0.0.1', 6443);
    listener.on('connection', (socket) => tls.emit('connection', socket));
  }

  /** What the kubelet prepares: volumes of the host, the ConfigMap, the service account. */
  function volumesFor(mode: string, config: string): Readonly<Record<string, string>> {
    const at = (path: string) => join(folder, mode, path);
    for (const path of ['config', 'account', 'writers', 'modules']) mkdirSync(at(path), { recursive: true });
    const filled = config.replace('clusterCIDR: ""', 'clusterCIDR: 10.12.0.0/16');
    // The limit of connections is the machine's on old kernels, in every namespace.
    writeFileSync(at('config/config.yaml'), `${filled}\nconntrack: { maxPerCore: 0 }\n`);
    writeFileSync(at('account/token'), 'secret');
    writeFileSync(at('account/ca.crt'), authority);
    writeFileSync(at('account/namespace'), 'kube-system');
    writeFileSync(at('lock'), '');
    return {
      '/etc/slicewright': at('config'),
      // As on a node whose kernel has all that the mode needs built in.
      '/lib/modules': at('modules'),
      '/run/slicewright': at('writers'),
      '/run/xtables.lock': at('lock'),
      '/var/run/secrets/kubernetes.io/serviceaccount': at('account'),
    };
  }

  const state = () => ['--root', join(folder, 'runc')];

  /** what: the beginning of the container's name in runc's list. */
  function start(what: string, container: Container, volumes: Readonly<Record<string, string>>) {
    const id = `${what}-${++starts}`;
    started.push(id);
    const bundle = join(folder, id);
    mkdirSync(bundle);
    const env = { NODE_NAME: nodeName, KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '6443' };
    const config = runtimeConfig(container, image.config.config, { root: join(folder, 'root'), volumes, env });
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
    const [file, ...enter] = network.enter(nodeName);
    const child = spawn(file, [...enter, 'runc', ...state(), 'run', '--bundle', bundle, id], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const runc = (...words: readonly string[]) => network.run(nodeName)('runc', [...state(), ...words]);
    return { id, said, runc, exited: once(child, 'exit').then(([code]) => code as number | null) };
  }

  async function statusOf(probe: Container['livenessProbe']): Promise<string> {
    const { path, port } = probe?.httpGet ?? { path: '/absent', port: 1 };
    const print = `fetch('http://127.0.0.1:${port}${path}').then((answer) => console.log(answer.status))`;
    return (await network.run(nodeName)(process.execPath, ['--eval', print])).stdout.trim();
  }

  it('is the same, byte for byte, when it is built again', async () => {
    const again = await build();
    expect(again.image.manifest.digest).toBe(built.image.manifest.digest);
    expect(again.bill).toBe(built.bill);
    const [one, other] = await Promise.all([archive(again), archive(built)]);
    expect(Buffer.compare(one, other)).toBe(0);
  }, 600_000);

  it('says what it is and what is in it', () => {
    const { Labels } = image.config.config;
    expect(Labels).toMatchObject({
      'org.opencontainers.image.title': 'slicewright',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}/),
      'org.opencontainers.image.created': expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
    });
    const { components } = JSON.parse(built.bill) as { components: { purl: string; licenses?: object[] }[] };
    const purls = components.map(({ purl }) => purl.replace(/@.*/, ''));
    expect(purls).toEqual(
      expect.arrayContaining(['pkg:deb/debian/nftables', 'pkg:deb/debian/libc6', 'pkg:npm/commander']),
    );
    expect(components.filter(({ licenses }) => licenses === undefined)).toEqual([]);
  });

  it('is small: no shell, no perl, no package manager, and less than 60 MiB to pull', () => {
    for (const path of ['bin/sh', 'usr/bin/perl', 'usr/bin/apt-get', 'usr/bin/dpkg', 'usr/share/man']) {
      expect([path, existsSync(join(folder, 'root', path))]).toEqual([path, false]);
    }
    expect(image.size).toBeLessThan(60 * 2 ** 20);
  });

  it.each(['iptables', 'nftables'])(
    'makes rules that packets follow, under the security contexts of the DaemonSet: %s',
    async (mode) => {
      const manifests = kustomize(join(root, 'deploy/overlays', mode));
      const { initContainers, containers } = podOf(manifests);
      const [init, agent] = [initContainers[0]!, containers[0]!];
      const volumes = volumesFor(mode, configOf(manifests));

      const first = start(`init-${mode}`, init, volumes);
      expect([await first.exited, first.said.err]).toEqual([0, '']);

      const second = start(`agent-${mode}`, agent, volumes);
      await eventually(async () => {
        expect(second.said.err).toContain('"synced"');
        expect([await statusOf(agent.livenessProbe), await statusOf(agent.readinessProbe)]).toEqual(['200', '200']);
      });
      const client = await network.station('client');
      expect(await client.ask({ transport: 'tcp', address: clusterIp, port: 80 })).toMatchObject({
        kind: 'answered',
        by: 'pod',
      });
      expect(second.said.err.match(/"level":"(warn|error)".*/g)).toBeNull();

      // NET_ADMIN and NET_RAW, no way to more, a filter of system calls, and nothing to write to.
      const facts = (await second.runc('exec', second.id, 'cat', '/proc/1/status')).stdout;
      expect(facts).toMatch(/^CapEff:\t0000000000003000$/m);
      expect(facts).toMatch(/^CapBnd:\t0000000000003000$/m);
      expect(facts).toMatch(/^NoNewPrivs:\t1$/m);
      expect(facts).toMatch(/^Seccomp:\t2$/m);
      const written = await second.runc('exec', second.id, 'tee', '/opt/slicewright/x', '/proc/sys/net/core/somaxconn');
      expect(written.stderr.match(/Read-only file system/g)).toHaveLength(2);

      // As a person in the container: `kubectl exec … -- slicewright status`.
      const { stdout, stderr } = await second.runc('exec', second.id, 'slicewright', 'status');
      expect([stdout, stderr]).toEqual([expect.stringContaining('test/web'), '']);

      await second.runc('kill', second.id, 'TERM');
      expect(await second.exited).toBe(0);
      // Rules stay when the agent ends.
      expect(await client.ask({ transport: 'tcp', address: clusterIp, port: 80 })).toMatchObject({ by: 'pod' });
    },
  );
});
