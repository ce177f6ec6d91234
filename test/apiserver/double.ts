import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { createManagers, type Managers } from './apply.ts';
import { discover, isServed } from './discovery.ts';
import { type Faults, noFaults } from './faults.ts';
import { fromProtobuf, protobufType } from './protobuf.ts';
import { apiVersionOf, parsePath, type Resource, resources, type Target } from './resources.ts';
import { fieldSelector, labelSelector, type Selects } from './selectors.ts';
import { status, StatusError } from './status.ts';
import { conform, schemaIn } from './schema.ts';
import { createStore, type LoggedEvent, listKey, type Store } from './store.ts';
import type { Stored } from './stored.ts';

/** An API server over real HTTP on loopback that answers as a recorded one did. */
export interface ApiDouble {
  readonly store: Store;
  readonly url: string;
  /** Set to make it misbehave; each request and event reads it. */
  faults: Faults;
  /** Accepted tokens and their users; '' is the user of a request without a token. */
  readonly tokens: Map<string, string>;
  /** Groups of CRDs that are installed; a CustomResourceDefinition that is created installs its group. */
  readonly installed: Set<string>;
  /** Versions of custom kinds that are served besides their first: `multicluster.x-k8s.io/v1beta1`. */
  readonly served: Set<string>;
  /** `GET /api/v1/services?…` of every request, in order. */
  readonly requests: string[];
  /** Puts an object in as its owner would, replacing an earlier one. */
  apply(object: Stored & { readonly kind: string }): Stored;
  remove(kind: string, namespace: string | undefined, name: string): void;
  /**
   * Removes the CRDs of a group: first each of their objects, which watches report, then the kinds and their watches.
   */
  uninstall(group: string): void;
  /** How many watches of a kind are open. A watch that opens later learns of earlier changes from a list. */
  openWatches(plural: string): number;
  /** Cuts every open stream, as a restart does, or the streams of one kind. */
  cutStreams(plural?: string): void;
  /** Answers on another socket too, which listens elsewhere. */
  answerOn(elsewhere: NetServer): void;
  close(): Promise<void>;
}

