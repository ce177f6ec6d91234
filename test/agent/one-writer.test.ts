import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { environment } from '../netns/processes.ts';
import { type Manifest, node, service } from '../packets/objects.ts';
import { bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { startOnNode } from './command.ts';
import { rewrite } from '../helpers/rewrite.ts';
import { endAll } from '../helpers/children.ts';

/* Commands beside an agent, as processes on one node: one of them writes at a time. */

const { lacks } = await probeSupport();
const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'one writer of a node', () => {
  let network: LocalNetwork;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootWorld();
    folder = mkdtempSync(join(tmpdir(), 'slicewright-writers-'));
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const flags = ['--cluster-cidr', '10.12.0.0/16,fd00:12::/64', '--conntrack-max-per-core=0'];
  const agentArgs = () => ['agent', '--source', folder, '--hostname-override', 'member2-node', ...flags];
  const objects = (endpoint: string): Manifest[] => [
    node,
    ...service('web', { clusterIPs: ['10.13.8.1'], port: 80, endpoints: [endpoint], endpointPort: 8080 }),
  ];
  const listOf = (items: readonly Manifest[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const put = (endpoint: string) => rewrite(join(folder, 'objects.json'), listOf(objects(endpoint)));

  async function slicewright(args: readonly string[], input = '', host = 'member2-node') {
    const { exitCode, stdout, stderr } = await network.run(host)(process.execPath, [program, ...args], input);
    return { exitCode, out: stdout, err: stderr.replace(/^info: .*\n/gm, '') };
  }
  const apply = (endpoint: string, ...more: readonly string[]) =>
    slicewright(['apply', '-f', '-', ...more], listOf(objects(endpoint)));
  const endpoints = async () =>
    (await network.run('member2-node')('iptables-save', [])).stdout.match(/(?<=--to-destination )\S+/g) ?? [];

  async function startAgent() {
    put('10.12.0.6');
    const agent = startOnNode(network, agentArgs());
    children.add(agent.child);
    await eventually(() => expect(agent.said()).toContain('"synced"'));
    return agent;
  }
  /** nsenter becomes what it starts, so this is the agent's own number. */
  const refusal = (pid: number | undefined) =>
    expect.stringMatching(
      new RegExp(`^error: lock /run/slicewright: an agent \\(pid ${pid}\\) runs on this node .*; nothing was changed`),
    );

  it('apply and cleanup refuse beside an agent, name it, and change nothing; --force goes on', async () => {
    const agent = await startAgent();
    expect(await apply('10.12.0.9')).toEqual({ exitCode: 1, out: '', err: refusal(agent.child.pid) });
    expect(await slicewright(['cleanup'])).toEqual({ exitCode: 1, out: '', err: refusal(agent.child.pid) });
    expect(await slicewright([...agentArgs(), '--cleanup'])).toMatchObject({
      exitCode: 1,
      err: refusal(agent.child.pid),
    });
    expect(await endpoints()).toEqual(['10.12.0.6:8080']);
    const forced = await apply('10.12.0.9', '--force');
    expect([forced.exitCode, forced.err]).toEqual([0, expect.stringContaining('the agent restores its own rules')]);
    expect(forced.out).toContain('applied in');
  });

  it('a saved plan is refused there as well', async () => {
    const agent = await startAgent();
    const file = join(folder, '..', `${folder.split('/').at(-1)}.plan`);
    expect((await slicewright(['plan', '-f', '-', '--out', file], listOf(objects('10.12.0.8')))).exitCode).toBe(2);
    expect(await slicewright(['apply', '--plan', file])).toEqual({
      exitCode: 1,
      out: expect.stringMatching(/: a plan with digest [0-9a-f]{64}\n$/),
      err: refusal(agent.child.pid),
    });
    rmSync(file);
  });

  it('a killed agent is in nobody’s way', async () => {
    const agent = await startAgent();
    agent.child.kill('SIGKILL');
    await agent.exited;
    expect(await apply('10.12.0.7')).toMatchObject({ exitCode: 0, err: '' });
    expect(await endpoints()).toEqual(['10.12.0.7:8080']);
  });

  it('another network namespace is another node', async () => {
    await startAgent();
    const elsewhere = await slicewright(['apply', '-f', '-'], listOf(objects('10.12.0.6')), 'remote');
    expect(elsewhere).toMatchObject({ exitCode: 0 });
    expect(await slicewright(['cleanup'], '', 'remote')).toMatchObject({ exitCode: 0 });
  });

  it('an agent in a container, whose processes have other numbers, is found and named by the one it has here', async () => {
    put('10.12.0.6');
    const [file, ...enter] = network.enter('member2-node');
    const apart = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, program];
    const child = spawn(file, [...enter, ...apart, ...agentArgs()], {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.add(child);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    await eventually(() => expect(said).toContain('"synced"'));
    const pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
    const { exitCode, err } = await apply('10.12.0.9');
    expect([exitCode, err]).toEqual([1, expect.stringContaining(`an agent (pid ${pid}; in its container 1) runs on`)]);
    expect(await endpoints()).toEqual(['10.12.0.6:8080']);
  });

  it('a local user cannot keep the agent from writing, nor make its folder', async () => {
    const [file, ...enter] = network.enter('member2-node');
    // The name by which agents of former times kept each other away, which anyone could hold.
    const hold = `require('node:net').createServer().listen('\\0slicewright-agent', () => console.log('held'))`;
    const holder = spawn(file, [...enter, process.execPath, '--eval', hold], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(holder);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await startAgent();
    const other = await slicewright(
      ['apply', '-f', '-', '--lock-dir', '/run/nowhere/lock'],
      listOf(objects('10.12.0.7')),
    );
    expect([other.exitCode, other.err]).toEqual([1, expect.stringContaining('/run/nowhere/lock: cannot be made')]);
  });
});
