import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/helpers/eventually.ts';
import { createChangeReader } from '../../compiler/change.ts';
import { defaultSettings } from '../../compiler/settings.ts';
import { service } from '../../test/helpers/kubernetes.ts';
import { told } from '../../test/helpers/told.ts';
import { createPacedClock } from '../loop/paced-clock.fixture.ts';
import { openApi } from './api.ts';
import { createSourceBoard } from './board.ts';
import { createQuota, defaultSourceLimits, parseSourceLimits } from './quota.ts';
import { reflect } from './reflector.ts';
import type { ReflectorState, ReflectorTimes } from './reflector-options.ts';
import { type Answer, event, listOf, object, quick, quiet, reflectFrom, tells } from './reflector.fixture.ts';
import type { Source } from './source.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server whose answers depend on how often lists and watches were asked for. */
function follow(
  server: { readonly list: (n: number, url: URL) => Answer; readonly watch: (n: number) => Answer },
  options: Parameters<typeof reflectFrom>[1] = {},
) {
  const turn = { list: 0, watch: 0 };
  const reflection = reflectFrom(
    (url) => (url.searchParams.has('watch') ? server.watch(turn.watch++) : server.list(turn.list++, url)),
    options,
  );
  closers.push(() => reflection.stop());
  return reflection;
}

/** Lets time pass with each look. */
function inTime({ clock }: ReturnType<typeof follow>, check: () => void): Promise<void> {
  return eventually(async () => {
    await clock.advance(20);
    check();
  });
}

/** A page of this many objects, with another one after it. */
function page(names: Iterable<string>): Answer {
  const items = Array.from(names, (name) => object(name, '1'));
  return { chunks: [JSON.stringify({ metadata: { resourceVersion: '9', continue: 'more' }, items })] };
}

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => `s${from + i}`);
const last = (states: readonly ReflectorState[]) => states.at(-1);
const over = (what: string) => ({
  kind: 'failing',
  overLimit: true,
  problem: expect.stringMatching(
    new RegExp(`^the (source|list) has more than \\d+ ${what}; the agent reads nothing more`),
  ),
});
const gone: Answer = { status: 410, chunks: ['{"kind":"Status","code":410,"message":"too old"}'] };

describe('a list that does not end', () => {
  it('is given up when there are more objects than a source may have; what was listed before stands', async () => {
    const one = follow(
      {
        list: (n) => (n === 0 ? listOf('7', ['a', '1'], ['b', '2']) : page(numbers(n * 100, 100))),
        watch: () => gone,
      },
      { limits: { objects: 1_000 }, times: { absentMs: 600_000 } },
    );
    await inTime(one, () => expect(last(one.states)).toEqual(over('objects')));
    expect([...one.held.keys()]).toEqual(['a', 'b']);
    expect(one.requests.length).toBeLessThan(40);
  });

  it('of the same objects again and again ends with its pages', async () => {
    const one = follow({ list: () => page(['a']), watch: () => quiet }, { limits: { pages: 20 } });
    await eventually(() => expect(last(one.states)).toEqual(over('pages')));
    await one.stop();
    expect(one.requests.length % 20).toBe(0);
  });

  it('counts only once what comes twice, and what is within the limits is taken', async () => {
    const one = follow(
      { list: (n) => (n < 9 ? page(numbers(0, 100)) : listOf('7', ['a', '1'])), watch: () => quiet },
      { limits: { objects: 101 } },
    );
    await eventually(() => expect(last(one.states)).toEqual({ kind: 'live' }));
    expect(one.held.size).toBe(101);
  });

  it.each<[string, Answer]>([
    [
      'endpoints',
      {
        chunks: [
          JSON.stringify({
            metadata: { resourceVersion: '7' },
            items: [{ ...object('a', '1'), endpoints: numbers(0, 101) }],
          }),
        ],
      },
    ],
    [
      'bytes',
      {
        chunks: [
          JSON.stringify({
            metadata: { resourceVersion: '7' },
            items: [{ ...object('a', '1'), spec: 'x'.repeat(5_000) }],
          }),
        ],
      },
    ],
  ])('or has too many %s, is not taken', async (what, answer) => {
    const one = follow({ list: () => answer, watch: () => quiet }, { limits: { endpoints: 100, bytes: 5_000 } });
    await eventually(() => expect(last(one.states)).toEqual(over(what)));
    expect(one.held.size).toBe(0);
  });
});

