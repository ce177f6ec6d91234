import { once } from 'node:events';
import { connect, Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectionsUpTo } from './connections.ts';
import { type Answering, type ListenerLimits, listenerLimits, openListener, plain } from './listener.ts';
import { pathOfTarget } from './request-target.ts';

const host = '127.0.0.1';
const ok: Answering = () => plain(200);
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0)) await close();
});

async function open(answering: Answering, limits: Partial<ListenerLimits> = {}): Promise<number> {
  const all = { ...listenerLimits, ...limits };
  const server = await openListener({ host, port: 0 }, answering, { methods: ['GET', 'HEAD'], limits: all });
  closers.push(() => server.close());
  return server.port;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, host).on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** All that the server sends until it closes the connection. */
async function hear(socket: Socket): Promise<string> {
  let heard = '';
  socket.on('data', (data) => {
    heard += data.toString();
  });
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return heard;
}

async function ask(port: number, text: string): Promise<string> {
  const socket = await dial(port);
  socket.write(text);
  return hear(socket);
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]);
const request = (line: string): string => `${line} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe('what a listener answers', () => {
  const answering: Answering = (path) => {
    if (path === '/throws') throw new Error('on purpose');
    if (path === '/rejects') return Promise.reject(new Error('on purpose'));
    if (path === '/unsendable') return { status: 200, headers: { 'no header': '\n' }, body: '' };
    return plain(path === '/' ? 200 : 404);
  };

  it.each([
    ['GET /', 200],
    ['GET /?x=%zz#y', 200],
    ['GET http://node:10249/?x', 200],
    ['HEAD /', 200],
    ['GET //', 404],
    ['GET /%zz', 404],
    ['GET http://[::/', 200],
    ['GET http://[::', 400],
    ['OPTIONS *', 405],
    ['GET *', 400],
    ['POST /', 405],
    ['CONNECT a:80', 405],
    ['GET /throws', 500],
    ['GET /rejects', 500],
    ['GET / x', 400],
    ['G\0T /', 400],
    ['PRI *', 400],
  ])('%s: %i, and the connection ends', async (line, status) => {
    const port = await open(answering);
    expect(statusOf(await ask(port, request(line)))).toBe(status);
    expect(statusOf(await ask(port, request('GET /')))).toBe(200);
  });

  it('is nothing when there is nothing that can be sent', async () => {
    const port = await open(answering);
    expect(await ask(port, request('GET /unsendable'))).toBe('');
    expect(statusOf(await ask(port, request('GET /')))).toBe(200);
  });

  it('is a 431 for headers that are too long', async () => {
    const port = await open(answering, { headerBytes: 100 });
    expect(statusOf(await ask(port, request(`GET /${'a'.repeat(100)}`)))).toBe(431);
    expect(statusOf(await ask(port, request('GET /')))).toBe(200);
  });

  it('names the methods that are served', async () => {
    expect(await ask(await open(ok), request('DELETE /'))).toContain('\r\nallow: GET, HEAD\r\n');
  });

  it('is the whole answer also for who closes its side at once, or sends a body or an upgrade', async () => {
    const body = 'x'.repeat(500_000);
    const port = await open(() => ({ status: 200, headers: {}, body }));
    const closing = await dial(port);
    closing.end(request('GET /'));
    expect((await hear(closing)).endsWith(`\r\n\r\n${body}`)).toBe(true);
    expect(await ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nnot')).toContain(body);
    expect(await ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')).toContain(body);
    expect(statusOf(await ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'))).toBe(417);
    expect(await ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')).toContain(body);
  });

  it('is one answer a connection: what is queued behind a request is not looked at', async () => {
    const paths: string[] = [];
    const port = await open((path) => {
      paths.push(path);
      return plain(200);
    });
    for (const next of [request('GET /next').repeat(500), request('CONNECT a:80'), 'no request\r\n\r\n']) {
      const answers = await ask(port, request('GET /first') + next);
      expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
      expect(paths.splice(0)).toEqual(['/first']);
    }
  });
});

describe('a slow client', () => {
  it.each([
    ['says nothing', ''],
    ['sends a part of the request line', 'GET /'],
    ['sends headers without an end', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n'],
  ])('that %s is told so', async (_what, text) => {
    expect(statusOf(await ask(await open(ok, { headersMs: 20 }), text))).toBe(408);
  });

  it('that sends a header at a time is told so', async () => {
    const socket = await dial(await open(ok, { headersMs: 60 }));
    const drip = setInterval(() => socket.write('X: y\r\n'), 5);
    socket.write('GET / HTTP/1.1\r\n');
    expect(statusOf(await hear(socket))).toBe(408);
    clearInterval(drip);
  });

  it('whose body never comes has its answer, for bodies are not waited for', async () => {
    const port = await open(ok);
    expect(statusOf(await ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n'))).toBe(200);
    expect(statusOf(await ask(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n'))).toBe(405);
    expect(await ask(port, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')).toContain(
      '200 OK',
    );
  });

  it('that reads nothing is cut off', async () => {
    let arrived: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const sizes: number[] = [];
    // More than the buffers of two sockets hold.
    const body = 'x'.repeat(64 * 1024 * 1024);
    const port = await open(
      () => {
        arrived();
        return { status: 200, headers: {}, body };
      },
      { connectionMs: 200 },
    );
    const socket = await dial(port);
    socket.pause();
    socket.write(request('GET /'));
    // On a very busy machine the time may be over before the request is read: then there is no answer at all.
    await Promise.race([asked, new Promise((resolve) => socket.once('close', resolve))]);
    // Reading begins after the server has given up, so only the data already on its way arrives.
    await hear(await dial(port));
    socket.on('data', (data) => sizes.push(data.length));
    await hear(socket.resume());
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(body.length);
  });
});

describe('connections', () => {
  it('one too many ends the oldest, so that a probe gets through', async () => {
    const port = await open(ok, { connections: 3 });
    const idle = [await dial(port), await dial(port), await dial(port)];
    const firstEnds = hear(idle[0] as Socket);
    expect(statusOf(await ask(port, request('GET /')))).toBe(200);
    await firstEnds;
    expect(idle.map(({ closed }) => closed)).toEqual([true, false, false]);
    for (const socket of idle) socket.destroy();
  });

  it('are counted together where listeners share them', async () => {
    const connections = connectionsUpTo(1);
    const options = { methods: 'any', connections } as const;
    const [first, second] = await Promise.all([1, 2].map(() => openListener({ host, port: 0 }, ok, options)));
    if (first === undefined || second === undefined) throw new Error('two were opened');
    closers.push(first.close, second.close);
    const socket = await dial(first.port);
    const ends = hear(socket);
    expect(statusOf(await ask(second.port, request('GET /')))).toBe(200);
    await ends;
  });

  it('end with the listener, whatever they are about', async () => {
    const server = await openListener({ host, port: 0 }, () => new Promise(() => {}), { methods: 'any' });
    const sockets = await Promise.all([1, 2, 3].map(() => dial(server.port)));
    sockets[0]?.write('GET /');
    sockets[1]?.write(request('GET /never'));
    const heard = sockets.map(hear);
    await server.close();
    expect(await Promise.all(heard)).toEqual(['', '', '']);
  });

  it('that cannot be accepted do not end the agent', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    const port = await open(ok);
    const opened = listen.mock.contexts[0];
    // As node:net reports that no file descriptor is free.
    for (let time = 0; time < 3; time++) (opened as Server).emit('error', new Error('accept EMFILE'));
    expect(statusOf(await ask(port, request('GET /')))).toBe(200);
  });
});

it.each([
  ['/healthz', '/healthz'],
  ['/healthz?a=/b', '/healthz'],
  ['/healthz#a', '/healthz'],
  ['//', '//'],
  ['HTTP://a/b', '/b'],
  ['http://a', undefined],
  ['http:///a', undefined],
  ['healthz', undefined],
  ['*', undefined],
  ['', undefined],
  [undefined, undefined],
])('the path of %s is %s', (target, path) => expect(pathOfTarget(target)).toBe(path));
