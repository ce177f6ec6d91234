import { createHash } from 'node:crypto';
import { apiVersionOf, qualified, type Resource } from './resources.ts';
import { status } from './status.ts';
import type { Stored } from './stored.ts';
import { applyDefaults, validate } from './admission.ts';

export interface LoggedEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: Resource;
  readonly object: Stored;
  readonly version: number;
}

/**
 * Objects under one growing resource version, and the log of their changes: the part that etcd and the
 * watch cache play for an API server. Listeners get changes in order.
 *
 * salt   for uids: two servers do not give the same
 */
export function createStore(salt = '') {
  let version = 100;
  let compactedTo = 0;
  const objects = new Map<string, { readonly resource: Resource; readonly object: Stored }>();
  /** Cluster IPs that Services have. */
  const taken = new Map<string, string>();
  /** Objects in etcd's order, for kinds of which none was written since. */
  const sorted = new Map<Resource, readonly Stored[]>();
  const log: LoggedEvent[] = [];
  const listeners = new Set<(event: LoggedEvent) => void>();

  const keyOf = (resource: Resource, namespace: string | undefined, name: string): string =>
    `${qualified(resource)} ${namespace ?? ''}/${name}`;

  function record(type: LoggedEvent['type'], resource: Resource, object: Stored): Stored {
    const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const event = { type, resource, object: stamped, version };
    log.push(event);
    for (const listener of listeners) listener(event);
    return stamped;
  }

  function write(type: 'ADDED' | 'MODIFIED', resource: Resource, object: Stored): Stored {
    version++;
    const stamped = record(type, resource, object);
    const key = keyOf(resource, object.metadata.namespace, object.metadata.name);
    objects.set(key, { resource, object: stamped });
    sorted.delete(resource);
    const address = clusterIpOf(object);
    if (address !== undefined) taken.set(address, key);
    return stamped;
  }

  function get(resource: Resource, namespace: string | undefined, name: string): Stored {
    const found = objects.get(keyOf(resource, namespace, name));
    if (found === undefined) throw status.notFound(resource, name);
    return found.object;
  }

  return {
    currentVersion: () => version,
    compactedTo: () => compactedTo,
    /** Forgets the history: watches and pages of earlier versions have expired. */
    compact(): void {
      compactedTo = version;
      log.length = 0;
    },
    /** Returns a function that restores everything to the present state, versions too: a backup of etcd. */
    backUp(): () => void {
      const [then, kept] = [version, [...objects]];
      return () => {
        version = then;
        compactedTo = then;
        log.length = 0;
        objects.clear();
        sorted.clear();
        taken.clear();
        for (const [key, entry] of kept) {
          objects.set(key, entry);
          const address = clusterIpOf(entry.object);
          if (address !== undefined) taken.set(address, key);
        }
      };
    },
    get,
    has: (resource: Resource, namespace: string | undefined, name: string): boolean =>
      objects.has(keyOf(resource, namespace, name)),
    list(resource: Resource): readonly Stored[] {
      const known = sorted.get(resource);
      if (known !== undefined) return known;
      const all = [...objects.values()]
        .filter((entry) => entry.resource === resource)
        .map(({ object }) => ({ object, key: listKey(object) }))
        .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
        .map(({ object }) => object);
      sorted.set(resource, all);
      return all;
    },
    create(resource: Resource, namespace: string | undefined, given: Stored): Stored {
      const name =
        given.metadata.name ??
        `${typeof given.metadata['generateName'] === 'string' ? given.metadata['generateName'] : 'x-'}${version}`;
      const named = {
        ...given,
        metadata: { ...given.metadata, name, ...(namespace === undefined ? {} : { namespace }) },
      };
      validate(resource, named, taken);
      if (objects.has(keyOf(resource, namespace, name))) throw status.exists(resource, name);
      const complete = applyDefaults(resource, named, taken);
      const metadata = {
        ...complete.metadata,
        uid: uidOf(`${salt}${keyOf(resource, namespace, name)} ${version}`),
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...(resource.plural === 'services' || resource.group === 'coordination.k8s.io' ? {} : { generation: 1 }),
      };
      return write('ADDED', resource, {
        kind: resource.kind,
        apiVersion: apiVersionOf(resource),
        ...complete,
        metadata,
      });
    },
    /** change gets the present object and returns the new one. */
    update(
      resource: Resource,
      namespace: string | undefined,
      name: string,
      change: (before: Stored) => Stored,
    ): Stored {
      const before = get(resource, namespace, name);
      const after = change(before);
      const expected = after.metadata.resourceVersion;
      if (expected !== undefined && expected !== before.metadata.resourceVersion) throw status.conflict(resource, name);
      validate(resource, after, new Map());
      const generation = before.metadata.generation;
      const metadata = {
        ...before.metadata,
        ...after.metadata,
        ...(generation === undefined ? {} : { generation: generation + 1 }),
      };
      const complete = applyDefaults(resource, { ...before, ...after, metadata }, new Map());
      if (
        JSON.stringify({ ...complete, metadata: before.metadata }) === JSON.stringify(before) &&
        isSameMeta(before, after)
      )
        return before;
      return write('MODIFIED', resource, complete);
    },
    remove(resource: Resource, namespace: string | undefined, name: string): Stored {
      const before = get(resource, namespace, name);
      objects.delete(keyOf(resource, namespace, name));
      sorted.delete(resource);
      const address = clusterIpOf(before);
      if (address !== undefined) taken.delete(address);
      version++;
      record('DELETED', resource, before);
      return before;
    },
    /** Events after a version, oldest first. */
    since: (from: number): readonly LoggedEvent[] => log.filter((event) => event.version > from),
    listen(listener: (event: LoggedEvent) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export type Store = ReturnType<typeof createStore>;

/** Sorts in etcd's order: namespace, then name. */
export function listKey({ metadata }: Stored): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function isSameMeta(before: Stored, after: Stored): boolean {
  return ['labels', 'annotations'].every(
    (key) => JSON.stringify(after.metadata[key] ?? before.metadata[key]) === JSON.stringify(before.metadata[key]),
  );
}

function clusterIpOf(object: Stored): string | undefined {
  const spec = object['spec'];
  const address =
    typeof spec === 'object' && spec !== null ? (spec as Record<string, unknown>)['clusterIP'] : undefined;
  return typeof address === 'string' ? address : undefined;
}

function uidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
