import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPacedClock } from '../../agent/loop/paced-clock.fixture.ts';
import { clusterSource } from '../../agent/sources/cluster.ts';
import { openCluster } from '../../agent/sources/kubeconfig.ts';
import { createFakeKernel } from '../../backends/netfilter/fake/kernel.ts';
import type { ApiDouble } from '../apiserver/double.ts';
import { cutLines, noFaults, refuse, swapLines } from '../apiserver/faults.ts';
import { eventually } from '../helpers/eventually.ts';
import { service } from '../packets/objects.ts';
import {
  cart,
  compiled,
  converges,
  differencesOf,
  failing,
  isWell,
  said,
  start,
  startCluster,
  synced,
} from './faults.fixture.ts';
import { type FieldAgent, quickReflector } from './field.ts';

// Of each fault: what is in force, what is logged, what the metric says, and that all is well when it ends.

interface Fault {
  readonly name: string;
  begin(double: ApiDouble): void;
  /** What the log says of it. */
  readonly says: RegExp;
}

/** Faults of an API server that let nothing new through. */
const blinding: readonly Fault[] = [
  {
    name: 'is away',
    begin: (double) => {
      double.faults = { beforeAnswer: (_url, response) => void response.destroy() };
      double.cutStreams();
    },
    says: /cannot be read: socket hang up/,
  },
  {
    name: 'no longer takes our token',
    begin: (double) => {
      double.tokens.clear();
      double.cutStreams();
    },
    says: /cannot be read: 401 Unauthorized/,
  },
  {
    name: 'refuses slices (RBAC)',
    begin: (double) => {
      double.faults = { forbidden: ['endpointslices'] };
      double.cutStreams();
    },
    says: /cannot be read: 403 .*endpointslices/,
  },
  {
    name: 'answers 410 to everything',
    begin: (double) => {
      double.faults = { beforeAnswer: (_url, response) => refuse(response, 410, 'too old') };
      double.cutStreams();
    },
    says: /cannot be read: .*410 too old/,
  },
  {
    name: 'is too busy for us (priority and fairness)',
    begin: (double) => {
      const header = { 'retry-after': '1' };
      double.faults = { beforeAnswer: (_url, response) => refuse(response, 429, 'too many requests', header) };
      double.cutStreams();
    },
    says: /cannot be read: 429 too many requests/,
  },
  {
    name: 'answers what is no JSON',
    begin: (double) => {
      double.faults = { beforeAnswer: (_url, response) => void response.writeHead(200).end('<html>') };
      double.cutStreams();
    },
    says: /cannot be read: .*(the answer is not JSON|no event)/,
  },
  {
    name: 'takes connections and never answers',
    begin: (double) => {
      double.faults = { beforeAnswer: () => new Promise(() => {}) };
      double.cutStreams();
    },
    says: /cannot be read: (no complete answer within|the watch was silent for too long)/,
  },
];

function isWellAgain(double: ApiDouble): void {
  double.faults = noFaults;
  double.tokens.set('secret', 'system:agent');
}

describe.each(blinding)('an API server that $name', ({ begin, says }) => {
  const reflector = { answerMs: 300 };

  it('leaves the last program in force, and news comes in when it is well again', async () => {
    const east = await startCluster();
    const kernel = createFakeKernel();
    const agent = start(east.double, kernel, { reflector });
    await converges(kernel, east);
    const before = east.objects();
    begin(east.double);
    east.put(...cart('10.12.0.7', '10.12.0.8'));
    await eventually(() => expect(said(agent)).toMatch(says));
    await eventually(async () => expect(await failing(agent)).toBeGreaterThan(0));
    expect(await synced(agent)).toBe(1);
    expect(await differencesOf(kernel, before)).toEqual([]);

    isWellAgain(east.double);
    await converges(kernel, east);
    await isWell(agent);
  });

  it('at the start leaves what an earlier agent left', async () => {
    const east = await startCluster();
    const kernel = createFakeKernel();
    const first = start(east.double, kernel);
    await converges(kernel, east);
    await first.stop();
    const before = east.objects();
    begin(east.double);
    east.put(...cart('10.12.0.7'));
    const second = start(east.double, kernel, { reflector });
    await eventually(() => expect(said(second)).toMatch(says));
    expect(said(second)).toContain('no rules are written yet');
    await eventually(async () => expect(await failing(second)).toBeGreaterThan(0));
    expect(await synced(second)).toBe(0);
    expect(await differencesOf(kernel, before)).toEqual([]);

    isWellAgain(east.double);
    await converges(kernel, east);
    await isWell(second);
    expect(await synced(second)).toBe(1);
  });
});

