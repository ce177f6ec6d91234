import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { environment } from '../netns/processes.ts';
import { describeIn } from '../place.ts';

const launcher = fileURLToPath(new URL('../../bin/slicewright', import.meta.url));
const { lacks } = await probeSupport();

// An agent that starts against all expectations sets what a node needs: so not even this is tried on the machine itself.
describeIn('network namespace', lacks.namespaces, 'slicewright agent --write-config-to', () => {
  let network: LocalNetwork;
  let folder = '';
  beforeAll(async () => {
    network = await bootNetwork({ hosts: [{ name: 'node', role: 'endpoint' }], wires: [] });
    folder = mkdtempSync(join(tmpdir(), 'slicewright-configuration-'));
  });
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function slicewright(args: readonly string[]) {
    const [file, ...enter] = network.enter('node');
    const path = `${environment.PATH}:${process.env['PATH'] ?? ''}`;
    const child = spawn(file, [...enter, launcher, ...args], { env: { ...environment, PATH: path }, stdio: 'pipe' });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, ...said };
  }

  it('writes the configuration that kube-proxy flags stand for, and takes it back', async () => {
    const file = join(folder, 'effective.yaml');
    const flags = ['--proxy_mode=ipvs', '--cluster-cidr=10.1.0.0/16', '--masquerade-all', '--logtostderr', '-v=2'];
    const { status, err } = await slicewright(['agent', ...flags, `--write-config-to=${file}`]);
    expect([status, err]).toEqual([0, expect.stringContaining('flag --logtostderr: has no effect')]);
    const written = readFileSync(file, 'utf8');
    expect(written).toMatch(/^apiVersion: kubeproxy/);
    expect(written).toMatch(/^clusterCIDR: 10\.1\.0\.0\/16$/m);
    expect(written).toMatch(/^ {2}masqueradeAll: true$/m);
    expect(written).toMatch(/^mode: ipvs$/m);
    const again = await slicewright(['agent', `--config=${file}`, '--write-config-to', join(folder, 'again.yaml')]);
    expect([again.status, again.err.match(/^(warning|error).*/gm)]).toEqual([0, null]);
    expect(readFileSync(join(folder, 'again.yaml'), 'utf8')).toBe(written);
    expect((await slicewright(['agent', '--version'])).out).toBe((await slicewright(['--version'])).out);
  });

  it('says why the effective configuration cannot be written', async () => {
    const { status, err } = await slicewright(['agent', '--write-config-to', join(folder, 'no', 'where')]);
    expect([status, err]).toEqual([1, expect.stringMatching(/^error: file .*where: cannot be written to: ENOENT/)]);
  });
});
