import { setTimeout as sleep } from 'node:timers/promises';
import { ownChains } from '../helpers/scope.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { cleanupCommand } from '../../agent/commands/cleanup.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { assemble } from '../../backends/assemble.ts';
import type { Run } from '../../backends/command.ts';
import { ipvs } from '../../backends/ipvs/index.ts';
import type { IpvsProgram } from '../../backends/ipvs/program/program.ts';
import { observeProgram } from '../../backends/ipvs/live/observe.ts';
import { serverKey } from '../../backends/ipvs/program/servers.ts';
import { compile } from '../../compiler/index.ts';
import { systemClock } from '../../agent/loop/clock.ts';
import { type FieldAgent, type FieldOptions, startFieldAgent } from '../agent/field.ts';
import { type Kubectl, kubectlTo } from '../agent/kubectl.ts';
import { percentile } from '../helpers/numbers.ts';
import { type ApiDouble, startApiDouble } from '../apiserver/double.ts';
import { eventually } from '../helpers/eventually.ts';
import { twoClusters } from '../netns/clusters.ts';
import type { Network } from '../netns/network.ts';
import { type Manifest, node, service, slices } from '../packets/objects.ts';
import { memberSettings } from '../packets/program.ts';
import { outcomes, serveWorld } from '../packets/world.ts';
import { describeIn } from '../place.ts';
import { bootIpvsNetwork, ipvsAvailability } from '../vm/network.ts';
import { remains } from './kernel.ts';
import { lockDir } from '../helpers/lock-dir.ts';

/*
 * The agent in IPVS mode as it is wired: on an API server over HTTP, its commands on a kernel that has IPVS. Each
 * command costs dozens of milliseconds and more there, so the agent is patient, and tests wait for what they mean.
 */

const { place, missing } = await ipvsAvailability();
const patienceMs = 300_000;
/** Drift shows with the next reading, which waits twenty times as long as the last one took. */
const readingMs = 3 * patienceMs;

