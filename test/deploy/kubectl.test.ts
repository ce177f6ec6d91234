import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { lacksKubectl } from '../controller/clusters.ts';
import { objectsIn } from '../controller/live.ts';
import { kustomize } from './kustomize.ts';
import { runWithin } from '../netns/processes.ts';
import { describeIn } from '../place.ts';

/** What deploy/controller/README.md has people type, typed into an API server with nothing in it. */

const checkout = fileURLToPath(new URL('../../', import.meta.url));
const kubeconfig = 'apiVersion: v1\nkind: Config\n# ä, and "quoted"\n';
let home: string;
let double: ApiDouble;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'slicewright-kubectl-'));
  double = await startApiDouble('hub');
  // kubectl sends no token where nothing is encrypted.
  double.tokens.set('', 'system:admin');
});
afterEach(async () => {
  await double.close();
  rmSync(home, { recursive: true });
});

async function kubectl(...args: readonly string[]): Promise<readonly string[]> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: join(home, 'none') };
  const all = ['--server', double.url, '--cache-dir', home, ...args];
  const { exitCode, stdout, stderr } = await runWithin(300_000, env, checkout)('kubectl', all);
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
  return stdout.trim().split('\n');
}

/** kubectl of Debian 12 is of 1.20, whose `-k` takes no folder among resources: it gets what the overlay comes to. */
async function apply(overlay: string): Promise<readonly string[]> {
  const [, minor = '0'] = /"minor": "(\d+)/.exec((await kubectl('version', '--client', '-o', 'json')).join('\n')) ?? [];
  if (Number(minor) >= 21) return kubectl('apply', '-k', overlay);
  const file = join(home, 'overlay.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: kustomize(join(checkout, overlay)) }));
  return kubectl('apply', '-f', file);
}

describeIn('network namespace', await lacksKubectl(), 'kubectl', () => {
  it.each([
    [
      ['deploy/crds', 'deploy/controller/overlays/hub'],
      ['Deployment', 'PodDisruptionBudget', 'NetworkPolicy', 'Role'],
    ],
    [
      ['deploy/crds', 'deploy/controller/member'],
      ['ServiceAccount', 'ClusterRole', 'RoleBinding'],
    ],
  ])('applies all of %j', async (overlays, made) => {
    for (const overlay of overlays) {
      for (const line of await apply(overlay)) expect(line).toMatch(/ created$/);
    }
    for (const kind of made) expect(objectsIn(double, kind)).toHaveLength(1);
  });

  it('registers a member by a Secret', async () => {
    await apply('deploy/controller/overlays/hub');
    const file = join(home, 'm1.kubeconfig');
    writeFileSync(file, kubeconfig);
    const inNamespace = ['-n', 'slicewright-system'];
    await kubectl(...inNamespace, 'create', 'secret', 'generic', 'member1', `--from-file=kubeconfig=${file}`);
    await kubectl(...inNamespace, 'label', 'secret', 'member1', 'slicewright.dev/cluster=member1', 'region=eu');
    expect(objectsIn(double, 'Secret')).toMatchObject([
      {
        metadata: {
          name: 'member1',
          namespace: 'slicewright-system',
          labels: { 'slicewright.dev/cluster': 'member1', region: 'eu' },
        },
        type: 'Opaque',
        data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
      },
    ]);
  });

  it('makes what it sends in protobuf, and a client is told of what the double does not take so', async () => {
    await kubectl('create', 'namespace', 'shop');
    await kubectl(
      '-n',
      'shop',
      'create',
      'configmap',
      'texts',
      '--from-literal=a=1',
      `--from-literal=long=${'x'.repeat(400)}`,
    );
    expect(objectsIn(double, 'ConfigMap')).toMatchObject([{ data: { a: '1', long: 'x'.repeat(400) } }]);
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
    const answer = await fetch(`${double.url}/api/v1/namespaces`, { method: 'POST', headers, body: 'k8s\0' });
    expect(answer.status).toBe(415);
  });
});
