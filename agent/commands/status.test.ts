import { afterEach, expect, it } from 'vitest';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import type { ClusterName } from '../../compiler/values/names.ts';
import { clusterIP, endpoint, makeIR } from '../../test/helpers/ir.ts';
import type { ClusterStanding } from '../clusters/states.ts';
import { emptySync, type FamilySync } from '../../backends/plane/plane.ts';
import { metricsListener } from '../serving/meter.ts';
import { createMetrics } from '../serving/metrics.ts';
import { plain, type RunningServer } from '../serving/listener.ts';
import { serveMetrics } from '../serving/server.ts';
import { createStatusBook } from '../serving/status.ts';
import { memoryIo } from '../terminal/memory-io.fixture.ts';
import { eventually } from '../../test/helpers/eventually.ts';
import { createTestClock } from '../loop/clock.fixture.ts';
import { askedOf } from '../traffic/asked.ts';
import { askAgent } from '../traffic/knowledge.ts';
import { statusCommand } from './status.ts';

const servers: RunningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const sync: FamilySync = {
  ...emptySync('delta'),
  documents: 2,
  lines: 9,
  rules: new Map([['nat', 30]]),
};
const none = { used: 0, excluded: 0, unready: 0, duplicate: 0, refused: 0 };
const served = makeIR(
  [clusterIP('10.13.0.1', 80)],
  [endpoint('10.12.0.6:80'), endpoint('10.10.0.6:80', { cluster: 'member1' as ClusterName })],
);

const labels = {
  ...{ apiVersion: 'slicewright.dev/v1alpha1', kind: 'AgentLabels' },
  labels: { 'shop/cart': { app: 'cart' }, 'ops/cart': { app: 'tools' } },
};

/** The part of an agent that status asks. */
async function agent() {
  const clock = { ms: 1_000_000, nowMs: () => clock.ms };
  const metrics = createMetrics();
  const failing: { kind: string; problem: string }[] = [];
  const forgone: { kind: string; problem: string }[] = [];
  const standings: ClusterStanding[] = [];
  const book = createStatusBook(
    {
      node: 'n1',
      mode: 'iptables',
      sources: () => [
        { cluster: undefined, from: 'https://10.0.0.1', synced: true, failing, forgone, silentMs: 3_000 },
        {
          cluster: 'member1' as ClusterName,
          from: '/objects',
          synced: true,
          failing: [],
          forgone: [],
          silentMs: undefined,
        },
      ],
      clusters: () => standings,
    },
    clock,
  );
  const meter = metricsListener(metrics, clock);
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, metrics, {
    mode: 'iptables',
    knowledge: (path) => (path === 'labels' ? { ...plain(200), body: JSON.stringify(labels) } : plain(404)),
    status: book.status,
    shares: book.shares,
    config: {},
  });
  servers.push(server);
  const tell: typeof book.listen = (event) => {
    book.listen(event);
    meter(event);
  };
  const ask = async (
    output: 'text' | 'wide' | 'name' | 'json' = 'text',
    services: readonly string[] = [],
    more = {},
  ) => {
    const io = memoryIo();
    const code = await statusCommand({ address: `127.0.0.1:${server.port}`, output, services, ...more }, io);
    return { code, text: io.written.out, complaints: io.written.err };
  };
  return { port: server.port, clock, tell, ask, metrics, failing, forgone, standings };
}

it('shows what waits, then what is in force and for whom', async () => {
  const { clock, tell, ask } = await agent();
  tell({ kind: 'waiting', for: ['https://10.0.0.1'] });
  expect(await ask()).toMatchObject({ code: 1, text: expect.stringContaining('waiting for https://10.0.0.1') });
  tell({ kind: 'ready' });
  tell({
    kind: 'synced',
    family: 'IPv4',
    sync,
    services: [served],
    durationMs: 12,
    latenciesMs: [5],
    latenciesByCluster: new Map([['member1', [5]]]),
    networkLatenciesMs: [],
  });
  clock.ms += 65_000;
  const { code, text } = await ask();
  expect(code).toBe(0);
  expect(text).toMatch(/^node n1, iptables, running for 65 s\n/);
  expect(text).toContain('IPv4  synced 65 s ago, took 12 ms');
  expect(text).toContain('shop/cart:http/TCP/IPv4  local 1, member1 1');
  expect(text).toMatch(/member1 {2}\/objects +synced {2}never heard/);
});

const synced = {
  kind: 'synced',
  family: 'IPv4',
  sync,
  services: [],
  durationMs: 1,
  latenciesMs: [],
  latenciesByCluster: new Map(),
  networkLatenciesMs: [],
} as const;

