import { asFields, type Fields } from '../compiler/model/fields.ts';
import type { ClusterCache } from './cluster-cache.ts';
import type { ClusterApi, Written } from './cluster-api.ts';
import type { Change } from './core/difference.ts';
import type { DesiredStatus } from './core/draft.ts';
import { type ObjectId, shortId } from './core/kinds.ts';
import { isKarmadas, isOurs, marks, mayAdopt } from './core/marks.ts';
import type { Held } from './core/object.ts';
import type { Gate } from './gate.ts';
import { observe } from './observe.ts';

/** A write that a server answered. */
export interface WriteReport {
  readonly verb: 'apply' | 'delete' | 'status';
  readonly id: ObjectId;
  readonly outcome: Written['kind'];
}

/** Makes changes in one cluster, one at a time and each at most once. */
export interface Writer {
  perform(change: Change): Promise<Written>;
  writeStatus(status: DesiredStatus): Promise<Written>;
  /** Whether the server turned this content, applied by the controller, into the present object. */
  isAccepted(object: Held, content: string): boolean;
}

export interface WriterOptions {
  readonly api: ClusterApi;
  readonly cache: ClusterCache;
  readonly gate: Gate;
  readonly onWrite: (report: WriteReport) => void;
}

/**
 * Uses server-side apply, so that only the controller's own fields change. New objects are applied without force: if another
 * client was faster, the conflict shows it, and its object stays. An existing object is applied onto its uid, so that one
 * that was replaced in between is not taken for the controller's; it is deleted by its uid for the same reason.
 */
export function createWriter({ api, cache, gate, onWrite }: WriterOptions): Writer {
  /** By uid: content that was applied, and the version that the server gave it. */
  const accepted = new Map<string, { readonly content: string; readonly version: string }>();

  async function apply(change: Extract<Change, { kind: 'apply' }>): Promise<Written> {
    const { desired, before, content } = change;
    const ready = await withOwner(change);
    if (ready === undefined) {
      return {
        kind: 'failed',
        problem: `its owner ${desired.owner === undefined ? '' : shortId(desired.owner)} is not there yet`,
      };
    }
    const there = before ?? (await unknownBefore(desired.id, ready));
    if (there !== undefined && !isOurs(there) && !mayAdopt(there)) {
      const whose = isKarmadas(there)
        ? 'Karmada manages it'
        : `the controller did not make it; to hand it over, annotate it ${marks.adopt}: "true"`;
      return { kind: 'refused', problem: `${shortId(desired.id)} exists, and ${whose}` };
    }
    const written = await api.apply(
      desired.id,
      ready,
      there === undefined ? { force: false } : { force: true, uid: there.uid },
    );
    if (written.kind !== 'done') return written;
    const held = observe(written.object, String(ready.apiVersion), desired.id.kind);
    if (held !== undefined) {
      cache.fold(held);
      accepted.set(held.uid, { content, version: held.resourceVersion });
    }
    return written;
  }

  /** Of a kind that is not read completely: the object that already has this name, if there is one. */
  async function unknownBefore(id: ObjectId, object: Fields): Promise<Held | undefined> {
    if (cache.holdsAll(id)) return undefined;
    const raw = await api.read(id, String(object.apiVersion));
    return raw === undefined ? undefined : observe(raw, String(object.apiVersion), id.kind);
  }

  /** Adds the reference to the owner; undefined while the owner does not exist. */
  async function withOwner({ desired, object }: Extract<Change, { kind: 'apply' }>): Promise<Fields | undefined> {
    if (desired.owner === undefined) return object;
    const owner = cache.get(desired.owner);
    if (owner === undefined || owner.uid === '' || owner.isDeleting) return undefined;
    const reference = {
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name: owner.name,
      uid: owner.uid,
      controller: false,
    };
    return { ...object, metadata: { ...asFields(object.metadata), ownerReferences: [reference] } };
  }

  async function guarded(act: () => Promise<Written>): Promise<Written> {
    const written = await gate.through(async () => {
      try {
        return await act();
      } catch (error) {
        return { kind: 'failed', problem: error instanceof Error ? error.message : String(error) } as const;
      }
    });
    if (written.kind === 'limited') gate.pause(written.retryAfterMs);
    return written;
  }

  return {
    async perform(change) {
      if (change.kind === 'apply') {
        const written = await guarded(() => apply(change));
        onWrite({ verb: 'apply', id: change.desired.id, outcome: written.kind });
        return written;
      }
      const { object } = change;
      const written = await guarded(() => api.remove(object, object.apiVersion, object.uid));
      onWrite({ verb: 'delete', id: object, outcome: written.kind });
      accepted.delete(object.uid);
      return written;
    },
    async writeStatus({ id, apiVersion, conditions, fields }) {
      const { namespace, name } = id;
      const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
      const object = { apiVersion, kind: id.kind, metadata, status: { ...fields, conditions } };
      const uid = cache.get(id)?.uid;
      const written = await guarded(() =>
        api.apply(id, object, { force: true, subresource: 'status', ...(uid === undefined ? {} : { uid }) }),
      );
      onWrite({ verb: 'status', id, outcome: written.kind });
      if (written.kind === 'done') {
        const held = observe(written.object, apiVersion, id.kind);
        if (held !== undefined) cache.fold(held);
      }
      return written;
    },
    isAccepted(object, content) {
      const known = accepted.get(object.uid);
      return known?.content === content && known.version === object.resourceVersion;
    },
  };
}
