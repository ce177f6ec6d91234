import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { environment } from '../netns/processes.ts';
import { node, service } from '../packets/objects.ts';
import { bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { endAll } from '../helpers/children.ts';

/* `apply` at a terminal: a real one, which `script` makes, with somebody who types. */

const { lacks } = await probeSupport();
const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'apply at a terminal', () => {
  let network: LocalNetwork;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootWorld();
    folder = mkdtempSync(join(tmpdir(), 'slicewright-terminal-'));
  });
  afterEach(async () => {
    await endAll(children);
    await network.run('member2-node')(process.execPath, [program, 'cleanup']);
  });
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const question = 'Type "yes" to apply it: ';
  const file = () => join(folder, 'objects.json');
  function put(endpoint: string): void {
    const web = service('web', { clusterIPs: ['10.13.8.1'], port: 80, endpoints: [endpoint], endpointPort: 8080 });
    writeFileSync(file(), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [node, ...web] }));
  }
  const endpoints = async () =>
    (await network.run('member2-node')('iptables-save', [])).stdout.match(/(?<=--to-destination )\S+/g) ?? [];

  function start(...args: readonly string[]) {
    const [outer, ...enter] = network.enter('member2-node');
    const command = [process.execPath, program, 'apply', ...args].map((word) => `'${word}'`).join(' ');
    // A shell in between would end of Ctrl-C by itself.
    const typed = ['script', '--quiet', '--return', '--command', `exec ${command}`, '/dev/null'];
    const child = spawn(outer, [...enter, ...typed], { env: { ...environment, TERM: 'dumb' }, stdio: 'pipe' });
    children.add(child);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text.replaceAll('\r', '')));
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    return { child, said: () => said, exited, type: (text: string) => child.stdin.write(text) };
  }

  it('shows the plan and asks, and applies it for "yes"', async () => {
    put('10.12.0.6');
    const apply = start('-f', file());
    await eventually(() => expect(apply.said()).toContain(question));
    expect(apply.said()).toContain('+ test/web: cluster IP 10.13.8.1:80/TCP: new, 1 endpoint');
    expect(apply.said()).toMatch(/^\+-A KUBE-SVC-\S+ .*-j KUBE-SEP-/m);
    expect(await endpoints()).toEqual([]);
    apply.type('yes\n');
    expect(await apply.exited).toBe(0);
    expect(apply.said()).toContain('read back, the kernel holds the desired rules');
    expect(await endpoints()).toEqual(['10.12.0.6:8080']);
  });

  it.each([
    ['another answer', 'no\n'],
    ['an empty line', '\n'],
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('changes nothing for %s', async (_, keys) => {
    put('10.12.0.6');
    const apply = start('-f', file());
    await eventually(() => expect(apply.said()).toContain(question));
    apply.type(keys);
    expect(await apply.exited).toBe(1);
    expect(apply.said()).toContain('the answer was not "yes"; nothing was changed');
    expect(await endpoints()).toEqual([]);
  });

  it('asks nobody with --yes', async () => {
    put('10.12.0.6');
    const apply = start('-f', file(), '--yes');
    expect(await apply.exited).toBe(0);
    expect(apply.said()).not.toContain(question);
  });

  it('refuses where the kernel has changed in between', async () => {
    put('10.12.0.6');
    const apply = start('-f', file());
    await eventually(() => expect(apply.said()).toContain(question));
    put('10.12.0.9');
    const other = await network.run('member2-node')(process.execPath, [program, 'apply', '-f', file()]);
    expect(other.exitCode).toBe(0);
    apply.type('yes\n');
    expect(await apply.exited).toBe(1);
    expect(apply.said()).toContain('the kernel has changed since the plan was shown');
    expect(await endpoints()).toEqual(['10.12.0.9:8080']);
  });

  it('says that it can ask nobody where the objects were typed', async () => {
    put('10.12.0.6');
    const apply = start('-f', '-');
    apply.type(
      '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "10.13.8.9", "ports": [{"port": 80}]}}\n\u0004',
    );
    expect(await apply.exited).toBe(1);
    expect(apply.said()).toMatch(/supplies the objects, so apply cannot ask for confirmation; give --yes/);
    expect(await endpoints()).toEqual([]);
  });
});