it('tells of the Services that are chosen, and only those of them that are held back count', async () => {
  const { tell, ask } = await agent();
  const held = { service: 'shop/dns:dns', message: 'refused', rule: '', refusals: 1, retryInMs: 1 };
  const other = makeIR([clusterIP('10.13.0.2', 80)], [], { id: 'ops/cart:http/TCP/IPv4' as typeof served.id });
  tell({ ...synced, services: [served, other], sync: { ...sync, quarantined: [held] } });
  expect(await ask('name')).toMatchObject({ code: 1, text: 'ops/cart\nshop/cart\nshop/dns\n' });
  const cart = await ask('text', ['shop/cart']);
  expect([cart.code, cart.text]).toEqual([0, expect.stringContaining('SERVICES (1)\n  shop/cart:http')]);
  expect(cart.text).not.toContain('held back');
  expect(await ask('name', ['cart:http'], { namespace: 'ops' })).toMatchObject({ code: 0, text: 'ops/cart\n' });
  expect(await ask('name', [], { namespace: 'ops' })).toMatchObject({ code: 0, text: 'ops/cart\n' });
  expect(await ask('name', [], { selector: 'app in (cart)' })).toMatchObject({ code: 0, text: 'shop/cart\n' });
  expect(await ask('name', [], { selector: 'a b' })).toMatchObject({ code: 2 });
  expect(await ask('text', ['shop/dns'])).toMatchObject({ code: 1, text: expect.stringContaining('held back') });
  expect(await ask('text', ['shop/gone'])).toMatchObject({
    code: 1,
    text: '',
    complaints: 'slicewright: this node serves no Service shop/gone\n',
  });
  expect(await ask('text', ['cart'])).toMatchObject({ code: 2, complaints: expect.stringContaining('--namespace') });
});

it('also says with -o wide where Services are dialled, and what is refused from outside', async () => {
  const { tell, ask } = await agent();
  const local = makeIR([clusterIP('10.13.0.1', 80)], [endpoint('10.12.0.6:80')], {
    external: { kind: 'drop', why: 'no-local-endpoints' },
  });
  tell({ ...synced, services: [local] });
  expect((await ask('wide')).text).toMatch(
    /^ {2}shop\/cart:http\/TCP\/IPv4 {2}10\.13\.0\.1:80 {2}local 1; drop from outside$/m,
  );
  expect((await ask('text')).text).toMatch(/^ {2}shop\/cart:http\/TCP\/IPv4 {2}local 1$/m);
});

it('tells what is asked for of each Service port, which top compares with what the kernel counts', async () => {
  const { port, tell } = await agent();
  expect(await askAgent(`127.0.0.1:${port}`)).toEqual({ mode: 'iptables', asked: [] });
  tell({ ...synced, services: [served] });
  expect(await askAgent(`127.0.0.1:${port}`)).toEqual({ mode: 'iptables', asked: [askedOf(served)] });
  const other = await askAgent('127.0.0.1:9', () => Promise.resolve(new Response('{"kind": "Pod"}')));
  expect(other).toBe('the program at 127.0.0.1:9 is not an agent of this version');
});

it('asks again and again with --watch, and the last answer decides', async () => {
  const { port, tell } = await agent();
  tell({ kind: 'waiting', for: ['https://10.0.0.1'] });
  const [io, clock, stop] = [memoryIo(), createTestClock(), new AbortController()];
  const place = { clock, told: stop.signal, intervalMs: 2_000 };
  const done = statusCommand({ address: `127.0.0.1:${port}`, output: 'text' }, io, place);
  await eventually(() => expect(io.written.out).toContain('waiting for'));
  tell({ kind: 'ready' });
  tell(synced);
  await clock.advance(2_000);
  await eventually(() => expect(io.written.out.split('\n\nnode n1')).toHaveLength(2));
  expect(io.written.out.split('\n\nnode n1')[1]).not.toContain('waiting for');
  stop.abort();
  expect(await done).toBe(0);
});

it('shows why the first program is held back, until it is not', async () => {
  const { tell, ask, metrics } = await agent();
  tell({ kind: 'removal-held', services: 7, why: '7 of the 9 Services that are served now go' });
  expect(await ask()).toMatchObject({
    code: 1,
    text: expect.stringContaining('no rules are written: 7 of the 9 Serv'),
  });
  expect((await metrics.heldServices.get()).values.map(({ value }) => value)).toEqual([7]);
  tell({ kind: 'removal-released' });
  // Before the first sync it is unknown whether the rules are in force.
  expect(await ask()).toMatchObject({ code: 1, text: expect.stringContaining('RULES\n  not synced yet\n') });
  tell(synced);
  expect(await ask()).toMatchObject({ code: 0, text: expect.not.stringContaining('nothing is written') });
  expect((await metrics.heldServices.get()).values.map(({ value }) => value)).toEqual([0]);
});

it.each([
  [
    'a failed sync',
    {
      kind: 'sync-failed',
      family: 'IPv4',
      depth: 'full',
      error: new Error('the lock is held\nNothing was changed.'),
      retryInMs: 1,
    } as const,
    'the last sync failed: the lock is held | Nothing was changed.',
  ],
  [
    'a Service that the kernel rejects',
    {
      ...synced,
      sync: {
        ...sync,
        quarantined: [{ service: 'shop/till', message: 'refused\u001b[2J', retryInMs: 1, refusals: 1 }],
      },
    } as const,
    'held back: shop/till: refused\\u{1b}[2J',
  ],
])('says of %s what it is, and that not all is well', async (_, event, line) => {
  const { tell, ask } = await agent();
  tell(event);
  expect(await ask()).toMatchObject({ code: 1, text: expect.stringContaining(line) });
});

