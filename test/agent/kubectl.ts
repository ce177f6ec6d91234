import type { ApiDouble } from '../apiserver/double.ts';
import { apiVersionOf, type Resource, resources } from '../apiserver/resources.ts';
import type { Manifest } from '../packets/objects.ts';

/** Writes objects as kubectl does: over HTTP, with a token, one request each. */
export interface Kubectl {
  create(object: Manifest): Promise<void>;
  replace(object: Manifest): Promise<void>;
  delete(object: Manifest): Promise<void>;
}

export function kubectlTo(double: ApiDouble): Kubectl {
  const request = async (method: string, path: string, object?: Manifest): Promise<void> => {
    const answer = await fetch(`${double.url}${path}`, {
      method,
      headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
      ...(object === undefined ? {} : { body: JSON.stringify(object) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  };
  return {
    create: (object) => request('POST', collectionOf(object), object),
    replace: (object) => request('PUT', `${collectionOf(object)}/${metadataOf(object).name}`, object),
    delete: (object) => request('DELETE', `${collectionOf(object)}/${metadataOf(object).name}`),
  };
}

function metadataOf(object: Manifest) {
  return object['metadata'] as { readonly name: string; readonly namespace?: string };
}

function collectionOf(object: Manifest): string {
  const resource: Resource | undefined = resources.find(({ kind }) => kind === object['kind']);
  if (resource === undefined) throw new Error(`the double has no kind ${String(object['kind'])}`);
  const { namespace } = metadataOf(object);
  const base = `${resource.group === '' ? '/api' : '/apis'}/${apiVersionOf(resource)}`;
  return `${base}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${resource.plural}`;
}
