import { expect, it } from 'vitest';
import { createTestClock } from '../loop/clock.fixture.ts';
import type { Log } from '../telling/log.ts';
import { keepServing } from './keep-serving.ts';
import type { RunningServer } from './listener.ts';

const bind = { host: '127.0.0.1', port: 10256 };
const server: RunningServer = { port: 10256, close: () => Promise.resolve() };

/** A server whose port is taken this many times. */
function start(taken: number) {
  const clock = createTestClock();
  const stop = new AbortController();
  const said: string[] = [];
  const say = (_: object, message: string): void => void said.push(message);
  const log: Log = { debug: say, info: say, warn: say, error: say };
  let tries = 0;
  const open = () => (++tries > taken ? Promise.resolve(server) : Promise.reject(new Error('EADDRINUSE')));
  const opened = keepServing('health', bind, open, { clock, log }, stop.signal);
  return { clock, stop, said, tries: () => tries, opened };
}

it('a port that is taken is tried again every five seconds, and said once', async () => {
  const { clock, said, tries, opened } = start(3);
  await clock.advance(14_999);
  expect([tries(), said]).toEqual([3, ['cannot listen: EADDRINUSE']]);
  await clock.advance(1);
  expect(await opened).toBe(server);
  expect([tries(), said]).toEqual([4, ['cannot listen: EADDRINUSE', 'listening']]);
});

it('one that never opens ends when told to', async () => {
  const { clock, stop, opened } = start(Number.POSITIVE_INFINITY);
  await clock.advance(60_000);
  stop.abort();
  expect([await opened, clock.timers()]).toEqual([undefined, []]);
});