describeIn(place, missing, 'the agent in IPVS mode, from HTTP to packets', () => {
  let network: Network;
  let run: Run;
  let double: ApiDouble;
  let kubectl: Kubectl;
  const agents = new Set<FieldAgent>();
  /** What the API server holds, by kind and name. */
  const held = new Map<string, Manifest>();

  beforeAll(async () => {
    network = await bootIpvsNetwork(twoClusters);
    await serveWorld(network);
    run = network.run('member2-node');
    double = await startApiDouble();
    kubectl = kubectlTo(double);
    await put(node);
  }, 1_500_000);
  afterEach(async () => {
    for (const agent of agents) await agent.stop();
    agents.clear();
  });
  afterAll(async () => {
    await double?.close();
    await network?.close();
  });

  const keyOf = (object: Manifest) =>
    `${String(object['kind'])} ${(object['metadata'] as { readonly name: string }).name}`;
  async function put(...objects: readonly Manifest[]): Promise<void> {
    for (const object of objects) {
      const key = keyOf(object);
      await (held.has(key) ? kubectl.replace(object) : kubectl.create(object));
      held.set(key, object);
    }
  }
  async function remove(...objects: readonly Manifest[]): Promise<void> {
    for (const object of objects) {
      await kubectl.delete(object);
      held.delete(keyOf(object));
    }
  }
  function start(options: Partial<FieldOptions> = {}): FieldAgent {
    const agent = startFieldAgent({
      mode: 'ipvs',
      run,
      own: double,
      nodeName: 'member2-node',
      settings: memberSettings,
      times: { resyncMs: 5_000, glanceMs: 60_000 },
      // The machine's commands take most of the time, and no limit of the agent's is short beside them.
      clock: systemClock,
      ...options,
    });
    agents.add(agent);
    return agent;
  }

  /**
   * Of IPv4: what the objects want and is not in force, and who gets new connections and should not. What is on its
   * way out with weight 0 is in order: IPVS remembers a closed connection for two minutes.
   */
  async function differences(): Promise<readonly string[]> {
    const { services, node: contexts } = compile({
      clusters: [{ cluster: undefined, objects: [...held.values()] }],
      settings: memberSettings,
      nodeName: 'member2-node',
      localAddresses: undefined,
    });
    const wanted = partsOf(assemble(ipvs, services.IPv4, contexts.IPv4).program);
    const found = partsOf(await observeProgram(run, 'IPv4', ownChains));
    const isActive = (part: string) => part.startsWith('real ');
    return [
      ...[...wanted].filter((part) => !found.has(part)).map((part) => `missing: ${part}`),
      ...[...found].filter((part) => isActive(part) && !wanted.has(part)).map((part) => `too much: ${part}`),
    ];
  }
  /** Checks now, and again after each sync: a check takes the machine as long as a sync does. */
  async function settles(check: () => Promise<void>): Promise<void> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const synced = [...agents].map((agent) => agent.next(({ kind }) => kind === 'synced'));
      try {
        return await check();
      } catch (error) {
        if (performance.now() > deadlineMs) throw error;
      }
      // Not every change is a sync: IPVS forgets connections by itself.
      await Promise.race([...synced, sleep(2_000)]);
    }
  }
  const converges = () => settles(async () => expect(await differences()).toEqual([]));

  const at = '10.13.7.1';
  const cart = (...endpoints: readonly string[]) =>
    service('cart', { clusterIPs: [at], port: 80, endpoints, endpointPort: 8080 });
  /** waitMs   long enough for an answer of a busy machine, and short enough to look again when rules have changed */
  const dial = (waitMs = 10_000) => outcomes(network, { from: 'client', to: at, port: 80 }, 4, waitMs);
  const sees = (...wanted: readonly string[]) => settles(async () => expect(await dial()).toEqual(wanted));

  test('objects are created, changed and deleted, and packets follow', async () => {
    const agent = start();
    await put(...cart('10.12.0.6'));
    await sees('10.12.0.6:8080');
    await put(...slices('cart', ['10.12.0.7'], 8080));
    await sees('10.12.0.7:8080');
    const everyone = slices('cart', ['10.12.0.7', '10.10.0.6'], 8080);
    await put(...everyone);
    await sees('10.10.0.6:8080', '10.12.0.7:8080');
    await remove(...everyone);
    await sees('refused');
    await remove(cart()[0] as Manifest);
    await converges();
    expect(agent.of('sync-failed')).toEqual([]);
  }, 1_500_000);

  test('what someone else did is named and set right', async () => {
    await put(...cart('10.12.0.6', '10.12.0.7'));
    const agent = start();
    await converges();
    const damages: readonly (readonly [string, readonly string[], string])[] = [
      ['ipvsadm', ['--restore'], `-d -t ${at}:80 -r 10.12.0.7:8080\n`],
      ['ipset', ['-exist', 'restore'], `del KUBE-CLUSTER-IP ${at},tcp:80\n`],
      ['ip', ['-batch', '-'], `address delete ${at}/32 dev kube-ipvs0\n`],
      ['iptables-restore', ['--noflush'], '*nat\n-F KUBE-SERVICES\nCOMMIT\n'],
    ];
    for (const [file, args, script] of damages) {
      const before = agent.of('drift').length;
      expect((await run(file, args, script)).exitCode).toBe(0);
      await eventually(() => expect(agent.of('drift').length).toBeGreaterThan(before), readingMs);
      await converges();
    }
    const named = agent.of('drift').map(({ chains }) => JSON.stringify(chains));
    expect(named[0]).toContain('10.12.0.7:8080');
    expect(named[1]).toContain(`${at},tcp:80`);
    expect(named[2]).toContain(at);
    expect(named[3]).toContain('KUBE-SERVICES');
  }, 1_500_000);

  test('one Service that the kernel rejects keeps what it had, the others are current', async () => {
    await put(...cart('10.12.0.6'));
    const till = (...endpoints: readonly string[]) =>
      service('till', { clusterIPs: ['10.13.7.2'], port: 80, endpoints, endpointPort: 8080 });
    await put(...till('10.12.0.8'));
    // The tool takes no line with this endpoint, as a kernel that is out of memory would not.
    const refusing: Run = (file, args, input) =>
      file === 'ipvsadm' && input?.includes('10.12.0.99') === true
        ? run(file, args, input.replaceAll('10.12.0.99', '10.12.0.999'))
        : run(file, args, input);
    const agent = start({ run: refusing });
    await converges();
    await put(...till('10.12.0.99'), ...cart('10.12.0.7'));
    await eventually(() => expect(agent.of('quarantined').at(-1)?.service).toContain('till'), patienceMs);
    await sees('10.12.0.7:8080');
    expect(await outcomes(network, { from: 'client', to: '10.13.7.2', port: 80 }, 2, patienceMs)).toEqual([
      '10.12.0.8:8080',
    ]);
    await put(...till('10.12.0.9'));
    await converges();
    await remove(...till('10.12.0.9'));
    await converges();
  }, 1_500_000);

  test('ended in the middle of its work, while the API server is down, it leaves what serves; the next one goes on', async () => {
    await put(...cart('10.12.0.6'));
    const first = start();
    await sees('10.12.0.6:8080');
    await first.stop();
    for (let round = 0; round < 3; round++) {
      let left = 4 + 3 * round;
      const dying: Run = (file, args, input) =>
        left-- > 0 ? run(file, args, input) : Promise.reject(new Error('the process is gone'));
      await put(...cart(`10.12.0.${7 + round}`, '10.10.0.6'));
      const dead = start({ run: dying });
      await eventually(() => expect(left).toBeLessThan(0), patienceMs);
      await dead.stop();
    }
    double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
    const blind = start();
    await eventually(() => expect(blind.of('waiting').length).toBeGreaterThan(0), patienceMs);
    expect((await dial(patienceMs)).filter((outcome) => outcome === 'refused' || outcome === 'silence')).toEqual([]);
    double.faults = {};
    await sees('10.10.0.6:8080', '10.12.0.9:8080');
    await converges();
  }, 1_500_000);

  test('changes come into force soon: programming latency', async () => {
    const agent = start({ times: { resyncMs: 600_000, glanceMs: 600_000 } });
    await converges();
    const latencies: number[] = [];
    for (let i = 0; i < 20; i++) {
      const inForce = agent.next((event) => event.kind === 'synced' && event.latenciesMs.length > 0);
      const startMs = performance.now();
      await put(...slices('cart', [`10.12.0.${6 + (i % 3)}`, '10.10.0.7'], 8080));
      await inForce;
      latencies.push(performance.now() - startMs);
    }
    const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
    console.log(
      `IPVS on an emulated machine, write to the API until in force, 20 changes: p50 ${p50} ms, p99 ${p99} ms`,
    );
    expect(agent.of('sync-failed')).toEqual([]);
  }, 1_500_000);

  test('stopped, it leaves everything; cleaned up, nothing', async () => {
    const agent = start();
    await converges();
    await agent.stop();
    expect((await remains(run)).length).toBeGreaterThan(10);
    const io = memoryIo();
    expect(await cleanupCommand({ lockDir, diagnostics: 'human' }, io, run), io.written.err).toBe(0);
    expect(await remains(run)).toEqual([]);
  }, 1_500_000);
});

function partsOf({ servers, sets, addresses, rules }: IpvsProgram): ReadonlySet<string> {
  return new Set([
    ...[...servers.values()].flatMap((server) => [
      `server ${serverKey(server)}`,
      ...server.reals
        .filter(({ weight }) => weight > 0)
        .map((real) => `real ${serverKey(server)} ${real.address}:${real.port}`),
    ]),
    ...[...sets.values()].flatMap(({ name, entries }) => entries.map((entry) => `entry ${name} ${entry}`)),
    ...addresses.map((address) => `address ${address}`),
    ...[...rules.chains.values()].flatMap(({ table, lines }) => lines.map((line) => `rule ${table} ${line}`)),
    ...rules.hooks.map(({ table, line }) => `hook ${table} ${line}`),
  ]);
}
