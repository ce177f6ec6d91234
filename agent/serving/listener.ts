import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { BindAddress } from './bind-address.ts';
import { type Connections, connectionsUpTo } from './connections.ts';
import { pathOfTarget } from './request-target.ts';

/** The answer to a request. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers a path. An exception becomes a 500. */
export type Answering = (path: string) => Answer | Promise<Answer>;

/** Where a listener is bound. Without a host: on all addresses of both families that the machine has. */
export interface Place {
  readonly host?: string;
  readonly port: number;
  readonly ipv6Only?: boolean;
}

/**
 * Where to listen for a configured address. The unspecified address of either family means all addresses of
 * both, as in Go's listeners, and so in kube-proxy's.
 */
export function placeOfBind({ host, port }: BindAddress): Place {
  return host === '0.0.0.0' || host === '::' ? { port } : { host, port };
}

export interface ListenerLimits {
  /** Size of the request line and all headers together; a larger one gets a 431. */
  readonly headerBytes: number;
  /** Time from the connection to the end of the headers; a slower client gets a 408. */
  readonly headersMs: number;
  /** Time from the connection to the last byte of the answer; a slower client is cut off. */
  readonly connectionMs: number;
  /** Connections at a time. One more ends the oldest. */
  readonly connections: number;
}

export const listenerLimits: ListenerLimits = {
  headerBytes: 8 * 1024,
  headersMs: 10_000,
  // Prometheus gives a scrape 10 s unless told otherwise.
  connectionMs: 30_000,
  connections: 128,
};

export interface ListenerOptions {
  /** The allowed methods. `any`: every method but CONNECT, as kube-proxy's health ports answer. */
  readonly methods: 'any' | readonly string[];
  readonly limits?: ListenerLimits;
  /** Connections that are counted together with those of other listeners. */
  readonly connections?: Connections;
}

/** An open listener. */
export interface RunningServer {
  /** The port in use, also if 0 was asked for. */
  readonly port: number;
  /** Closes the connections, too. */
  close(): Promise<void>;
}

/**
 * Opens a listener for HTTP that anybody may connect to. The agent opens every listener with this function.
 *
 * It is total. Whatever arrives, no exception reaches the event loop, where it would end the agent:
 * not from a request, not from `answering`, not from a socket, not from a failed accept.
 *
 * It is bounded. A connection carries one request, so nothing can be queued behind an answer, and
 * one deadline ends it wherever a slow client stands: in the headers, in a body, in reading. Bodies
 * are not read. A new connection closes the oldest one, so a probe, which is answered
 * within milliseconds, gets through while other clients hold the maximum of connections.
 *
 * throws   the errors of `listen`, such as EADDRINUSE
 * throws   as `listen` does, such as EADDRINUSE
 */
export async function openListener(
  place: Place,
  answering: Answering,
  { methods, limits = listenerLimits, connections = connectionsUpTo(limits.connections) }: ListenerOptions,
): Promise<RunningServer> {
  const own = new Set<Socket>();
  /** Sockets whose one request has arrived: they get its answer, and nothing more. */
  const asked = new WeakSet<object>();
  const handle = (answer: Answering) => (request: IncomingMessage, response: ServerResponse) => {
    asked.add(request.socket);
    request.on('error', ignore);
    response.on('error', ignore);
    void respond(request, response, answer, methods);
  };
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.headersMs,
      connectionsCheckingInterval: limits.headersMs / 2,
    },
    handle(answering),
  );
  // Node's default answer would leave the connection open.
  server.on(
    'checkExpectation',
    handle(() => plain(417)),
  );
  server.maxRequestsPerSocket = 1;
  server.on('connection', (socket) => {
    const deadline = setTimeout(() => socket.destroy(), limits.connectionMs);
    own.add(socket);
    socket.on('error', ignore);
    socket.once('close', () => {
      clearTimeout(deadline);
      own.delete(socket);
    });
    connections.admit(socket);
  });
  const refuseUnasked = (socket: Socket, status: number): void => {
    if (!asked.has(socket)) refuse(socket, status);
  };
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuseUnasked(socket as Socket, refusalOf(error.code)),
  );
  server.on('connect', (_request, socket) => refuseUnasked(socket as Socket, 405));
  await new Promise<void>((resolve, reject) => {
    // Later errors are ignored, such as a failed accept when no file descriptor is free. The listener stays open.
    server.on('error', reject);
    server.listen({ ...place }, () => resolve());
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : place.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of own) socket.destroy();
      }),
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answering: Answering,
  methods: ListenerOptions['methods'],
): Promise<void> {
  try {
    send(response, await answerTo(request, answering, methods));
  } catch {
    // The answer cannot be sent, for example because HTTP does not allow one of its headers.
    response.destroy();
  }
}

async function answerTo(
  { method = '', url }: IncomingMessage,
  answering: Answering,
  methods: ListenerOptions['methods'],
): Promise<Answer> {
  if (methods !== 'any' && !methods.includes(method)) return plain(405, { allow: methods.join(', ') });
  const path = pathOfTarget(url);
  if (path === undefined) return plain(400);
  try {
    return await answering(path);
  } catch {
    // A gauge that cannot be read must not end the process.
    return plain(500);
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const fixed = {
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    connection: 'close',
  };
  response.writeHead(status, { ...headers, ...fixed }).end(body);
}

/** An answer whose only content is its status. */
export function plain(status: number, headers: Answer['headers'] = {}): Answer {
  const body = `${(STATUS_CODES[status] ?? '').toLowerCase()}\n`;
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

function refusalOf(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return 400;
}

/** Answers bytes that are not a request. */
function refuse(socket: Socket, status: number): void {
  if (socket.writable) {
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  socket.destroySoon();
}

function ignore(): void {}
