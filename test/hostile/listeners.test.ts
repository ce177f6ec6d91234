import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { compareText, type ServiceKey } from '../../compiler/values/names.ts';
import type { Port } from '../../compiler/values/port.ts';
import { serveController } from '../../controller/commands/serve.ts';
import { createControllerMetrics } from '../../controller/metrics.ts';
import type { ControllerStatus } from '../../controller/status.ts';
import { eventually } from '../helpers/eventually.ts';
import { randomNumbers, runSeed } from '../helpers/numbers.ts';
import { ownAddress } from '../helpers/own-address.ts';
import { createProxyHealth } from '../../agent/serving/health.ts';
import { hostileRequest } from './requests.ts';
import { createMetrics } from '../../agent/serving/metrics.ts';
import { plain } from '../../agent/serving/listener.ts';
import { serveHealth, serveMetrics, serveScrapes } from '../../agent/serving/server.ts';
import { createServiceHealthServers } from '../../agent/serving/service-health.ts';

/** Numbers of ports are free here: a health check node port is a number that a Service names. */
const { host, port: checkPort } = ownAddress();
const seed = runSeed();
const requests = Number(process.env.FUZZ_REQUESTS ?? 2_000);
const again = `SEED=${seed} FUZZ_REQUESTS=${requests} repeats it`;
const atATime = 16;

const idle: ControllerStatus = {
  ...{ identity: 'a', isLeading: true, leader: 'a', isStarted: true, waiting: 0 },
  ...{ clusters: [], held: [], withheld: [], problems: [] },
};

const closers: (() => Promise<void>)[] = [];
const exceptions: unknown[] = [];
const note = (error: unknown): void => void exceptions.push(error);
afterEach(async () => {
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  for (const close of closers.splice(0)) await close();
});

/** Every listener that an agent or a controller has, with a path that each answers. */
async function openAll(): Promise<readonly { readonly port: number; readonly path: string }[]> {
  const metrics = createMetrics();
  const place = { host, port: 0 };
  const health = await serveHealth(place, createProxyHealth({ nowMs: () => 0 }, 30_000), metrics);
  const insight = {
    mode: 'iptables',
    status: () => ({ a: 1 }),
    shares: () => ({}),
    config: {},
    knowledge: () => plain(404),
  } as const;
  const status = await serveMetrics(place, metrics, insight);
  const scrapes = await serveScrapes(place, metrics);
  const checks = createServiceHealthServers(
    () => true,
    () => [{ host }],
  );
  const controller = await serveController({ host, port: 0 }, createControllerMetrics(), {
    status: () => idle,
    standsStillMs: () => 0,
  });
  closers.push(...[health, status, scrapes, checks, controller].map((server) => () => server.close()));
  const cart = { service: 'shop/cart' as ServiceKey, port: checkPort as Port, localEndpoints: 1 };
  expect(await checks.sync([cart])).toEqual([]);
  return [
    { port: health.port, path: '/healthz' },
    { port: status.port, path: '/slicewright/status' },
    { port: scrapes.port, path: '/metrics' },
    { port: checkPort, path: '/' },
    { port: controller.port, path: '/readyz' },
    { port: controller.port, path: '/metrics' },
  ];
}

/** Sends the bytes in one piece or two, ends as it likes, and waits for the end of the connection. */
function send(port: number, bytes: Buffer, random: () => number): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, host);
    const cut = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length;
    const end = ending(random());
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard += data.toString('latin1', 0, 200);
    });
    socket.once('close', () => resolve(heard));
    socket.once('connect', () => {
      if (cut === bytes.length) return socket.write(bytes, () => end(socket));
      return socket.write(bytes.subarray(0, cut), () => socket.write(bytes.subarray(cut), () => end(socket)));
    });
  });
}

function ending(chance: number): (socket: Socket) => unknown {
  if (chance < 0.15) return (socket) => socket.destroy();
  if (chance < 0.3) return (socket) => socket.resetAndDestroy();
  // Half-closed: the server has the last word.
  return (socket) => socket.end();
}

const openSockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heapMegabytes(): number {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

it('no listener minds what is sent to it: each answers afterwards, and nothing is left of it', async () => {
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  const random = randomNumbers(seed);
  const listeners = await openAll();
  const socketsBefore = openSockets();
  const heapBefore = heapMegabytes();
  const heard = new Map<string, number>();
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < requests && exceptions.length === 0) {
      sent++;
      const { port } = listeners[Math.floor(random() * listeners.length)] as (typeof listeners)[number];
      const answer = await send(port, hostileRequest(random), random);
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? (answer === '' ? 'nothing' : 'something else');
      heard.set(status, (heard.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atATime }, client));

  expect(exceptions, again).toEqual([]);
  for (const { port, path } of listeners) {
    expect((await fetch(`http://${host}:${port}${path}`)).status, `${path}: ${again}`).toBe(200);
  }
  await eventually(() => expect(openSockets(), again).toBe(socketsBefore));
  expect(heapMegabytes() - heapBefore, again).toBeLessThan(32);
  // What was sent is what it is meant to be: good requests, ones that are not served, and ones that are none.
  expect([...heard.keys()], again).toEqual(expect.arrayContaining(['200', '400', '404', '405', '431', 'nothing']));
  expect(heard.get('something else'), again).toBeUndefined();
  if (process.env.FUZZ_REQUESTS !== undefined) {
    const figures = {
      heapMegabytes: [heapBefore, heapMegabytes()],
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
    };
    console.log(again, Object.fromEntries([...heard].sort(([a], [b]) => compareText(a, b))), figures);
  }
}, 1_800_000);
