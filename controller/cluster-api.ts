import { asFields, type Fields } from '../compiler/model/fields.ts';
import { printable } from '../compiler/values/object-ref.ts';
import type { ApiAnswer, ApiGet, ApiWrite, WriteMethod } from '../agent/sources/api.ts';
import { problemOf } from '../agent/sources/api-problems.ts';
import { readJson, refusalOf } from '../agent/sources/api-protocol.ts';
import type { Kind, ObjectId } from './core/kinds.ts';
import { collectionPath, createServedKinds, type ServedKind, type ServedKinds } from './served-kinds.ts';

/** The result of one write, sorted by what the caller can do about it. */
export type Written =
  | { readonly kind: 'done'; readonly object: unknown }
  /** The object to delete does not exist. */
  | { readonly kind: 'gone' }
  /** Another client wrote in between, or holds a field: look again. */
  | { readonly kind: 'conflict'; readonly problem: string }
  /** The server asks for a pause. */
  | { readonly kind: 'limited'; readonly problem: string; readonly retryAfterMs: number }
  /** The server does not accept it as it is: RBAC, a missing kind or namespace, invalid content. */
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'failed'; readonly problem: string };

/** The field manager's name. */
export const fieldManager = 'slicewright-controller';

export interface ApplyOptions {
  /** Take over fields that others hold. Not used for new objects: there a conflict shows that another client made the object. */
  readonly force: boolean;
  /** Only change the object with this uid. */
  readonly uid?: string;
  readonly subresource?: 'status';
}

/** Writes to one cluster. Never throws: failures are outcomes. */
export interface ClusterApi {
  readonly get: ApiGet;
  readonly served: ServedKinds;
  apply(id: ObjectId, object: Fields, options: ApplyOptions): Promise<Written>;
  /** Deletes only the object with this uid. */
  remove(id: ObjectId, apiVersion: string, uid: string): Promise<Written>;
  /** The object, undefined if there is none. throws if that is unknown */
  read(id: ObjectId, apiVersion: string): Promise<unknown>;
  create(path: string, object: Fields): Promise<Written>;
  replace(path: string, object: Fields): Promise<Written>;
}

export interface ClusterApiOptions {
  readonly get: ApiGet;
  readonly write: ApiWrite;
  readonly answerMs: number;
  /** Aborted: end all requests; absent: they end by themselves. */
  readonly signal?: AbortSignal;
}

export function createClusterApi({ get, write, answerMs, signal }: ClusterApiOptions): ClusterApi {
  const served = createServedKinds(get);
  const limit = (): AbortSignal =>
    AbortSignal.any([...(signal === undefined ? [] : [signal]), AbortSignal.timeout(answerMs)]);

  async function send(method: WriteMethod, path: string, body: unknown, type?: string): Promise<Written> {
    let answer: ApiAnswer;
    let said: unknown;
    try {
      answer = await write(method, path, body, limit(), type);
      said = await readJson(answer);
    } catch (error) {
      return { kind: 'failed', problem: problemOf(error) };
    }
    if (answer.status < 300) return { kind: 'done', object: said };
    return outcomeOf(answer, said);
  }

  async function pathOf(id: ObjectId, apiVersion: string): Promise<string | undefined> {
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    const kind: ServedKind | undefined = await served.find(id, version, limit());
    return kind && `${collectionPath(kind, id.namespace)}/${encodeURIComponent(id.name)}`;
  }

  async function sendTo(id: ObjectId, apiVersion: string, act: (path: string) => Promise<Written>): Promise<Written> {
    try {
      const path = await pathOf(id, apiVersion);
      if (path === undefined) return { kind: 'refused', problem: `${kindName(id)} is not served: install its CRD` };
      return await act(path);
    } catch (error) {
      return { kind: 'failed', problem: problemOf(error) };
    }
  }

  return {
    get,
    served,
    apply(id, object, { force, uid, subresource }) {
      const query = new URLSearchParams({ fieldManager, force: String(force) });
      const metadata = { ...asFields(object.metadata), ...(uid === undefined || uid === '' ? {} : { uid }) };
      return sendTo(id, String(object.apiVersion), (path) =>
        send(
          'PATCH',
          `${path}${subresource === undefined ? '' : `/${subresource}`}?${query.toString()}`,
          { ...object, metadata },
          'application/apply-patch+yaml',
        ),
      );
    },
    async remove(id, apiVersion, uid) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...(uid === '' ? {} : { preconditions: { uid } }) };
      const written = await sendTo(id, apiVersion, (path) => send('DELETE', path, body));
      return written.kind === 'refused' && written.problem.startsWith('404') ? { kind: 'gone' } : written;
    },
    async read(id, apiVersion) {
      const path = await pathOf(id, apiVersion);
      if (path === undefined) return undefined;
      const answer = await get(path, limit());
      const body = await readJson(answer);
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status}`);
      return body;
    },
    create: (path, object) => send('POST', path, object),
    replace: (path, object) => send('PUT', path, object),
  };
}

function kindName({ group, kind }: Kind): string {
  return group === '' ? kind : `${kind}.${group}`;
}

function outcomeOf(answer: ApiAnswer, body: unknown): Written {
  const refusal = refusalOf(answer, body);
  const problem = printable(refusal?.problem ?? String(answer.status), 1000);
  const { status } = answer;
  if (status === 409) return { kind: 'conflict', problem };
  if (status === 429 || (status === 503 && refusal?.kind === 'failed' && (refusal.retryAfterMs ?? 0) > 0)) {
    const asked = refusal?.kind === 'failed' ? refusal.retryAfterMs : undefined;
    return { kind: 'limited', problem, retryAfterMs: asked ?? 1000 };
  }
  if (status >= 500 || status === 401 || status === 408) return { kind: 'failed', problem };
  return { kind: 'refused', problem };
}
