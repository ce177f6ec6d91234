import { afterEach, beforeEach, expect, it } from 'vitest';
import { cartOf, nodeOf } from '../../agent/commands/commands.fixture.ts';
import { type TopOptions, topCommand } from '../../agent/commands/top.ts';
import { createTestClock } from '../../agent/loop/clock.fixture.ts';
import type { Io } from '../../agent/terminal/io.ts';
import { memoryIo } from '../../agent/terminal/memory-io.fixture.ts';
import { register } from '../../backends/index.ts';
import { createToyNode, here } from './bench.fixture.ts';
import { toyEntry } from './index.ts';
import { createToyKernel, type ToyKernel } from './kernel.ts';

/* `top` with a backend that was registered with one line, and that no line in agent/ knows. */

let kernel: ToyKernel;
let unregister: () => void;
beforeEach(async () => {
  kernel = createToyKernel();
  unregister = register(toyEntry(kernel));
  await createToyNode().apply(manifests);
});
afterEach(() => unregister());

const manifests = `${nodeOf('192.0.2.1')}---${cartOf('10.1.0.5', '10.1.0.6')}`;
const lineTo = (endpoint: string) =>
  `send shop/cart:http clusterIP TCP 10.96.0.10 80 any all no no 1/2 ${endpoint} 8080`;

function count(first: number, second: number): void {
  kernel.connections.set(lineTo('10.1.0.5'), first).set(lineTo('10.1.0.6'), second);
}

function start(options: Partial<TopOptions> = {}, more: Partial<Io> = {}, targets: readonly string[] = []) {
  const clock = createTestClock();
  const io = { ...memoryIo(manifests), ...more };
  const stop = new AbortController();
  const done = topCommand(
    targets,
    {
      ...{ filename: ['-'], backend: 'toy', address: '127.0.0.1:1', by: 'endpoint', sort: 'rate', intervalMs: 2_000 },
      ...{ output: 'text', diagnostics: 'human', ...options },
    },
    io,
    { run: createToyNode().others.run, host: here, clock, told: stop.signal },
  );
  return { clock, io, stop, done };
}

it('shows what was counted until now with --once', async () => {
  count(30, 10);
  const { io, done } = start({ once: true });
  expect(await done).toBe(0);
  expect(io.written.out).toBe(
    `SERVICE                  CLUSTER  ENDPOINT       CONNECTIONS   SHARE  ASKED
shop/cart:http/TCP/IPv4  local    10.1.0.5:8080           30  75.0 %   50 %
shop/cart:http/TCP/IPv4  local    10.1.0.6:8080           10  25.0 %   50 %
`,
  );
});

it('writes lines look by look where nobody sits at a terminal, marks what chance does not explain, and ends when told to', async () => {
  count(30, 10);
  const { clock, io, stop, done } = start();
  await clock.until(() => expect(io.written.out).toContain('10.1.0.6'));
  count(130, 310);
  await clock.advance(2_000);
  const [, second = ''] = io.written.out.split('\n\ntraffic,');
  expect(second).toMatch(
    /10\.1\.0\.6:8080 +150\.0 +310 +75\.0 % +50 % +! share differs\n.*10\.1\.0\.5:8080 +50\.0 +130/,
  );
  stop.abort();
  expect(await done).toBe(0);
  expect(io.written.out).not.toContain('\u001b');
});

it('says that a counter began anew', async () => {
  count(30, 10);
  const { clock, io, stop, done } = start({ by: 'service' });
  await clock.until(() => expect(io.written.out).toContain('shop/cart'));
  count(2, 10);
  await clock.advance(2_000);
  expect(io.written.out).toMatch(/shop\/cart:http\/TCP\/IPv4 +1\.0 +12 +counted anew\n$/);
  stop.abort();
  await done;
});

it('ends when whoever read its lines has gone', async () => {
  const { done } = start({}, { isGone: () => true });
  expect(await done).toBe(0);
});

it('goes on where a look fails after the first, and says so', async () => {
  const { clock, io, stop, done } = start();
  await clock.until(() => expect(io.written.out).toContain('shop/cart'));
  kernel.isAbsent = true;
  await clock.advance(2_000);
  expect(io.written.out).toContain('note: not read: this machine has no toy kernel');
  kernel.isAbsent = false;
  await clock.advance(2_000);
  expect(io.written.out.split('\n\ntraffic,').at(-1)).not.toContain('not read');
  stop.abort();
  expect(await done).toBe(0);
});

it('is a document for programs, over one interval', async () => {
  count(30, 10);
  const { clock, io, done } = start({ output: 'json' });
  await clock.until(() => expect(clock.timers()).toHaveLength(1));
  count(34, 12);
  await clock.advance(2_000);
  expect(await done).toBe(0);
  const document = JSON.parse(io.written.out);
  expect(Object.keys(document)).toEqual(['apiVersion', 'kind', 'sources', 'notes', 'seconds', 'services']);
  expect(document).toMatchObject({
    ...{ kind: 'Traffic', sources: ['the toy kernel'], seconds: 2 },
    services: [
      {
        ...{ id: 'shop/cart:http/TCP/IPv4', servicePort: 'shop/cart:http', connections: 46, packets: null },
        perSecond: { connections: 3 },
        clusters: [{ cluster: 'local', share: { measured: 1, asked: [{ numerator: '1', denominator: '1' }] } }],
      },
    ],
  });
});

it('shows those Services alone that are asked for', async () => {
  for (const [targets, options, isShown] of [
    [['shop/cart'], {}, true],
    [['shop/cart:http'], {}, true],
    [['cart'], { namespace: 'shop' }, true],
    [['shop/till'], {}, false],
    [[], { namespace: 'other' }, false],
  ] as const) {
    const { io, done } = start({ once: true, ...options }, {}, targets);
    expect(await done).toBe(0);
    expect(io.written.out.includes('shop/cart')).toBe(isShown);
  }
  const { io, done } = start({ once: true, backend: 'toy', selector: 'app=cart' });
  expect(await done).toBe(0);
  expect(io.written.out).not.toContain('shop/cart');
});

it('without objects it finds whatever counts here, by its own names', async () => {
  count(30, 10);
  const io = memoryIo();
  const place = {
    run: createToyNode().others.run,
    host: here,
    clock: createTestClock(),
    told: new AbortController().signal,
  };
  const options = {
    by: 'endpoint',
    sort: 'rate',
    intervalMs: 2_000,
    once: true,
    output: 'text',
    diagnostics: 'human',
  } as const;
  expect(await topCommand([], { address: '127.0.0.1:1', ...options }, io, place)).toBe(0);
  expect(io.written.out).toMatch(/shop\/cart:http\/TCP\/IPv4 +- +10\.1\.0\.5:8080 +30/);
  expect(await topCommand([], { address: '127.0.0.1:1', ...options, selector: 'a=b' }, io, place)).toBe(2);
  kernel.tables.clear();
  expect(await topCommand([], { address: '127.0.0.1:1', ...options }, io, place)).toBe(1);
  expect(io.written.err).toContain('found no rules for Services on this node');
});