export async function startApiDouble(name = ''): Promise<ApiDouble> {
  const store = createStore(name);
  const streams: Streams = new Map();
  const managers = createManagers();
  const others: NetServer[] = [];
  const double: ApiDouble = {
    store,
    url: '',
    faults: noFaults,
    tokens: new Map([['secret', 'system:agent']]),
    installed: new Set(),
    served: new Set(),
    requests: [],
    apply(object) {
      const resource = resourceOf(object.kind);
      const { namespace, name } = object.metadata;
      const fresh = { ...object, metadata: { ...object.metadata, resourceVersion: undefined } } as unknown as Stored;
      if (!store.has(resource, namespace, name)) {
        if (resource.kind === 'CustomResourceDefinition') installGroup(double, object);
        return store.create(resource, namespace, fresh);
      }
      const before = store.get(resource, namespace, name);
      const after = store.update(resource, namespace, name, () => replace(before, fresh));
      managers.wrote(before, after);
      return after;
    },
    remove: (kind, namespace, name) => void store.remove(resourceOf(kind), namespace, name),
    uninstall(group) {
      for (const resource of resources.filter((known) => known.group === group)) {
        for (const { metadata } of store.list(resource)) store.remove(resource, metadata.namespace, metadata.name);
      }
      double.installed.delete(group);
      for (const [stream, resource] of streams) if (resource.group === group) stream.end();
    },
    openWatches: (plural) => [...streams.values()].filter((resource) => resource.plural === plural).length,
    cutStreams: (plural) => {
      for (const [stream, resource] of streams)
        if (plural === undefined || resource.plural === plural) stream.destroy();
    },
    answerOn(elsewhere) {
      elsewhere.on('connection', (socket) => server.emit('connection', socket));
      others.push(elsewhere);
    },
    close: () => {
      for (const other of others) other.close();
      return closeServer(server);
    },
  };
  const server = createServer((request, response) => {
    double.requests.push(`${request.method} ${request.url}`);
    const answered = answer({ double, streams, managers }, request, response);
    answered.catch((error: unknown) => {
      if (error instanceof StatusError) return sendJson(response, error.body.code, error.body, error.body.code === 429);
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  // An idle connection that a client keeps must not be closed under its next request.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(double, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** Open watches, with their kinds. */
type Streams = Map<ServerResponse, Resource>;

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function resourceOf(kind: string): Resource {
  const resource = resources.find((known) => known.kind === kind);
  if (resource === undefined) throw new Error(`the double has no kind ${kind}`);
  return resource;
}

interface Serving {
  readonly double: ApiDouble;
  readonly streams: Streams;
  readonly managers: Managers;
}

async function answer(serving: Serving, request: IncomingMessage, response: ServerResponse) {
  const { double, streams } = serving;
  const url = new URL(request.url ?? '/', 'http://double');
  const target = parsePath(url.pathname);
  await double.faults.beforeAnswer?.(url, response, request);
  if (response.destroyed || response.writableEnded) return;
  const discovered = request.method === 'GET' ? discover(url.pathname, double) : undefined;
  if (discovered !== undefined) return sendJson(response, 200, discovered);
  if (request.method === 'GET' && url.pathname === '/openapi/v2') return sendSchema(response);
  if (target === undefined || !isServed(target, double)) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    return;
  }
  const verb = verbOf(request.method ?? 'GET', target, url);
  authorize(double, request, verb, target.resource);
  if (verb === 'watch') return watch(double, streams, target, url, response);
  if (verb === 'list') return sendText(response, 200, list(double, target, url));
  const body = await readBody(request);
  const [code, result] = write(serving, verb, target, { body, url, type: request.headers['content-type'] });
  const isWritten = verb === 'create' || verb === 'patch';
  if (isWritten && target.resource.kind === 'CustomResourceDefinition') installGroup(double, result);
  sendJson(response, code, inVersion(result as Stored, target));
}

function installGroup(double: ApiDouble, body: unknown): void {
  const spec = isRecord(body) && isRecord(body['spec']) ? body['spec'] : {};
  const { group, versions } = spec;
  if (typeof group !== 'string') return;
  double.installed.add(group);
  for (const version of Array.isArray(versions) ? versions : []) {
    if (isRecord(version) && version['served'] === true) double.served.add(`${group}/${String(version['name'])}`);
  }
}

/** The object as the schema of its definition allows it, where the definition was put in and has a schema. */
function conforming({ store }: ApiDouble, { resource, version }: Target, object: Stored): Stored {
  const name = `${resource.plural}.${resource.group}`;
  const definitions = resourceOf('CustomResourceDefinition');
  if (!resource.custom || !store.has(definitions, undefined, name)) return object;
  const schema = schemaIn(store.get(definitions, undefined, name), version);
  return schema === undefined ? object : conform(resource, object, schema);
}

/** Objects of custom kinds are shown in the requested version. */
function inVersion(object: Stored, { resource, version }: Target): Stored {
  if (!resource.custom || object.kind !== resource.kind || version === resource.version) return object;
  return { ...object, apiVersion: `${resource.group}/${version}` };
}

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

function verbOf(method: string, target: Target, url: URL): Verb {
  if (method === 'GET') {
    if (target.name !== undefined) return 'get';
    return url.searchParams.get('watch') === 'true' ? 'watch' : 'list';
  }
  const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
  return verbs[method] ?? 'get';
}

function authorize(double: ApiDouble, request: IncomingMessage, verb: Verb, resource: Resource): void {
  const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1];
  const user = double.tokens.get(token ?? '');
  if (user === undefined && token === undefined) throw status.forbidden('system:anonymous', verb, resource);
  if (user === undefined) throw status.unauthorized();
  const acting = request.headers['impersonate-user'];
  if (typeof acting === 'string') throw status.forbidden(acting, verb, resource);
  if (double.faults.forbidden?.includes(resource.plural)) throw status.forbidden(user, verb, resource);
}

function selectorOf({ namespace }: Target, url: URL): Selects {
  const byLabel = labelSelector(url.searchParams.get('labelSelector'));
  const byField = fieldSelector(url.searchParams.get('fieldSelector'));
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) && byLabel(object) && byField(object);
}

interface ContinueToken {
  readonly v: 'meta.k8s.io/v1';
  readonly rv: number;
  readonly start: string;
}

/** A page of a list, as JSON. */
function list(double: ApiDouble, target: Target, url: URL): string {
  const { store } = double;
  const asked = Number(url.searchParams.get('resourceVersion') ?? '0');
  if (asked > store.currentVersion()) throw status.tooLarge(asked, store.currentVersion());
  const token = readContinue(url.searchParams.get('continue'));
  if (token !== undefined && token.rv >= 0 && token.rv < store.compactedTo()) throw expiredPage(token);
  const all = store.list(target.resource);
  const rest = all.slice(token === undefined ? 0 : placeOf(all, token.start)).filter(selectorOf(target, url));
  const limit = Number(url.searchParams.get('limit') ?? '0') || Number.POSITIVE_INFINITY;
  const items = rest.slice(0, limit);
  const version = token === undefined || token.rv < 0 ? store.currentVersion() : token.rv;
  const remaining = rest.length - items.length;
  const last = items.at(-1);
  const more =
    remaining > 0 && last !== undefined
      ? {
          continue: writeContinue({ v: 'meta.k8s.io/v1', rv: version, start: `${listKey(last)}\u0000` }),
          remainingItemCount: remaining,
        }
      : {};
  const about = {
    kind: `${target.resource.kind}List`,
    apiVersion: target.resource.custom ? `${target.resource.group}/${target.version}` : apiVersionOf(target.resource),
    metadata: { resourceVersion: String(version), ...more },
  };
  const texts = items.map((item) =>
    target.resource.custom ? JSON.stringify(inVersion(item, target)) : itemTextOf(item),
  );
  return `${JSON.stringify(about).slice(0, -1)},"items":[${texts.join(',')}]}`;
}

/** The first place in a sorted list from which a page goes on. */
function placeOf(sorted: readonly Stored[], start: string): number {
  const from = start.replace('\u0000', '!');
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (listKey(sorted[middle]!) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Items of lists as text: made once for each object, so that a bench that reads lists does not measure the double. */
const itemTexts = new WeakMap<Stored, string>();

/** In a list, items of built-in kinds have no kind and apiVersion; custom ones do. */
function itemTextOf(object: Stored): string {
  const known = itemTexts.get(object);
  if (known !== undefined) return known;
  const { kind: _kind, apiVersion: _version, ...item } = object;
  const text = JSON.stringify(item);
  itemTexts.set(object, text);
  return text;
}

function readContinue(text: string | null): ContinueToken | undefined {
  if (text === null || text === '') return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as ContinueToken;
  } catch {
    throw status.badRequest(
      "invalid continue token: continue key is not valid: invalid character '\\u0081' looking for beginning of value",
    );
  }
}

const writeContinue = (token: ContinueToken): string => Buffer.from(JSON.stringify(token)).toString('base64url');

function expiredPage(token: ContinueToken): StatusError {
  const inconsistent = writeContinue({ ...token, rv: -1 });
  return status.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { metadata: { continue: inconsistent } },
  );
}

/** Streams the changes since the requested version, then new ones, until its time is over. */
function watch(double: ApiDouble, streams: Streams, target: Target, url: URL, response: ServerResponse): void {
  const { store } = double;
  if (url.searchParams.get('sendInitialEvents') === 'true') {
    const problem = 'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
    throw new StatusError(422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: ${problem}`, {
      details: {
        group: 'meta.k8s.io',
        kind: 'ListOptions',
        causes: [{ reason: 'FieldValueForbidden', message: problem, field: 'sendInitialEvents' }],
      },
    });
  }
  const selects = selectorOf(target, url);
  const from = url.searchParams.get('resourceVersion');
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  /** A version that the server has not reached yet, as after a restore: it sends nothing until then. */
  const silentUntil = Number(from ?? 0);
  const send = (type: string, object: unknown): void => {
    // A fault ended it, or its time ran out a moment ago.
    if (response.writableEnded || response.destroyed) return;
    const line = `${JSON.stringify({ type, object })}\n`;
    if (double.faults.onEventLine === undefined) response.write(line);
    else double.faults.onEventLine(line, response);
  };
  const tell = ({ resource, type, object, version }: LoggedEvent): void => {
    if (resource === target.resource && selects(object) && version > silentUntil) send(type, inVersion(object, target));
  };
  if (from === null || from === '' || from === '0') {
    for (const object of store.list(target.resource).filter(selects)) send('ADDED', inVersion(object, target));
  } else if (Number(from) < store.compactedTo()) {
    send('ERROR', status.expired(`too old resource version: ${from} (${store.compactedTo()})`).body);
    response.end();
    return;
  } else {
    for (const event of store.since(Number(from))) tell(event);
  }
  streams.set(response, target.resource);
  const stop = store.listen(tell);
  const bookmark = (): void => {
    if (store.currentVersion() < silentUntil) return;
    send('BOOKMARK', {
      kind: target.resource.kind,
      apiVersion: apiVersionOf(target.resource),
      metadata: { resourceVersion: String(store.currentVersion()), creationTimestamp: null },
    });
  };
  const wantsBookmarks = url.searchParams.get('allowWatchBookmarks') === 'true';
  const bookmarks = wantsBookmarks ? setInterval(bookmark, double.faults.bookmarkMs ?? 60_000) : undefined;
  const seconds = Number(url.searchParams.get('timeoutSeconds') ?? '1800');
  const end = setTimeout(() => response.end(), seconds * 1000);
  response.once('close', () => {
    streams.delete(response);
    stop();
    clearInterval(bookmarks);
    clearTimeout(end);
  });
}

interface WriteRequest {
  readonly body: unknown;
  readonly url: URL;
  readonly type: string | undefined;
}

function write({ double, managers }: Serving, verb: Verb, target: Target, request: WriteRequest): [number, unknown] {
  const { resource, namespace, name, subresource } = target;
  const { store } = double;
  const body = request.body as Stored;
  if (verb === 'create') {
    requireNamespace(store, target);
    const created = store.create(resource, namespace, conforming(double, target, body));
    managers.wrote(undefined, created);
    return [201, created];
  }
  if (name === undefined) throw status.badRequest('name is required');
  const written = (before: Stored, change: (before: Stored) => Stored): [number, unknown] => {
    const after = store.update(resource, namespace, name, (now) => {
      const next = conforming(double, target, change(now));
      return subresource === 'status' ? { ...now, status: next['status'] } : keepStatus(resource, now, next);
    });
    if (request.type !== applyType) managers.wrote(before, after);
    return [200, after];
  };
  switch (verb) {
    case 'get':
      return [200, store.get(resource, namespace, name)];
    case 'update':
      return written(store.get(resource, namespace, name), (before) => replace(before, body));
    case 'patch': {
      if (request.type !== applyType) {
        return written(store.get(resource, namespace, name), (before) => mergePatch(before, body) as Stored);
      }
      const manager = request.url.searchParams.get('fieldManager') ?? '';
      const as = { manager, force: request.url.searchParams.get('force') === 'true' };
      if (!store.has(resource, namespace, name)) {
        if (body.metadata.uid !== undefined || subresource !== undefined) throw status.conflict(resource, name);
        requireNamespace(store, target);
        const created = store.create(
          resource,
          namespace,
          conforming(double, target, managers.apply(resource, undefined, body, as)),
        );
        managers.wrote(undefined, created);
        return [201, created];
      }
      const before = store.get(resource, namespace, name);
      const { uid, resourceVersion } = body.metadata;
      const isOther = (uid ?? before.metadata.uid) !== before.metadata.uid;
      const isStale = (resourceVersion ?? before.metadata.resourceVersion) !== before.metadata.resourceVersion;
      if (isOther || isStale) throw status.conflict(resource, name);
      const { resourceVersion: _version, uid: _uid, ...metadata } = body.metadata;
      return written(before, () => managers.apply(resource, before, { ...body, metadata }, as));
    }
    default: {
      const { preconditions } = (body ?? {}) as { preconditions?: { uid?: string; resourceVersion?: string } };
      const { metadata } = store.get(resource, namespace, name);
      const isOther = (preconditions?.uid ?? metadata.uid) !== metadata.uid;
      const isStale = (preconditions?.resourceVersion ?? metadata.resourceVersion) !== metadata.resourceVersion;
      if (isOther || isStale) throw status.conflict(resource, name);
      const removed = store.remove(resource, namespace, name);
      const { group, plural } = resource;
      const details = { name, ...(group === '' ? {} : { group }), kind: plural, uid: removed.metadata.uid };
      return [200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }];
    }
  }
}

const applyType = 'application/apply-patch+yaml';

/** Custom kinds and Services have a separate status: writing the object does not change it. */
function keepStatus({ custom, kind }: Resource, before: Stored, after: Stored): Stored {
  if (!custom && kind !== 'Service') return after;
  return { ...after, status: before['status'] };
}

/** A double that has any Namespaces accepts objects only in existing ones. */
function requireNamespace(store: Store, { namespace }: Target): void {
  const namespaces = resourceOf('Namespace');
  if (namespace === undefined || store.list(namespaces).length === 0) return;
  if (!store.has(namespaces, undefined, namespace)) throw status.notFound(namespaces, namespace);
}

/** A PUT: fields that the server owns stay, all others become the given ones. */
function replace(before: Stored, given: Stored): Stored {
  const { uid, creationTimestamp, generation } = before.metadata;
  const kept = { uid, creationTimestamp, ...(generation === undefined ? {} : { generation }) };
  const cleared = Object.fromEntries(Object.keys(before).map((key) => [key, undefined]));
  const metadata = { labels: {}, annotations: {}, ...given.metadata, ...kept };
  return { ...cleared, ...given, kind: before.kind, apiVersion: before.apiVersion, metadata } as unknown as Stored;
}

/** RFC 7396. A server-side apply by a single manager has the same result, since lists are replaced whole. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  const bytes = Buffer.concat(chunks);
  if (request.headers['content-type'] !== protobufType)
    return bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'));
  const object = fromProtobuf(bytes);
  if (object === undefined) throw status.unsupported(protobufType);
  return object;
}

/**
 * The schema of all kinds, in protobuf, which kubectl requests before it writes anything. An empty message is a schema
 * without any kind, so kubectl checks nothing; the double checks objects itself.
 */
function sendSchema(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' }).end();
}

function sendJson(response: ServerResponse, code: number, body: unknown, retry = false): void {
  sendText(response, code, JSON.stringify(body), retry);
}

function sendText(response: ServerResponse, code: number, json: string, retry = false): void {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' };
  response.writeHead(code, retry ? { ...headers, 'retry-after': '1' } : headers).end(json);
}