describe('a watch that tells of ever more objects', () => {
  function* endless() {
    for (let i = 0; ; i++) yield event('ADDED', `s${i}`, String(100 + i));
  }

  it('is given up, and what it told before stands, until a list says that there is less', async () => {
    let isHostile = true;
    const one = follow(
      {
        list: () => listOf('7', ['a', '1']),
        watch: () =>
          isHostile ? tells(...numbers(0, 60).map((name, i) => event('ADDED', name, String(100 + i)))) : quiet,
      },
      { limits: { objects: 50 }, times: { absentMs: 100 } },
    );
    await inTime(one, () => expect(one.states).toContainEqual(over('objects')));
    expect(one.held.size).toBe(50);
    isHostile = false;
    await inTime(one, () => expect([[...one.held.keys()], last(one.states)]).toEqual([['a'], { kind: 'live' }]));
  });

  it('may go on as long as it takes away what it adds', async () => {
    const lines = numbers(0, 500).flatMap((name, i) => [
      event('ADDED', name, String(100 + 2 * i)),
      event('DELETED', name, String(101 + 2 * i)),
    ]);
    const one = follow(
      { list: () => listOf('7', ['a', '1']), watch: () => tells(...lines) },
      { limits: { objects: 2 } },
    );
    await eventually(() => expect(one.told.at(-1)).toBe('s499 gone'));
    expect(last(one.states)).toEqual({ kind: 'live' });
  });

  it('is read no faster than its changes are taken', async () => {
    const source: Source = { cluster: undefined, from: 'x', run: () => Promise.resolve() };
    const board = createSourceBoard([source], createChangeReader({ settings: defaultSettings }), createPacedClock(), 0);
    const sink = board.sinkOf(source);
    const one = follow(
      { list: () => listOf('7'), watch: () => ({ chunks: [], endless }) },
      {
        pace: (bytes) => {
          sink.change(told(service('a')));
          return sink.pace(bytes);
        },
      },
    );
    const waiting = () => one.told.length;
    await eventually(() => expect(waiting()).toBeGreaterThan(20_000));
    const before = waiting();
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(waiting()).toBe(before);
    expect(board.takeChanges()).toHaveLength(before);
    await eventually(() => expect(waiting()).toBeGreaterThan(before + 20_000));
    // Stopping does not wait until there is room.
    await one.stop();
  });
});

