import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { buildPackage } from '../../tools/build.ts';
import { eventually } from '../helpers/eventually.ts';
import { bootNetwork, type LocalNetwork } from '../netns/network.ts';
import { probeSupport } from '../netns/probe.ts';
import { environment } from '../netns/processes.ts';
import { node, service } from '../packets/objects.ts';
import { describeIn } from '../place.ts';
import { kustomize } from './kustomize.ts';
import { configOf, type Container, podOf } from './pod.ts';
import { endAll } from '../helpers/children.ts';

/*
 * The containers of the DaemonSet on a real kernel: the image's command with the manifests' arguments, and with
 * what a runtime leaves them. What it would mount read-only is mounted read-only.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const { lacks } = await probeSupport();
const manifests = kustomize(join(root, 'deploy/overlays/iptables'));

describeIn('network namespace', lacks.namespaces ?? lacks.nft, 'the containers of the DaemonSet', () => {
  let network: LocalNetwork;
  let folder = '';
  let dist = '';
  const children = new Set<ChildProcess>();
  beforeAll(async () => {
    network = await bootNetwork({
      hosts: [{ name: 'node', role: 'router', sysctls: { 'net.ipv4.conf.all.route_localnet': '0' } }],
      wires: [],
    });
    folder = mkdtempSync(join(tmpdir(), 'slicewright-deploy-'));
    // The build wants a folder below the project's; the image has it elsewhere.
    dist = join(folder, 'dist');
    await buildPackage(relative(process.cwd(), dist));
    writeConfig();
    const web = service('web', { clusterIPs: ['10.13.8.1'], port: 80, endpoints: ['10.12.0.6'], endpointPort: 8080 });
    const items = [node, ...web].map((object) =>
      object['kind'] === 'Service'
        ? {
            ...object,
            spec: { ...(object['spec'] as object), type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] },
          }
        : object,
    );
    writeFileSync(join(folder, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  });
  afterEach(() => endAll(children));
  afterAll(async () => {
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The limit of connections is the machine's on old kernels, in every namespace. */
  function writeConfig(): void {
    writeFileSync(join(folder, 'config.yaml'), `${filledIn(configOf(manifests))}\nconntrack: { maxPerCore: 0 }\n`);
  }

  /** With what only an operator knows: the pods' ranges. */
  function filledIn(config: string): string {
    const filled = config.replace('clusterCIDR: ""', 'clusterCIDR: 10.12.0.0/16');
    expect(filled).not.toBe(config);
    return filled;
  }

  /** The image's command with a container's arguments, the objects from a folder. */
  function commandOf({ args }: Container): string[] {
    const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')) ?? [];
    const [, ...command] = JSON.parse(entry) as string[];
    const given = [...command, ...args].map((word) =>
      word
        .replace('/opt/slicewright', dist)
        .replace('/etc/slicewright-clusters', folder)
        .replace('/etc/slicewright', folder)
        .replace('$(NODE_NAME)', 'member2-node'),
    );
    return [process.execPath, ...given];
  }

  /** As a runtime starts it: no more capabilities than these, and nothing to write to but what the manifests mount. */
  function confined(capabilities: readonly string[], command: readonly string[]): string[] {
    const caps = ['-all', ...capabilities.map((name) => `+${name.toLowerCase()}`)].join();
    const mounted = agent.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    expect(mounted.sort()).toEqual(['/run/slicewright', '/run/xtables.lock']);
    const seal = [
      `touch /run/xtables.lock; mkdir -p /run/slicewright; for at in ${mounted.join(' ')}; do mount --bind $at $at; done`,
      'for at in /proc/sys /sys /; do mount --bind $at $at 2>/dev/null || true; mount -o remount,bind,ro $at; done',
      // A mount already: bound to itself it would hide what is mounted in it.
      'mount -o remount,bind,ro /run; exec "$@"',
    ].join('\n');
    const drop = ['setpriv', '--bounding-set', caps, '--no-new-privs', '--'];
    return ['unshare', '--mount', 'sh', '-ec', seal, 'sh', ...drop, ...command];
  }

  function start(words: readonly string[]) {
    const [file, ...enter] = network.enter('node');
    const child = spawn(file, [...enter, ...words], { env: environment, stdio: 'pipe' });
    children.add(child);
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    return { child, said, exited: once(child, 'exit').then(([code]) => code as number | null) };
  }

  it.each([
    ['iptables', ['take-over', 'metrics']],
    ['ipvs', ['metrics']],
    ['nftables', ['beside', 'metrics']],
    ['two-clusters', []],
  ])('take their configuration and their arguments without a word: %s with %j', async (overlay, components) => {
    const at = (path: string) => join(root, 'deploy', path);
    const variant = kustomize(
      at(`overlays/${overlay}`),
      components.map((name) => at(`components/${name}`)),
    );
    writeFileSync(join(folder, 'config.yaml'), filledIn(configOf(variant)));
    const registry = variant.find(({ metadata }) => metadata.name === 'slicewright-registry')?.data?.['registry.yaml'];
    if (registry !== undefined) writeFileSync(join(folder, 'registry.yaml'), registry);
    const mode = overlay === 'two-clusters' ? 'iptables' : overlay;
    const pod = podOf(variant);
    for (const container of [...pod.initContainers, ...pod.containers]) {
      const words = commandOf(container).map((word) => word.replace('$(HOST_IP)', '192.0.2.1'));
      const { said, exited } = start([...words, '--write-config-to', join(folder, 'effective.yaml')]);
      expect([await exited, said.err.replace(/^info: .*\n/gm, '')]).toEqual([0, '']);
      const effective = readFileSync(join(folder, 'effective.yaml'), 'utf8');
      expect(effective).toMatch(`\nmode: ${mode}\n`);
      expect(effective).toMatch(components.includes('beside') ? '0.0.0.0:10266' : '0.0.0.0:10256');
    }
    writeConfig();
  });

  const { initContainers, containers } = podOf(manifests);
  const [init, agent] = [initContainers[0]!, containers[0]!];
  const capabilities = agent.securityContext.capabilities?.add ?? [];

  it('set what is the node and then keep its rules, without a warning', async () => {
    const run = network.run('node');
    await run('sysctl', ['-w', 'net.ipv4.conf.all.route_localnet=0']);
    const first = start(commandOf(init));
    expect(await first.exited).toBe(0);
    expect(first.said.out).toContain('sysctl net.ipv4.conf.all.route_localnet: 0 → 1');
    expect(first.said.err.match(/^(warning|error).*/gm)).toBeNull();

    const scrapes = '--scrape-address=127.0.0.2';
    const second = start(confined(capabilities, [...commandOf(agent), '--source', folder, scrapes]));
    await eventually(async () => expect((await run('iptables-save', [])).stdout).toContain('test/web'));
    await eventually(() => expect(second.said.err).toContain('"synced"'));
    // Metrics in both places, all else on loopback alone.
    const answered = async (url: string) => {
      const print = `fetch('http://${url}').then((answer) => console.log(answer.status))`;
      return (await run(process.execPath, ['--eval', print])).stdout.trim();
    };
    await eventually(async () => expect(await answered('127.0.0.2:10249/metrics')).toBe('200'));
    expect(await answered('127.0.0.2:10249/slicewright/status')).toBe('404');
    expect(await answered('127.0.0.1:10249/slicewright/status')).toBe('200');
    // At once: nothing is written any more, so nothing is left to warn of.
    second.child.kill('SIGTERM');
    expect(await second.exited).toBe(0);
    expect(warningsIn(second.said.err)).toEqual([]);
  });

  it('without the first one, the second keeps rules all the same, and says what an administrator can run', async () => {
    const run = network.run('node');
    const sysctl = 'net.netfilter.nf_conntrack_tcp_timeout_close_wait';
    await run('sysctl', ['-w', `${sysctl}=61`]);
    await run('sysctl', ['-w', 'net.ipv4.conf.all.route_localnet=0']);
    const { child, said, exited } = start(confined(capabilities, [...commandOf(agent), '--source', folder]));
    await eventually(() => expect(said.err).toContain('"synced"'));
    await eventually(() =>
      expect(said.err).toContain('as root on the node: sysctl -w net.ipv4.conf.all.route_localnet=1'),
    );
    expect(warningsIn(said.err).join('\n')).toContain(`as root on the node: sysctl -w ${sysctl}=3600`);
    expect((await run('iptables-save', [])).stdout).toContain('test/web');
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  it('have no capability too many: rules need one, sets and legacy tables the other', async () => {
    const script =
      'ipset create KX hash:ip,port -exist && iptables-nft -w 5 -A OUTPUT -m set --match-set KX dst,dst -j ACCEPT';
    const statusWith = (some: readonly string[]) => start(confined(some, ['sh', '-c', script])).exited;
    expect(await statusWith(capabilities)).toBe(0);
    for (const one of capabilities) {
      const status = await statusWith(capabilities.filter((other) => other !== one));
      expect(status, `without ${one}`).not.toBe(0);
    }
  });
});

function warningsIn(log: string): string[] {
  return log.split('\n').filter((line) => /"level":"(warn|error)"/.test(line));
}
