import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  ended,
  ends,
  error,
  event,
  follow as followUnstopped,
  listOf,
  object,
  quiet,
  type Reflection,
  reflectFrom,
  refusal,
  tells,
} from './reflector.fixture.ts';

const running: Reflection[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const follow: typeof followUnstopped = (script, options) => {
  const reflection = followUnstopped(script, options);
  running.push(reflection);
  return reflection;
};

const kinds = ({ states }: Reflection) => states.map(({ kind }) => kind);
const problems = ({ states }: Reflection) =>
  states.flatMap((state) => (state.kind === 'failing' ? [state.problem] : []));

describe('events in the wrong order', () => {
  it('of one object never leave the older state, and a list says how things are', async () => {
    const one = follow({
      lists: [listOf('7', ['a', '5']), listOf('9', ['a', '9'])],
      watches: [tells(event('MODIFIED', 'a', '9'), event('MODIFIED', 'a', '8')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'list', 'watch 9']));
    expect(one.told).toEqual(['a=5', 'a=9', 'a=9']);
  });

  it('do not bring back what was deleted', async () => {
    const one = follow({
      lists: [listOf('7', ['a', '5']), listOf('9')],
      watches: [tells(event('DELETED', 'a', '9'), event('MODIFIED', 'a', '8')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'list', 'watch 9']));
    expect(one.told).toEqual(['a=5', 'a gone']);
  });

  it('do not take away what was made again', async () => {
    const one = follow({
      lists: [listOf('7', ['a', '5']), listOf('9', ['a', '9'])],
      watches: [tells(event('ADDED', 'a', '9'), event('DELETED', 'a', '8')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'list', 'watch 9']));
    expect(one.told).toEqual(['a=5', 'a=9', 'a=9']);
  });

  it('are told from deleting and making again in the right order, which needs no list', async () => {
    const one = follow({
      lists: [listOf('7', ['a', '5'])],
      watches: [ends(event('DELETED', 'a', '8'), event('ADDED', 'a', '9'), event('ADDED', 'a', '9')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'watch 9']));
    expect(one.told).toEqual(['a=5', 'a gone', 'a=9', 'a=9']);
  });

  it('are not suspected where versions are no numbers: they are taken as they come', async () => {
    const one = follow({
      lists: [listOf('x7', ['a', 'x5'])],
      watches: [ends(event('MODIFIED', 'a', 'x9'), event('MODIFIED', 'a', 'x8')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch x7', 'watch x8']));
    expect(one.told).toEqual(['a=5', 'a=9', 'a=8'].map((text) => text.replace('=', '=x')));
  });

  it('are compared as numbers, not as texts', async () => {
    const one = follow({
      lists: [listOf('9', ['a', '5'])],
      watches: [ends(event('MODIFIED', 'a', '10'), event('MODIFIED', 'a', '18446744073709551615')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 9', 'watch 18446744073709551615']));
  });

  it('that have no version are taken, and the place stays', async () => {
    const one = follow({
      lists: [listOf('7', ['a', '5'])],
      watches: [ends(event('MODIFIED', 'a'), event('ADDED', 'b')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'watch 7']));
    expect([...one.held]).toEqual([
      ['a', 'none'],
      ['b', 'none'],
    ]);
  });
});

describe('a server that was restored from a backup', () => {
  it('shows it by a bookmark that goes back, and its list counts although it is of a lower version', async () => {
    const one = follow({
      lists: [listOf('500', ['a', '480'], ['b', '490']), listOf('300', ['a', '200'])],
      watches: [tells(event('BOOKMARK', '', '301')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 500', 'list', 'watch 300']));
    expect([...one.held]).toEqual([['a', '200']]);
  });

  it('or by not knowing our place yet', async () => {
    const details = { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] };
    const one = follow({
      lists: [listOf('500', ['a', '480']), listOf('300', ['a', '200'])],
      watches: [refusal(504, 'Timeout: Too large resource version: 500, current: 300', { details }), quiet],
    });
    await one.clock.until(() => expect([...one.held]).toEqual([['a', '200']]));
  });

  it('or by saying nothing at all, not even in the next watch', async () => {
    const one = follow(
      { lists: [listOf('500', ['a', '480']), listOf('300', ['a', '200'])], watches: [quiet] },
      { times: { idleMs: 20 } },
    );
    await one.clock.until(() => expect([...one.held]).toEqual([['a', '200']]));
    expect(one.requests.slice(0, 4)).toEqual(['list', 'watch 500', 'watch 500', 'list']);
    expect(problems(one)[0]).toBe('the watch was silent for too long');
  });
});

describe('a watch', () => {
  it('that is quiet is not given up before its time', async () => {
    // The time for an answer is over long before anything happens.
    const one = follow({ lists: [listOf('7')], watches: [quiet] }, { times: { answerMs: 20, idleMs: 400 } });
    await one.clock.advance(399);
    expect(one.requests).toEqual(['list', 'watch 7']);
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'watch 7']));
    // The wait after a failure: three quarters of 2 ms.
    expect((one.times[2] ?? 0) - (one.times[1] ?? 0)).toBe(401.5);
  });

  it('whose place expired once is no failure: a list sets it right', async () => {
    const one = follow({
      lists: [listOf('7', ['a', '5']), listOf('9', ['a', '8'])],
      watches: [ends(error(410, 'too old resource version')), quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'list', 'watch 9']));
    expect(problems(one)).toEqual([]);
  });

  it('that ends at once each time is a failure, until one lasts', async () => {
    const fails = Array.from({ length: 5 }, () => ended);
    const one = follow(
      { lists: [listOf('7')], watches: [...fails, quiet] },
      { times: { backoff: { firstMs: 2, maxMs: 50 } } },
    );
    await one.clock.until(() => expect(kinds(one)).toContain('failing'));
    expect(problems(one)[0]).toBe('watches keep ending at once: the server closed it');
    await one.clock.until(() => expect(kinds(one).at(-1)).toBe('live'));
  });

  it('that tells of something none of us understands leads to a list', async () => {
    const one = follow({ lists: [listOf('7'), listOf('9')], watches: [tells(event('RENAMED', 'a', '8')), quiet] });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'list', 'watch 9']));
    expect(one.told).toEqual([]);
  });
});

/** Lets this many requests arrive, and compares the time that they took with the waits in between. */
async function isPaced(one: Reflection, requests: number, waits: number, firstMs: number): Promise<void> {
  await one.clock.until(() => expect(one.requests.length).toBeGreaterThanOrEqual(requests));
  const took = (one.times[requests - 1] ?? 0) - (one.times[0] ?? 0);
  // random is a half, so each wait is three quarters of the full one.
  const full = Array.from({ length: waits }, (_, i) => firstMs * 2 ** i);
  expect(took).toBe(full.reduce((sum, ms) => sum + 0.75 * ms, 0));
}

describe('a server is not hammered', () => {
  const times = { backoff: { firstMs: 8, maxMs: 60_000 } };
  const expired = error(410, 'too old resource version');

  it.each<readonly [string, Answer]>([
    ['by a storm of 410', ends(expired)],
    ['by one with an event before each 410', ends(event('MODIFIED', 'a', '8'), expired)],
    ['by one whose watches go back again and again', ends(event('MODIFIED', 'a', '9'), event('MODIFIED', 'a', '8'))],
    ['by 410 as an answer', refusal(410, 'Gone')],
  ])('%s', async (_, watch) => {
    const one = follow({ lists: [listOf('7', ['a', '5'])], watches: [watch] }, { times });
    // list, watch, wait, list, watch, wait …: six of them, each twice as long as the one before.
    await isPaced(one, 13, 6, times.backoff.firstMs);
    expect(problems(one)[0]).toContain('watches keep ending at once: ');
  });

  it('by watches that are closed at once', async () => {
    const one = follow({ lists: [listOf('7')], watches: [ended] }, { times });
    await isPaced(one, 8, 6, times.backoff.firstMs);
    expect(problems(one)[0]).toBe('watches keep ending at once: the server closed it');
  });

  it('by watches that are closed after each event; but then news is not late either', async () => {
    let version = 7;
    const one = follow(
      { lists: [listOf('7')], watches: [() => ends(event('MODIFIED', 'a', String(++version)))] },
      { times },
    );
    await one.clock.until(() => expect(one.requests.length).toBeGreaterThan(25));
    const waits = one.times.slice(2).map((at, i) => at - (one.times[i + 1] ?? 0));
    // Doubled twice and no more.
    expect(waits.slice(0, 3)).toEqual([6, 12, 24]);
    expect(new Set(waits.slice(2))).toEqual(new Set([24]));
    expect(problems(one)).toEqual([]);
  });

  it.each<readonly [string, Answer]>([
    ['a header', refusal(429, 'too many requests', { headers: { 'retry-after': '1' } })],
    ['its status', refusal(429, 'too many requests', { details: { retryAfterSeconds: 1 } })],
  ])('before the time that it names in %s', async (_, busy) => {
    const one = follow({ lists: [busy, listOf('7')], watches: [quiet] });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'list', 'watch 7']));
    expect(one.times[1]! - one.times[0]!).toBe(1_001.5);
    expect(problems(one)).toEqual(['429 too many requests']);
  });

  it('before the time that a watch names when it ends', async () => {
    const one = follow({ lists: [listOf('7')], watches: [ends(error(429, 'busy', { retryAfterSeconds: 1 })), quiet] });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'watch 7', 'watch 7']));
    expect(one.times[2]! - one.times[1]!).toBe(1_001.5);
  });
});

describe('a list', () => {
  const page = (next: string | undefined, ...names: string[]): Answer => ({
    chunks: [
      JSON.stringify({
        metadata: { resourceVersion: '7', ...(next === undefined ? {} : { continue: next }) },
        items: names.map((name) => object(name, '5')),
      }),
    ],
  });

  it('whose pages expire half-way is read in one piece', async () => {
    const one = follow({
      lists: [
        (url) => {
          if (url.searchParams.has('continue')) return refusal(410, 'The provided continue parameter is too old');
          return url.searchParams.has('limit') ? page('x', 'a') : page(undefined, 'a', 'b', 'c');
        },
      ],
      watches: [quiet],
    });
    await one.clock.until(() => expect(one.requests).toEqual(['list', 'list more', 'list whole', 'watch 7']));
    expect([...one.held.keys()]).toEqual(['a', 'b', 'c']);
    expect(problems(one)).toEqual([]);
  });

  it('that is not complete in time is given up, and says so', async () => {
    const half: Answer = { chunks: ['{"metadata":'], stays: true };
    const one = follow({ lists: [half, listOf('7')], watches: [quiet] }, { times: { answerMs: 30 } });
    await one.clock.until(() => expect(kinds(one)).toContain('live'));
    expect(problems(one)).toEqual(['no complete answer within 0.03 s']);
  });

  it('of 10,000 objects leaves the process to others after each page', async () => {
    const total = 10_000;
    const pages = (url: URL): Answer => {
      const from = Number(url.searchParams.get('continue') ?? 0);
      const to = Math.min(total, from + Number(url.searchParams.get('limit')));
      const names = Array.from({ length: to - from }, (_, i) => `o${from + i}`);
      return page(to < total ? String(to) : undefined, ...names);
    };
    const one = follow({ lists: [pages], watches: [quiet] });
    let turns = 0;
    for (; one.held.size < total; turns++) await new Promise(setImmediate);
    expect(one.requests.filter((request) => request.startsWith('list'))).toHaveLength(20);
    expect(turns).toBeGreaterThan(20);
  });
});

describe('a kind that the server does not know any more', () => {
  const missing = refusal(404, 'page not found');

  it('keeps its objects while that may be a mistake, and says so', async () => {
    const one = follow(
      {
        lists: [listOf('7', ['a', '5']), missing, missing, missing, listOf('9', ['a', '5'], ['b', '8'])],
        watches: [missing, quiet],
      },
      { optional: true },
    );
    await one.clock.until(() => expect([...one.held.keys()]).toEqual(['a', 'b']));
    expect(one.told).not.toContain('a gone');
    expect(kinds(one)).not.toContain('absent');
    expect(problems(one)[0]).toBe(
      '404 page not found: the server no longer knows the kind; the agent keeps its 1 objects for 60 s, in case that is a mistake',
    );
    expect(kinds(one).at(-1)).toBe('live');
  });

  it('loses them when it stays so', async () => {
    const one = follow(
      { lists: [listOf('7', ['a', '5']), missing], watches: [missing] },
      { optional: true, times: { holdMs: 40 } },
    );
    await one.clock.until(() => expect(kinds(one)).toContain('absent'));
    expect(one.told).toEqual(['a=5', 'a gone']);
    expect(problems(one).length).toBeGreaterThan(0);
  });

  it('counts the time anew after any other answer', async () => {
    const other = refusal(503, 'starting');
    const one = follow(
      { lists: [listOf('7', ['a', '5']), missing, missing, other], watches: [missing] },
      { optional: true, times: { holdMs: 1, backoff: { firstMs: 1, maxMs: 2 } } },
    );
    // Two in a row are enough with such a short time.
    await one.clock.until(() => expect(one.told).toContain('a gone'));
    let asked = 0;
    const alternate = () => (++asked % 2 === 0 ? other : missing);
    const calm = follow(
      { lists: [listOf('7', ['a', '5']), alternate], watches: [missing] },
      { optional: true, times: { holdMs: 60_000, backoff: { firstMs: 1, maxMs: 10_000 } } },
    );
    await calm.clock.advance(600_000);
    expect(asked).toBeGreaterThan(60);
    expect(calm.told).toEqual(['a=5']);
  });

  it('counts the time anew after a list', async () => {
    let asked = 0;
    const one = follow(
      { lists: [() => (++asked % 2 === 0 ? missing : listOf('7', ['a', '5']))], watches: [missing] },
      { optional: true, times: { holdMs: 60_000, backoff: { firstMs: 1, maxMs: 10_000 } } },
    );
    await one.clock.advance(600_000);
    expect(asked).toBeGreaterThan(60);
    expect(one.told).not.toContain('a gone');
  });

  it('is absent at once where the deletion of each object was told', async () => {
    const one = follow(
      { lists: [listOf('7', ['a', '5']), missing], watches: [ends(event('DELETED', 'a', '8')), missing] },
      { optional: true },
    );
    await one.clock.until(() => expect(kinds(one).at(-1)).toBe('absent'));
    expect(problems(one)).toEqual([]);
  });
});

/** A server with a history, which reports it in any order, more than once, cut anywhere, and forgets it. */
function unreliableServer(history: readonly (readonly [name: string, isGone: boolean])[], faults: readonly number[]) {
  const first = 100;
  const events = history.map(([name, isGone], i) => ({ name, isGone, version: first + 1 + i }));
  let used = 0;
  const next = (): number | undefined => faults[used++];
  const listed = (upTo: number): Answer => {
    const present = new Map<string, string>();
    for (const { name, isGone, version } of events.slice(0, upTo)) {
      if (isGone) present.delete(name);
      else present.set(name, String(version));
    }
    return listOf(String(first + upTo), ...present);
  };
  return {
    final: () => new Map([...(JSON.parse(listed(events.length).chunks[0] ?? '') as ListBody).items].map(asEntry)),
    answer(url: URL): Answer {
      const fault = next();
      if (!url.searchParams.has('watch')) {
        if (fault !== undefined && fault % 5 === 0) return refusal(503, 'no');
        // A list of an earlier moment: later changes are still to be reported.
        return listed(fault === undefined ? events.length : fault % (events.length + 1));
      }
      const from = Number(url.searchParams.get('resourceVersion'));
      const lines = events
        .filter(({ version }) => version > from)
        .map(({ name, isGone, version }) => event(isGone ? 'DELETED' : 'MODIFIED', name, String(version)));
      if (fault === undefined) return tells(...lines);
      if (fault % 4 === 0) return ends(error(410, 'too old'));
      const at = fault % (lines.length + 1);
      const moved = [
        ...lines.slice(0, at),
        ...lines.slice(at + 1, at + 3),
        ...lines.slice(at, at + 1),
        ...lines.slice(at + 1),
      ];
      return fault % 3 === 0 ? ends(...lines.slice(0, at)) : ends(...moved.slice(0, at + 4));
    },
  };
}

interface ListBody {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly resourceVersion: string } }[];
}

function asEntry({ metadata }: ListBody['items'][number]): [string, string] {
  return [metadata.name, metadata.resourceVersion];
}

it('whatever order, repetition, cut or loss there was, it ends with what the server holds', async () => {
  const history = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean()), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(history, fc.array(fc.nat(100), { maxLength: 8 }), async (happened, faults) => {
      const server = unreliableServer(happened, faults);
      const one = reflectFrom((url) => server.answer(url), { times: { backoff: { firstMs: 1, maxMs: 2 } } });
      try {
        await one.clock.until(() => expect(new Map(one.held)).toEqual(server.final()));
      } finally {
        await one.stop();
      }
    }),
    { numRuns: 300 },
  );
});