describe('a server that is slow on purpose', () => {
  const times: ReflectorTimes = { ...quick, backoff: { firstMs: 5, maxMs: 40 }, answerMs: 100, idleMs: 100 };

  /** The states of a reflector on this server. */
  function reflectOn(url: string) {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u', token: 'secret' });
    const api = openApi(config);
    const states: ReflectorState[] = [];
    const stop = new AbortController();
    const done = reflect<string>(
      {
        get: api.get,
        path: '/api/v1/services',
        optional: false,
        project: (raw) => ({ key: (raw as ReturnType<typeof object>).metadata.name, value: '' }),
        onReplace: () => {},
        onChange: () => {},
        onState: (state) => states.push(state),
        times,
        clock: createPacedClock(),
        random: Math.random,
      },
      stop.signal,
    );
    closers.push(async () => {
      stop.abort();
      await done;
      api.close();
    });
    return states;
  }

  async function listen(server: Server): Promise<string> {
    const sockets = new Set<{ destroy(): void }>();
    server.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function answering(list: (response: ServerResponse) => void, watch: (response: ServerResponse) => void) {
    const server = createHttpServer((request, response) =>
      new URL(request.url ?? '/', 'http://x').searchParams.has('watch') ? watch(response) : list(response),
    );
    return reflectOn(`http://${await listen(server)}`);
  }

  /** Sends a byte now and then, more often than any timeout. */
  function drip(response: ServerResponse, text: string): void {
    let i = 0;
    const timer = setInterval(() => response.write(text[i++ % text.length]), 10);
    response.on('close', () => clearInterval(timer));
  }

  const failing = (problem: RegExp) => ({ kind: 'failing', problem: expect.stringMatching(problem) });
  const empty = JSON.stringify({ metadata: { resourceVersion: '7' }, items: [] });

  it('with each byte of a list ends by time', async () => {
    const states = await answering(
      (response) => drip(response, ' '),
      () => {},
    );
    await eventually(() => expect(states).toContainEqual(failing(/no complete answer within 0\.1 s/)));
  });

  it('with each page of a list that has no last one ends by time', async () => {
    const slow = reflectFrom(
      async () => {
        await Promise.resolve();
        await slow.clock.advance(900);
        return page(['a']);
      },
      { times: { answerMs: 1_000 } },
    );
    closers.push(() => slow.stop());
    await eventually(() => expect(slow.states).toContainEqual(failing(/no complete list within 20 s/)));
  });

  it('with each byte of a line that never ends is no living watch', async () => {
    const states = await answering(
      (response) => response.end(empty),
      (response) => {
        response.writeHead(200);
        drip(response, 'x');
      },
    );
    await eventually(() => expect(states).toContainEqual(failing(/the watch was silent for too long/)));
  });

  it('with each header ends by time', async () => {
    const server = createTcpServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x: y\r\n'), 10);
      socket.on('close', () => clearInterval(timer)).on('error', () => {});
    });
    const states = reflectOn(`http://${await listen(server)}`);
    await eventually(() => expect(states).toContainEqual(failing(/no complete answer within 0\.1 s/)));
  });

  it.each(['http', 'https'])('and takes connections without a word, over %s, ends by time', async (scheme) => {
    const server = createTcpServer((socket) => void socket.on('error', () => {}));
    const states = reflectOn(`${scheme}://${await listen(server)}`);
    await eventually(() => expect(states).toContainEqual(failing(/no complete answer within 0\.1 s/)));
  });
});

describe('the limits of a source', () => {
  it('are of all its kinds together', () => {
    const quota = createQuota({ objects: 10, endpoints: 100, bytes: 1_000, pages: 1 });
    const [services, slices] = [quota('Service'), quota('EndpointSlice')];
    services.hold({ objects: 6, endpoints: 0, bytes: 100 });
    expect(slices.excess({ objects: 4, endpoints: 100, bytes: 900 })).toBeUndefined();
    expect(slices.excess({ objects: 5, endpoints: 100, bytes: 900 })).toContain('more than 10 objects');
    expect(slices.excess({ objects: 4, endpoints: 101, bytes: 900 })).toContain('more than 100 endpoints');
    expect(slices.excess({ objects: 4, endpoints: 100, bytes: 901 })).toContain('more than 1000 bytes');
    // A list in progress counts for the other kinds, until it is given up.
    expect(slices.claim({ objects: 4, endpoints: 100, bytes: 900 })).toBeUndefined();
    expect(services.excess({ objects: 7, endpoints: 0, bytes: 100 })).toContain('more than 10 objects');
    slices.release();
    expect(services.excess({ objects: 7, endpoints: 0, bytes: 100 })).toBeUndefined();
    // What the kind holds already is replaced, so it does not count.
    expect(services.excess({ objects: 10, endpoints: 0, bytes: 0 })).toBeUndefined();
  });

  it.each([
    ['objects=5', { ...defaultSourceLimits, objects: 5 }],
    ['bytes=1073741824, pages=7', { ...defaultSourceLimits, bytes: 1_073_741_824, pages: 7 }],
    ['objects=0', undefined],
    ['objects', undefined],
    ['things=5', undefined],
    ['constructor=5', undefined],
    ['objects=5;pages=1', undefined],
    ['', undefined],
  ])('are read from %j', (text, limits) => expect(parseSourceLimits(text)).toEqual(limits));
});
