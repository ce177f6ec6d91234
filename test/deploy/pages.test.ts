import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load, loadAll } from 'js-yaml';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import type { Stored } from '../apiserver/stored.ts';
import { lacksKubectl } from '../controller/clusters.ts';
import { objectsIn } from '../controller/live.ts';
import { eventually } from '../helpers/eventually.ts';
import { environment, runWithin } from '../netns/processes.ts';
import { describeIn } from '../place.ts';
import { valuesOf, writeHelm } from './helm.ts';
import { settle, type Typed, typedIn } from './typed.ts';

/*
 * Commands that pages have people type into their shell, typed as they stand, with the real kubectl, into API server doubles.
 * Between two commands the clusters settle (typed.ts).
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** What the double cannot answer, and why. */
const notTyped = [[/^kubectl .* (logs|exec) /, 'needs a kubelet']] as const;

let home: string;
const doubles = new Map<string, ApiDouble>();

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'slicewright-pages-'));
  for (const folder of ['deploy', 'examples']) cpSync(join(root, folder), join(home, folder), { recursive: true });
  mkdirSync(join(home, 'programs'));
  // The double gives out cluster IPs of this range alone.
  for (const file of ['shop/cart.yaml', 'shop/stock.yaml', 'west/cart.yaml']) {
    const path = join(home, 'examples', file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/10\.9[67]\./g, '10.13.'));
  }
  for (const name of ['home', 'west']) {
    const double = await startApiDouble(name);
    // kubectl sends no token where nothing is encrypted.
    double.tokens.set('', 'system:admin');
    doubles.set(name, double);
  }
  const named = [...doubles].map(([name, { url }]) => ({ name, url }));
  const kubeconfig = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'home' },
    contexts: named.map(({ name }) => ({ name, context: { cluster: name, user: 'admin' } })),
    clusters: named.map(({ name, url }) => ({ name, cluster: { server: url, 'insecure-skip-tls-verify': true } })),
    users: [{ name: 'admin', user: {} }],
  };
  writeFileSync(join(home, 'kubeconfig'), dump(kubeconfig));
});
afterEach(async () => {
  for (const double of doubles.values()) await double.close();
  doubles.clear();
  rmSync(home, { recursive: true });
});

function doubleOf(name: string): ApiDouble {
  const double = doubles.get(name);
  if (double === undefined) throw new Error(`no double ${name}`);
  return double;
}

const shellEnvironment = () => ({
  ...environment,
  HOME: home,
  KUBECONFIG: join(home, 'kubeconfig'),
  PATH: `${join(home, 'programs')}:${root}bin:${environment.PATH}`,
});

/** Types what a page shows; between two commands the clusters settle. */
async function type(page: string, commands: readonly Typed[], settled: (command: string) => void = () => {}) {
  for (const { command, line } of commands) {
    if (notTyped.some(([pattern]) => pattern.test(command))) continue;
    const result = await runWithin(300_000, shellEnvironment(), home)('sh', ['-ec', command]);
    const failed = result.exitCode === 0 ? '' : `${page}:${line}: $ ${command}\n${result.stdout}${result.stderr}`;
    expect(failed).toBe('');
    for (const double of doubles.values()) settle(double);
    settled(command);
  }
}

const manifestsIn = (path: string) =>
  loadAll(readFileSync(join(home, path), 'utf8')) as (Stored & { readonly kind: string })[];

function applyExamples(double: ApiDouble, folder: string, files: readonly string[]): void {
  for (const name of ['shop', 'kube-system']) double.apply({ kind: 'Namespace', metadata: { name } });
  double.installed.add('multicluster.x-k8s.io');
  for (const file of files) for (const object of manifestsIn(`examples/${folder}/${file}`)) double.apply(object);
}

