import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dump, load } from 'js-yaml';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { environment, runWithin } from '../../test/netns/processes.ts';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { authority } from '../apiserver/certificates.ts';
import { describeIn } from '../place.ts';
import { lacksKubectl } from '../controller/clusters.ts';

const script = fileURLToPath(new URL('../../deploy/reader/kubeconfig', import.meta.url));

describeIn('program of its own', await lacksKubectl(), 'deploy/reader/kubeconfig', () => {
  let double: ApiDouble;
  let home = '';
  beforeEach(async () => {
    double = await startApiDouble('west');
    // kubectl sends no token where nothing is encrypted.
    double.tokens.set('', 'system:admin');
    double.tokens.set('of-the-reader', 'system:serviceaccount:slicewright-system:slicewright-reader');
    double.apply({ kind: 'Namespace', metadata: { name: 'slicewright-system' } });
    home = mkdtempSync(join(tmpdir(), 'slicewright-reader-'));
  });
  afterEach(async () => {
    rmSync(home, { recursive: true });
    await double.close();
  });

  const secret = (token: string) =>
    double.apply({
      kind: 'Secret',
      metadata: { name: 'slicewright-reader', namespace: 'slicewright-system' },
      data: { token: Buffer.from(token).toString('base64') },
    });

  function print(cluster: object, ...args: readonly string[]) {
    const admin = {
      apiVersion: 'v1',
      kind: 'Config',
      contexts: [{ name: 'west', context: { cluster: 'west', user: 'admin' } }],
      clusters: [{ name: 'west', cluster: { server: double.url, ...cluster } }],
      users: [{ name: 'admin', user: { token: 'of-the-admin' } }],
    };
    writeFileSync(join(home, 'config'), dump(admin));
    const env = { ...environment, KUBECONFIG: join(home, 'config'), HOME: home };
    return runWithin(300_000, env)(script, args);
  }

  it('prints what an agent can read the cluster with, as the account for that', async () => {
    secret('of-the-reader');
    const { stdout, stderr, exitCode } = await print({}, 'west');
    expect([exitCode, stderr]).toEqual([0, '']);
    const { clusters, users } = load(stdout) as {
      clusters: { cluster: { server: string } }[];
      users: { user: { token: string } }[];
    };
    double.tokens.delete('');
    const services = `${clusters[0]?.cluster.server}/api/v1/services`;
    const answer = await fetch(services, { headers: { authorization: `Bearer ${users[0]?.user.token}` } });
    expect(answer.status).toBe(200);
    expect((await fetch(services)).status).toBe(403);
  });

  it('takes the certificate authority along, and nothing of the administrator', async () => {
    secret('of-the-reader');
    const data = Buffer.from(authority).toString('base64');
    const { stdout } = await print({ 'certificate-authority-data': data }, 'west');
    expect(load(stdout)).toMatchObject({
      clusters: [{ cluster: { server: double.url, 'certificate-authority-data': data } }],
      users: [{ user: { token: 'of-the-reader' } }],
    });
    expect(stdout).not.toContain('admin');
  });

  it('prints nothing while there is no token, and says how it is called', async () => {
    secret('');
    expect(await print({}, 'west')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('has no token yet') as string,
    });
    expect(await print({}, 'east')).toMatchObject({ stdout: '' });
    expect(await print({})).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('usage') as string,
    });
    expect(readFileSync(script, 'utf8')).toContain('deploy/reader/kubeconfig CONTEXT > NAME.kubeconfig');
  });
});
