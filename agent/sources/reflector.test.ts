import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestClock } from '../loop/clock.fixture.ts';
import { openApi } from './api.ts';
import { backoffMs } from './backoff.ts';
import { linesOf } from './json-lines.ts';
import { reflect } from './reflector.ts';
import type { ReflectorState, ReflectorTimes } from './reflector-options.ts';
import { eventually } from '../../test/helpers/eventually.ts';

const hourMs = 3_600_000;
/** A server answers at any time: only the waits between two requests end while a test looks on. */
const times: ReflectorTimes = {
  backoff: { firstMs: 5, maxMs: 40 },
  answerMs: hourMs,
  idleMs: hourMs,
  watchSeconds: 1,
  absentMs: 30,
  holdMs: 60_000,
};

const object = (name: string, version: number) => ({ metadata: { name, resourceVersion: String(version) } });
const event = (type: string, of: unknown) => `${JSON.stringify({ type, object: of })}\n`;
const status = (code: number, message: string) => ({ kind: 'Status', code, message });

type Answer = (response: ServerResponse, url: URL, request: IncomingMessage) => void;
const listOf =
  (version: number, ...names: string[]): Answer =>
  (response) =>
    response.end(
      JSON.stringify({ metadata: { resourceVersion: String(version) }, items: names.map((name) => object(name, 1)) }),
    );