it('says which kinds cannot be read', async () => {
  const { failing, ask } = await agent();
  failing.push({ kind: 'EndpointSlice', problem: '403 forbidden' });
  expect(await ask()).toMatchObject({ code: 1, text: expect.stringContaining('EndpointSlice: 403 forbidden') });
});

it('says where it asked when nobody answers', async () => {
  const io = memoryIo();
  expect(await statusCommand({ address: '127.0.0.1:1', output: 'text' }, io)).toBe(1);
  expect(io.written.err).toContain('no agent answers at 127.0.0.1:1');
});

it('says what could not be set on the node, as long as the agent runs', async () => {
  const { tell, ask } = await agent();
  const object = { kind: 'sysctl', name: 'net.netfilter.nf_conntrack_max' };
  tell({ kind: 'prepared', problems: [{ severity: 'warning', code: 'x', object, message: 'is 1' }] });
  tell({ kind: 'survey', diagnostics: [], endpoints: new Map(), slices: new Map(), withoutSlices: [] });
  expect((await ask()).text).toMatch(/PROBLEMS\n {2}warning: sysctl net\.netfilter\.nf_conntrack_max: is 1/);
});

it('gives JSON to programs', async () => {
  const { tell, ask } = await agent();
  const diagnostic: Diagnostic = {
    severity: 'warning',
    code: 'x',
    object: { kind: 'Service', name: 'a' },
    message: 'm',
  };
  tell({
    kind: 'survey',
    withoutSlices: [],
    diagnostics: [diagnostic],
    endpoints: new Map([['local', { ...none, used: 1, unready: 2 }]]),
    slices: new Map(),
  });
  tell({
    kind: 'drift',
    family: 'IPv4',
    chains: [{ where: 'nat KUBE-SERVICES', lost: ['-A x'], added: [] }],
    isFlush: false,
  });
  expect(JSON.parse((await ask('json')).text)).toMatchObject({
    problems: ['warning: Service a: m'],
    families: [{ drifts: 1, lastDrift: 'nat KUBE-SERVICES: 1 lost, 0 added' }],
  });
});

it('takes a flush and what it took for one change by others', async () => {
  const { tell, ask, metrics } = await agent();
  const chains = ['nat KUBE-SERVICES', 'filter KUBE-FORWARD'].map((where) => ({ where, lost: ['-A x'], added: [] }));
  tell({ kind: 'flushed', family: 'IPv4', missing: 'nat PREROUTING' });
  tell({ kind: 'drift', family: 'IPv4', chains, isFlush: true });
  expect((await ask()).text).toContain('changed by others 1 times, last: nat KUBE-SERVICES: 1 lost, 0 added; filter');
  expect(await metrics.registry.metrics()).toContain('slicewright_drift_total{ip_family="IPv4"} 1\n');
  tell({ kind: 'drift', family: 'IPv4', chains, isFlush: false });
  expect((await ask()).text).toContain('changed by others 2 times');
  expect(await metrics.registry.metrics()).toContain('slicewright_drift_total{ip_family="IPv4"} 2\n');
});

it('is counted: syncs, drift, what cannot be read, endpoints by cluster', async () => {
  const { tell, metrics } = await agent();
  const dropped = { ...served, internal: { kind: 'drop', why: 'no-local-endpoints' } as const };
  tell({
    kind: 'synced',
    family: 'IPv4',
    sync,
    services: [dropped],
    durationMs: 12,
    latenciesMs: [5],
    latenciesByCluster: new Map([['member1', [5]]]),
    networkLatenciesMs: [700],
  });
  tell({ kind: 'flushed', family: 'IPv4', missing: 'the hook' });
  tell({
    kind: 'source',
    cluster: undefined,
    from: 'x',
    objectKind: 'Service',
    forgone: false,
    state: { kind: 'failing', problem: 'p' },
  });
  tell({
    kind: 'survey',
    withoutSlices: [],
    diagnostics: [],
    endpoints: new Map([['member1', { ...none, used: 3, duplicate: 1 }]]),
    slices: new Map([['member1', 2]]),
  });
  const text = await metrics.registry.metrics();
  for (const line of [
    'kubeproxy_sync_proxy_rules_iptables_total{ip_family="IPv4",table="nat"} 30',
    'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
    'kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 1',
    'slicewright_transactions_total{ip_family="IPv4"} 2',
    'slicewright_drift_total{ip_family="IPv4"} 1',
    'slicewright_source_failing{source_cluster="local"} 1',
    'slicewright_endpoints{source_cluster="member1",state="used"} 3',
  ]) {
    expect(text).toContain(line);
  }
});
