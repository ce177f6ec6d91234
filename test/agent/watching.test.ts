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
import { loadProgram, programOf } from '../packets/program.ts';
import { askOnce, bootWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { endAll } from '../helpers/children.ts';

/* `top` and `status --watch` at a terminal: a real one, which `script` makes, with somebody who types. */

const { lacks } = await probeSupport();
const program = fileURLToPath(new URL('../../agent/start.ts', import.meta.url));
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'a command that looks again and again', () => {
  let network: LocalNetwork;
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-watching-'));
  const file = join(folder, 'objects.json');
  const web = service('web', { clusterIPs: ['10.13.8.1'], port: 80, endpoints: ['10.12.0.6'], endpointPort: 8080 });
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    network = await bootWorld();
    await loadProgram(network, 'nft', programOf(web));
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [node, ...web] }));
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** `$` where a line ends on the screen. */
  const drawn = (text: string) => text.replaceAll('\u001b[K', '$');
  /** The terminal's settings are printed when the command has ended. */
  function start(command: string, term = 'xterm') {
    const [outer, ...words] = network.enter('member2-node');
    const shell = `stty rows 20 cols 100; echo before $(stty -g); '${process.execPath}' '${program}' ${command}; echo ended $?; echo after $(stty -g)`;
    const typed = ['script', '--quiet', '--return', '--command', shell, '/dev/null'];
    const child = spawn(outer, [...words, ...typed], { env: { ...environment, TERM: term }, stdio: 'pipe' });
    children.add(child);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text.replaceAll('\r', '')));
    const exited = once(child, 'exit');
    /** What is on the screen now. */
    const screen = () => drawn(said.slice(said.lastIndexOf('\u001b[H')));
    return { child, said: () => said, screen, exited, type: (text: string) => child.stdin.write(text) };
  }

  function expectRestored(said: string): void {
    expect(said).toContain(leave);
    const settings = (word: string) => new RegExp(`^${word} (\\S+)`, 'm').exec(said)?.[1];
    expect(settings('before')).toMatch(/:/);
    expect(settings('after')).toBe(settings('before'));
    expect(said).toMatch(/ended 0$/m);
  }

  const top = () => `top -f '${file}' --interval 0.2`;

  it('draws the traffic anew, changes rows and order with keys, and gives the terminal back with q', async () => {
    const { said, screen, type, exited } = start(top());
    await eventually(() => expect(screen()).toMatch(/test\/web\/TCP\/IPv4 +0\.0 +0\$/));
    expect(said()).toContain(enter);
    for (let i = 0; i < 5; i++) await askOnce(network, { from: 'client', to: '10.13.8.1', port: 80 });
    await eventually(() => expect(screen()).toMatch(/test\/web\/TCP\/IPv4 +0\.0 +5\$/));
    expect(screen()).not.toContain('10.12.0.6:8080');
    type('bb');
    await eventually(() => expect(screen()).toMatch(/test\/web\/TCP\/IPv4 +local +10\.12\.0\.6:8080 +0\.0 +5 /));
    type('n');
    await eventually(() => expect(screen()).toContain('by endpoint, sorted by name'));
    type('q');
    await exited;
    expectRestored(said());
  });

  it.each(['SIGINT', 'SIGTERM'])(
    'gives the terminal back on %s',
    async (signal) => {
      const { said, screen, exited } = start(top());
      await eventually(() => expect(screen()).toContain('test/web'));
      // The newest one is the command; the others are what it runs in.
      const { stdout: pid } = await network.run('member2-node')('pgrep', ['--newest', '-f', `${program} top`]);
      process.kill(Number(pid), signal);
      await exited;
      expectRestored(said());
    },
    600_000,
  );

  it('Ctrl-C ends it', async () => {
    const { said, screen, type, exited } = start(top());
    await eventually(() => expect(screen()).toContain('test/web'));
    type('\u0003');
    await exited;
    expectRestored(said());
  });

  it('a terminal that cannot be drawn on gets plain lines, and so does a pipe', async () => {
    const dumb = start(top(), 'dumb');
    await eventually(() => expect(dumb.said().split('\n\ntraffic,').length).toBeGreaterThan(2));
    expect(dumb.said()).not.toContain('\u001b');
    const piped = start(`${top()} | head -n 9`);
    await piped.exited;
    expect(piped.said()).not.toContain('\u001b');
    expect(piped.said().match(/test\/web\/TCP\/IPv4/g)?.length).toBeGreaterThan(1);
    expect(piped.said()).toMatch(/ended 0$/m);
  });

  it('status --watch goes on asking where no agent answers', async () => {
    const { said, screen, type, exited } = start('status --watch --interval 0.1 --address 127.0.0.1:1');
    await eventually(() => expect(said().split('\u001b[Hslicewright: no agent answers').length).toBeGreaterThan(3));
    expect(screen()).toContain('127.0.0.1:1');
    type('q');
    await exited;
    expect(said()).toContain(leave);
    expect(said()).toMatch(/ended 1$/m);
  });
});