const stays: Answer = (response) => response.write('');

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that answers lists and watches by turns from two scripts, repeating the last of each. */
async function follow(
  script: { readonly lists: Answer[]; readonly watches: Answer[] },
  optional = false,
  forgoable = false,
) {
  const requests: string[] = [];
  const turn = { list: 0, watch: 0 };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    requests.push(
      `${url.searchParams.has('watch') ? 'watch' : 'list'} ${url.searchParams.get('resourceVersion') ?? ''}`.trim(),
    );
    const kind = url.searchParams.has('watch') ? 'watch' : 'list';
    const answers = kind === 'watch' ? script.watches : script.lists;
    answers[Math.min(turn[kind]++, answers.length - 1)]?.(response, url, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  config.loadFromClusterAndUser(
    { name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'u', token: 'secret' },
  );
  const api = openApi(config);
  const clock = createTestClock();
  const stop = new AbortController();
  const held = new Map<string, string>();
  const states: ReflectorState[] = [];
  const counts = { heard: 0 };
  const done = reflect(
    {
      get: api.get,
      path: '/api/v1/services',
      optional,
      forgoable,
      onHeard: () => void (counts.heard += 1),
      project: (raw) => {
        const { name, resourceVersion } = (raw as ReturnType<typeof object>).metadata;
        return { key: name, value: resourceVersion };
      },
      onReplace: (objects) => {
        held.clear();
        for (const [key, value] of objects) held.set(key, value);
      },
      onChange: (key, value) => void (value === undefined ? held.delete(key) : held.set(key, value)),
      onState: (state) => states.push(state),
      times,
      clock,
      random: () => 0.5,
    },
    stop.signal,
  );
  closers.push(() => {
    stop.abort();
    api.close();
    server.closeAllConnections();
    server.close();
  });
  /** Lets a second pass before each look, until the expected state is reached. */
  const inTime = (check: () => void): Promise<void> =>
    eventually(async () => {
      await clock.advance(1_000);
      check();
    });
  return { clock, held, states, counts, requests, inTime, stop: () => stop.abort(), done };
}

describe('a reflector', () => {
  it('lists page by page, then follows events from there', async () => {
    const pages: Answer = (response, url) => {
      const second = url.searchParams.get('continue') === 'more';
      const metadata = second ? { resourceVersion: '7' } : { resourceVersion: '7', continue: 'more' };
      response.end(JSON.stringify({ metadata, items: [object(second ? 'b' : 'a', 1)] }));
    };
    const events: Answer = (response) => {
      response.write(event('ADDED', object('c', 8)) + event('MODIFIED', object('a', 9)));
      const last = event('DELETED', object('b', 10));
      response.write(last.slice(0, 20), () => response.write(last.slice(20)));
    };
    const { held, requests } = await follow({ lists: [pages], watches: [events] });
    await eventually(() =>
      expect([...held]).toEqual([
        ['a', '9'],
        ['c', '8'],
      ]),
    );
    expect(requests.slice(0, 3)).toEqual(['list', 'list', 'watch 7']);
  });

  it('goes on from the last event or bookmark when the server closes the watch', async () => {
    const { requests, inTime } = await follow({
      lists: [listOf(7, 'a')],
      watches: [
        (response) => response.end(event('MODIFIED', object('a', 8)) + event('BOOKMARK', object('', 12))),
        stays,
      ],
    });
    await inTime(() => expect(requests).toEqual(['list', 'watch 7', 'watch 12']));
  });

  it.each<[string, Answer]>([
    [
      'an expired place, as an event',
      (response) => response.end(event('ERROR', status(410, 'too old resource version'))),
    ],
    ['an expired place, as an answer', (response) => response.writeHead(410).end(JSON.stringify(status(410, 'gone')))],
    ['a line that is no JSON', (response) => response.write('{"type":"ADDED","obj\n')],
  ])('lists again after %s', async (_, broken) => {
    const { held, requests, inTime } = await follow({
      lists: [listOf(7, 'a', 'b'), listOf(9, 'b', 'c')],
      watches: [broken, stays],
    });
    await inTime(() => expect([...held.keys()]).toEqual(['b', 'c']));
    await inTime(() => expect(requests).toEqual(['list', 'watch 7', 'list', 'watch 9']));
  });

  it('holds what it has while the server refuses, and says why', async () => {
    const { held, states, inTime } = await follow({
      lists: [
        listOf(7, 'a'),
        (response) => response.writeHead(403).end(JSON.stringify(status(403, 'forbidden: services'))),
      ],
      watches: [(response) => response.end(event('ERROR', status(410, 'too old')))],
    });
    await inTime(() => expect(states.at(-1)).toEqual({ kind: 'failing', problem: '403 forbidden: services' }));
    expect([...held.keys()]).toEqual(['a']);
  });

  it('asks seldom for what nothing depends on and RBAC does not allow', async () => {
    const { clock, requests, states } = await follow(
      {
        lists: [(response) => response.writeHead(403).end(JSON.stringify(status(403, 'forbidden: leases')))],
        watches: [stays],
      },
      true,
      true,
    );
    for (let asked = 1; asked < 5; asked++) {
      await eventually(() => expect([requests.length, clock.timers()]).toEqual([asked, [times.absentMs]]));
      await clock.advance(times.absentMs);
    }
    expect(new Set(states.map(({ kind }) => kind))).toEqual(new Set(['starting', 'failing']));
  });

  it('is heard with each list, event and bookmark, and not by a stream that brings nothing', async () => {
    const { clock, counts, requests, inTime } = await follow({
      lists: [listOf(7, 'a')],
      watches: [
        (response) => response.end(event('MODIFIED', object('a', 8)) + event('BOOKMARK', object('', 12))),
        stays,
      ],
    });
    await inTime(() => expect(requests.at(-1)).toBe('watch 12'));
    await clock.advance(hourMs);
    await inTime(() => expect(requests.filter((request) => request === 'watch 12').length).toBeGreaterThan(1));
    expect(counts.heard).toBe(3);
  });

  it('drops a half-read list: pages whose place expired replace nothing', async () => {
    const half: Answer = (response, url) =>
      url.searchParams.has('continue')
        ? response.writeHead(410).end(JSON.stringify(status(410, 'continue expired')))
        : response.end(
            JSON.stringify({ metadata: { resourceVersion: '7', continue: 'x' }, items: [object('half', 1)] }),
          );
    const { held, inTime } = await follow({ lists: [half, half, listOf(9, 'whole')], watches: [stays] });
    await inTime(() => expect([...held.keys()]).toEqual(['whole']));
  });

  it('drops a watch that brings nothing, and goes on from its place', async () => {
    const { clock, requests, states, inTime } = await follow({ lists: [listOf(7, 'a')], watches: [stays] });
    // Listed, and then the watch is open.
    await eventually(() => expect(states.slice(1)).toEqual([{ kind: 'live' }, { kind: 'live' }]));
    await clock.advance(hourMs);
    await inTime(() => expect(requests).toEqual(['list', 'watch 7', 'watch 7']));
    expect(states).toContainEqual({ kind: 'failing', problem: 'the watch was silent for too long' });
  });

  it('takes 404 for no objects only where the kind is optional', async () => {
    const missing: Answer = (response) => response.writeHead(404).end(JSON.stringify(status(404, 'no such page')));
    const optional = await follow({ lists: [missing, listOf(7, 'a')], watches: [stays] }, true);
    await optional.inTime(() => expect([...optional.held.keys()]).toEqual(['a']));
    expect(optional.states[1]).toEqual({ kind: 'absent' });
    const required = await follow({ lists: [missing], watches: [stays] });
    await required.inTime(() =>
      expect(required.states.at(-1)).toEqual({ kind: 'failing', problem: '404 no such page' }),
    );
  });

  it('sends its token, and ends when told to', async () => {
    let token: string | undefined;
    const { stop, done } = await follow({
      lists: [
        (response, url, request) => {
          token = request.headers.authorization;
          listOf(7)(response, url, request);
        },
      ],
      watches: [stays],
    });
    await eventually(() => expect(token).toBe('Bearer secret'));
    stop();
    await done;
  });
});

describe('waits', () => {
  it('grow to a limit and keep half to chance', () => {
    const times = { firstMs: 200, maxMs: 5_000 };
    expect([1, 2, 3, 10, 1000].map((failures) => backoffMs(failures, times, 0))).toEqual([100, 200, 400, 2500, 2500]);
    expect(backoffMs(1, times, 0.999)).toBeLessThan(200);
  });
});

describe('lines of a stream', () => {
  it('are the same however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string().map((s) => s.replaceAll('\n', '')),
          { maxLength: 6 },
        ),
        fc.array(fc.nat(40)),
        async (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length])].sort(
            (a, b) => a - b,
          );
          async function* chunks() {
            for (let i = 1; i < places.length; i++) yield bytes.subarray(places[i - 1], places[i]);
          }
          const got: string[] = [];
          for await (const line of linesOf(chunks(), 1000)) got.push(line);
          expect(got).toEqual(lines);
        },
      ),
      { numRuns: 50 },
    );
  });
  it('that never end are refused', async () => {
    async function* endless() {
      for (;;) yield Buffer.from('x'.repeat(100));
    }
    await expect(async () => {
      for await (const _ of linesOf(endless(), 1000)) throw new Error('there is no line');
    }).rejects.toThrow('a line of more than 1000 characters');
  });
});