it('a token that expired and was renewed on disk is used without a restart', async () => {
  const east = await startCluster();
  const folder = mkdtempSync(join(tmpdir(), 'slicewright-token-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'kubeconfig');
  const cluster = { server: east.double.url, 'insecure-skip-tls-verify': true };
  const document = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { tokenFile: 'token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(path, JSON.stringify(document));
  writeFileSync(join(folder, 'token'), 'secret\n');
  const api = await openCluster({ kubeconfig: path });
  onTestFinished(api.close);
  const own = clusterSource({
    cluster: undefined,
    from: api.server,
    get: api.get,
    nodeName: 'member2-node',
    times: quickReflector,
    clock: createPacedClock(),
    random: () => 0.5,
  });
  const kernel = createFakeKernel();
  const agent = start(own, kernel);
  await converges(kernel, east);
  const before = east.objects();

  east.double.tokens.clear();
  east.double.tokens.set('renewed', 'system:agent');
  east.double.cutStreams();
  east.put(...cart('10.12.0.7'));
  await eventually(() => expect(said(agent)).toMatch(/cannot be read: 401 Unauthorized/));
  await eventually(async () => expect(await failing(agent)).toBeGreaterThan(0));
  expect(await differencesOf(kernel, before)).toEqual([]);

  writeFileSync(join(folder, 'token'), 'renewed\n');
  await converges(kernel, east);
  await isWell(agent);
});

interface Disturbance {
  readonly name: string;
  begin(double: ApiDouble): void;
  /** Begun anew with every change. */
  readonly again?: boolean;
  /** What is logged of it; `nothing`, and no metric moves. Absent: whether it shows is chance. */
  readonly says?: RegExp | 'nothing';
  readonly idleMs?: number;
}

/** Faults that news gets through, late or in another form. */
const disturbing: readonly Disturbance[] = [
  { name: 'cuts every stream', begin: (double) => double.cutStreams(), again: true, says: /cannot be read: .*aborted/ },
  {
    name: 'forgets its history again and again',
    begin: (double) => {
      double.store.compact();
      double.cutStreams();
    },
    again: true,
    says: /cannot be read: .*aborted/,
  },
  {
    name: 'cuts a stream in the middle of an event',
    begin: (double) => {
      double.faults = { onEventLine: cutLines(3) };
    },
    says: /cannot be read: .*aborted/,
  },
  {
    name: 'tells every event twice',
    begin: (double) => {
      double.faults = { onEventLine: (line, response) => void response.write(line + line) };
    },
    says: 'nothing',
  },
  {
    name: 'tells events in another order',
    begin: (double) => {
      double.faults = { onEventLine: swapLines(50) };
    },
  },
  {
    name: 'tells events slowly, a few bytes at a time',
    begin: (double) => {
      const queues = new Map<object, Promise<unknown>>();
      double.faults = {
        onEventLine: (line, response) => {
          const parts = line.match(/[^]{1,200}/g) ?? [];
          const before = queues.get(response) ?? Promise.resolve();
          const after = parts.reduce(
            (turn, part) =>
              turn.then(() => new Promise((resolve) => setTimeout(resolve, 2))).then(() => response.write(part)),
            before,
          );
          queues.set(response, after);
        },
      };
    },
    says: 'nothing',
  },
  {
    name: 'sends bookmarks all the time',
    begin: (double) => {
      double.faults = { bookmarkMs: 5 };
      double.cutStreams();
    },
    says: /cannot be read: .*aborted/,
  },
  {
    name: 'stalls: streams stay open and bring nothing',
    begin: (double) => {
      double.faults = { onEventLine: () => {}, bookmarkMs: 60_000 };
    },
    says: /cannot be read: the watch was silent for too long/,
    idleMs: 300,
  },
];

it.each(disturbing)('an API server that $name loses nothing', async ({ begin, again, says, idleMs = 60_000 }) => {
  const east = await startCluster();
  const kernel = createFakeKernel();
  // A busy machine may take long for an answer, which here is no fault.
  const patience = says === 'nothing' ? { answerMs: 60_000 } : {};
  const agent = start(east.double, kernel, { reflector: { idleMs, ...patience } });
  await converges(kernel, east);
  const states = new Set<string>();
  const note = (): void => void states.add(cartIn(compiled(east.objects()).services.IPv4));
  note();
  begin(east.double);
  for (let i = 0; i < 20; i++) {
    // One change after the other, each of which an agent may see as the last so far.
    for (const object of cart(`10.12.0.${6 + (i % 4)}`)) {
      east.put(object);
      note();
    }
    if (i % 5 === 0) {
      east.put(
        ...service(`shop-${i}`, { clusterIPs: [`10.13.0.${10 + i}`], port: 80, endpoints: [], endpointPort: 1 }),
      );
    }
    if (again === true) begin(east.double);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (says instanceof RegExp) await eventually(() => expect(said(agent)).toMatch(says));
  // Lines that were held back forever are not told any more: the next watch is a good one.
  east.double.faults = noFaults;
  await converges(kernel, east);
  await isWell(agent);
  expect(agent.of('sync-failed')).toEqual([]);
  // At each moment the rules were those of a state that there was: nothing half told, and never none.
  for (const { services } of agent.of('synced').filter(({ family }) => family === 'IPv4')) {
    expect(states).toContain(cartIn(services));
  }
  if (says === 'nothing') {
    expect(said(agent)).not.toContain('cannot be read');
    expect(agent.of('source').filter(({ state }) => state.kind === 'failing')).toEqual([]);
  }
});

function cartIn(services: readonly { readonly service: string; readonly hash: string }[]): string {
  return services.find((one) => one.service === 'test/cart')?.hash ?? 'none';
}

it('an API server that was restored from a backup is believed, also while it is silent about it', async () => {
  const east = await startCluster();
  const kernel = createFakeKernel();
  const restore = east.double.store.backUp();
  const then = east.objects();
  east.put(...cart('10.12.0.7'), ...cart('10.12.0.8'), ...cart('10.12.0.9'));
  const agent: FieldAgent = start(east.double, kernel, { reflector: { idleMs: 300 } });
  await converges(kernel, east);
  restore();
  east.double.cutStreams();
  expect(east.objects()).toEqual(then);
  await eventually(() => expect(said(agent)).toMatch(/cannot be read: the watch was silent for too long/));
  await eventually(async () => expect(await differencesOf(kernel, then)).toEqual([]));
  east.put(...cart('10.12.0.8'));
  await converges(kernel, east);
});

it('an API server that answers 410 to every watch is asked seldom, and what it lists is in force', async () => {
  const east = await startCluster();
  const kernel = createFakeKernel();
  const agent = start(east.double, kernel, { reflector: { backoff: { firstMs: 10, maxMs: 60_000 } } });
  await converges(kernel, east);
  east.double.faults = {
    beforeAnswer: (url, response) => {
      if (url.searchParams.has('watch')) refuse(response, 410, 'too old resource version');
    },
  };
  east.double.cutStreams();
  const from = east.double.requests.length;
  const startMs = performance.now();
  east.put(...cart('10.12.0.7'));
  await converges(kernel, east);
  await eventually(() => expect(said(agent)).toMatch(/watches keep ending at once: 410 too old/));
  expect(await failing(agent)).toBeGreaterThan(0);
  // Each wait is twice the one before: the number of lists grows with the logarithm of time.
  const lists = east.double.requests.slice(from).filter((request) => request.includes('/services?limit')).length;
  expect(lists).toBeLessThanOrEqual(2 + Math.log2((performance.now() - startMs) / 5));

  east.double.faults = noFaults;
  east.put(...cart('10.12.0.8'));
  await converges(kernel, east);
});