/** A cluster as kubeadm leaves it, with two nodes. */
function applyKubeadm(double: ApiDouble): void {
  const labels = { 'kubernetes.io/os': 'linux' };
  for (const name of ['node-7', 'node-8']) {
    const [node] = manifestsIn('examples/node.yaml');
    if (node !== undefined) double.apply({ ...node, metadata: { name, labels } });
  }
  const { hostnameOverride: _, ...config } = load(read('examples/kube-proxy.yaml')) as Record<string, unknown>;
  const inPod = { ...config, clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' } };
  const metadata = { name: 'kube-proxy', namespace: 'kube-system' };
  double.apply({ kind: 'ConfigMap', metadata, data: { 'config.conf': dump(inPod) } });
  const template = {
    metadata: { labels: { 'k8s-app': 'kube-proxy' } },
    spec: { nodeSelector: labels, containers: [{ name: 'kube-proxy', image: 'kube-proxy' }] },
  };
  double.apply({ kind: 'DaemonSet', apiVersion: 'apps/v1', metadata, spec: { template } });
}

const podsIn = (double: ApiDouble) =>
  objectsIn(double, 'Pod')
    .map((pod) => (pod as unknown as Stored).metadata.name)
    .sort();

describeIn('program of its own', await lacksKubectl(), 'what pages have people type', () => {
  it('moves a node from kube-proxy, and back (docs/move-from-kube-proxy.md)', async () => {
    const page = 'docs/move-from-kube-proxy.md';
    const commands = typedIn(read(page));
    const double = doubleOf('home');
    applyExamples(double, 'shop', ['cart.yaml', 'stock.yaml']);
    applyKubeadm(double);
    settle(double);
    expect(podsIn(double)).toEqual(['kube-proxy-node-7', 'kube-proxy-node-8']);
    // What a person fetches from the node.
    const compile =
      'compile -f examples/shop/ --node examples/node.yaml --config examples/kube-proxy.yaml --compat kube-proxy';
    const run = runWithin(300_000, shellEnvironment(), home);
    expect(await run('slicewright', [...compile.split(' '), '--out', 'left'])).toMatchObject({ exitCode: 0 });
    cpSync(join(home, 'left/iptables-save'), join(home, 'node.iptables-save'));

    const seen: string[] = [];
    await type(page, commands, () => {
      const pods = podsIn(double).join(' ');
      if (seen.at(-1) !== pods) seen.push(pods);
    });
    expect(seen).toEqual([
      'kube-proxy-node-7 kube-proxy-node-8',
      'kube-proxy-node-7 kube-proxy-node-8 slicewright-dry-run',
      'kube-proxy-node-7 kube-proxy-node-8',
      'kube-proxy-node-8',
      'kube-proxy-node-8 slicewright-node-7',
      'kube-proxy-node-8',
      'kube-proxy-node-8 slicewright-hand-over',
      'kube-proxy-node-7 kube-proxy-node-8 slicewright-hand-over',
      'kube-proxy-node-7 kube-proxy-node-8',
    ]);
    expect(readFileSync(join(home, 'kube-proxy.yaml'), 'utf8')).toContain('kubeconfig: ""');
    expect(objectsIn(double, 'DaemonSet')).toHaveLength(1);
  });

  it('puts two clusters together, and an agent so configured reads both (deploy/README.md)', async () => {
    const page = 'deploy/README.md';
    writeHelm(join(home, 'programs'));
    const [here, west] = [doubleOf('home'), doubleOf('west')];
    applyExamples(here, 'shop', ['cart.yaml', 'stock.yaml']);
    applyExamples(west, 'west', ['cart.yaml']);
    for (const object of manifestsIn('examples/node.yaml'))
      here.apply({ ...object, metadata: { name: 'node-7', labels: { 'kubernetes.io/os': 'linux' } } });
    west.tokens.set('of-the-reader', 'system:serviceaccount:slicewright-system:slicewright-reader');
    await type(page, typedIn(read(page)));
    expect(podsIn(here)).toEqual(['slicewright-node-7']);

    // The agent as the DaemonSet starts it, with the Secret where it is mounted; it only prints what it would do.
    west.tokens.delete('');
    const [secret] = objectsIn(here, 'Secret') as unknown as { data: Record<string, string> }[];
    const [daemonSet] = objectsIn(here, 'DaemonSet') as unknown as {
      spec: { template: { spec: { containers: { args: string[] }[] } } };
    }[];
    const args = daemonSet?.spec.template.spec.containers[0]?.args ?? [];
    expect(args).toContain('--cluster=west=/etc/slicewright-clusters/west.kubeconfig');
    const mounted = join(home, 'clusters');
    mkdirSync(mounted);
    const text = Buffer.from(secret?.data['west.kubeconfig'] ?? '', 'base64').toString('utf8');
    // The double speaks no TLS.
    const plain = text.replace(/^( +)server: .*$/m, '$&\n$1insecure-skip-tls-verify: true');
    writeFileSync(join(mounted, 'west.kubeconfig'), plain);
    writeFileSync(join(home, 'nothing'), '*nat\nCOMMIT\n*filter\nCOMMIT\n');
    const cluster = args
      .filter((arg) => arg.startsWith('--cluster'))
      .map((arg) => arg.replace('/etc/slicewright-clusters', mounted));
    const own = load(read('examples/kube-proxy.yaml')) as object;
    const config = { ...own, hostnameOverride: 'node-7', clientConnection: { kubeconfig: join(home, 'kubeconfig') } };
    writeFileSync(join(home, 'agent.yaml'), dump(config));
    const dry = ['agent', '--dry-run', '--against', 'nothing', '--config', 'agent.yaml', ...cluster];
    const agent = spawn(join(root, 'bin/slicewright'), dry, {
      cwd: home,
      env: shellEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (text) => (printed += String(text)));
    try {
      await eventually(() => expect(printed).toMatch(/shop\/cart: .* 4 endpoints: local 50 %, west 50 %/));
    } finally {
      agent.kill('SIGKILL');
    }
  });

  it('has a reason for each command that is left out', () => {
    const typed = ['docs/move-from-kube-proxy.md', 'deploy/README.md'].flatMap((page) => typedIn(read(page)));
    for (const [pattern] of notTyped) expect(typed.some(({ command }) => pattern.test(command))).toBe(true);
  });
});

it('values of helm are read as helm reads them', () => {
  expect(valuesOf('clusters={west,east},registry[0].id=west,leases=true,image.tag=0.1.0')).toEqual({
    clusters: ['west', 'east'],
    registry: [{ id: 'west' }],
    leases: true,
    image: { tag: '0.1.0' },
  });
});

it('commands of a page are lines, lines that go on, and texts up to their end', () => {
  const page = ['```sh', 'one \\', '  two', "cat > x <<'END'", 'a', 'END', 'three', '```', '```console', '$ no', '```'];
  expect(typedIn(page.join('\n'))).toEqual([
    { command: 'one \\\n  two', line: 2 },
    { command: "cat > x <<'END'\na\nEND", line: 4 },
    { command: 'three', line: 7 },
  ]);
});
