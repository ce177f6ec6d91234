import type { KubeConfig } from '@kubernetes/client-node';
import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as httpsRequest } from 'node:https';

/** The head of an answer, and its body as it arrives. The body must be read, or the answer destroyed. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  readonly destroy: () => void;
}

/**
 * One GET to an API server. path: with its query, from `/`.
 * throws   the connection's error; AbortError once the signal is aborted
 */
export type ApiGet = (path: string, signal: AbortSignal) => Promise<ApiAnswer>;

/**
 * Posts one object to a collection. Returns the status of the answer, whose body is ignored.
 * throws   the connection's error; AbortError once the signal is aborted
 */
export type ApiPost = (path: string, object: unknown, signal: AbortSignal) => Promise<number>;

/** The methods of writes. */
export type WriteMethod = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/**
 * One write, with its answer. contentType: absent for JSON.
 * throws   the connection's error; AbortError once the signal is aborted
 */
export type ApiWrite = (
  method: WriteMethod,
  path: string,
  body: unknown,
  signal: AbortSignal,
  contentType?: string,
) => Promise<ApiAnswer>;

/** One request that was answered, or failed. */
export interface ApiCall {
  readonly method: 'GET' | WriteMethod;
  /** `10.0.0.1:6443` */
  readonly host: string;
  /** undefined: the connection failed. */
  readonly status: number | undefined;
  /** Time until the head of the answer. */
  readonly durationMs: number;
}

/**
 * Connects to one cluster's API server as a kubeconfig says: its address, trust and credentials. The
 * client library provides those; slicewright keeps its own few connections, because the library opens
 * a new one for every call, and its watch neither notices a stalled stream nor can be aborted
 * before the server answers.
 */
export function openApi(
  config: KubeConfig,
  onCall: (call: ApiCall) => void = () => {},
): {
  readonly get: ApiGet;
  readonly post: ApiPost;
  readonly write: ApiWrite;
  readonly server: string;
  /** The kubeconfig switches off verification of the certificate, so anyone on the path can impersonate the server. */
  readonly isUnverified: boolean;
  readonly close: () => void;
} {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) throw new Error('the kubeconfig names no cluster for its current context');
  const base = new URL(server);
  const plain = base.protocol === 'http:';
  const agents = createAgents(plain);

  const call = async (
    method: ApiCall['method'],
    path: string,
    signal: AbortSignal,
    body?: string,
    contentType = 'application/json',
  ) => {
    const credentials: RequestOptions = {};
    // Applied for each call: tokens on disk are renewed while the process runs.
    await config.applyToHTTPSOptions(credentials);
    const { agent: _libraryAgent, ...given } = credentials;
    // Always set: otherwise Node would follow NODE_TLS_REJECT_UNAUTHORIZED=0 of the environment.
    const auth = { ...given, rejectUnauthorized: given.rejectUnauthorized !== false };
    const url = new URL(base.pathname.replace(/\/$/, '') + path, base);
    const startMs = performance.now();
    const tell = (status: number | undefined): void =>
      onCall({ method, host: base.host, status, durationMs: performance.now() - startMs });
    try {
      const headers = {
        ...(auth.headers as OutgoingHttpHeaders | undefined),
        ...(body === undefined ? {} : { 'content-type': contentType }),
        accept: 'application/json',
      };
      const answer = await send(
        plain,
        url,
        { ...auth, headers, method, agent: agents.forCredentials(auth), signal },
        body,
      );
      tell(answer.status);
      return answer;
    } catch (error) {
      tell(undefined);
      throw error;
    }
  };
  const get: ApiGet = (path, signal) => call('GET', path, signal);
  const post: ApiPost = async (path, object, signal) => {
    const { status, body } = await call('POST', path, signal, JSON.stringify(object));
    // Read to the end, so that the connection can be used again.
    for await (const chunk of body) void chunk;
    return status;
  };
  const write: ApiWrite = (method, path, body, signal, contentType) =>
    call(method, path, signal, body === undefined ? undefined : JSON.stringify(body), contentType);
  const isUnverified = !plain && config.getCurrentCluster()?.skipTLSVerify === true;
  return { get, post, write, server, isUnverified, close: () => agents.close() };
}

function send(plain: boolean, url: URL, options: RequestOptions, body?: string): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const request = (plain ? httpRequest : httpsRequest)(url, options);
    request.once('error', (error: NodeJS.ErrnoException) => {
      // The server closed a kept connection just when it was used again. A new connection cannot be stale.
      const isStale = request.reusedSocket && error.code === 'ECONNRESET' && options.method === 'GET';
      if (!isStale) return reject(error);
      send(plain, url, { ...options, agent: false }).then(resolve, reject);
    });
    request.once('response', (response: IncomingMessage) => {
      const destroy = (): void => void response.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response, destroy });
    });
    request.end(body);
  });
}

/**
 * One pool of connections as long as trust and client certificates stay the same. When they are renewed, requests
 * in progress finish in the old pool: a watch stays valid.
 */
function createAgents(plain: boolean) {
  const settings = { keepAlive: true, maxSockets: 16, timeout: 0 };
  let agent: HttpAgent | HttpsAgent = plain ? new HttpAgent(settings) : new HttpsAgent(settings);
  let used = '';
  const retired = new Set<HttpAgent>();
  return {
    forCredentials({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions) {
      const now = JSON.stringify([ca, cert, key, rejectUnauthorized, servername]);
      if (!plain && used !== '' && now !== used) {
        retire(agent, retired);
        agent = new HttpsAgent(settings);
      }
      used = now;
      return agent;
    },
    close() {
      for (const each of [agent, ...retired]) each.destroy();
    },
  };
}

/** Closes idle connections, now and as they become idle. */
function retire(agent: HttpAgent, retired: Set<HttpAgent>): void {
  for (const old of retired) if (Object.keys(old.sockets).length === 0) retired.delete(old);
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  retired.add(agent);
}
