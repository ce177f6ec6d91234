import type { ClusterApi, Written } from './cluster-api.ts';

/** The one Lease of an API server: a write that names another version than the present one is rejected. */
export interface LeaseServer {
  /** As who asks reaches it. */
  api(isReached?: () => boolean): ClusterApi;
  /** Another replica takes it and is not heard of again. */
  hold(holderIdentity: string): void;
  /** Changes nothing else of it. */
  annotate(key: string, value: string): void;
  setUp(isUp: boolean): void;
  /** Sets a function to call before each write. */
  watch(onWrite: (lease: Lease) => void): void;
  lease(): Lease | undefined;
}

export interface Lease {
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly holderIdentity: string; readonly renewTime: string };
}

export function createLeaseServer(): LeaseServer {
  let version = 0;
  let lease: Lease | undefined;
  let isUp = true;
  let onWrite: (lease: Lease) => void = () => {};
  const put = (object: object): Written => {
    const next = object as Lease;
    onWrite(next);
    if (lease !== undefined && next.metadata.resourceVersion !== String(version))
      return { kind: 'conflict', problem: '409' };
    version += 1;
    lease = { ...next, metadata: { ...next.metadata, resourceVersion: String(version) } };
    return { kind: 'done', object: lease };
  };
  return {
    api(isReached = () => true) {
      const write = (_path: string, object: object): Promise<Written> =>
        Promise.resolve(isUp && isReached() ? put(object) : { kind: 'failed', problem: 'away' });
      return {
        read: () => (isUp && isReached() ? Promise.resolve(lease) : Promise.reject(new Error('away'))),
        create: write,
        replace: write,
      } as unknown as ClusterApi;
    },
    hold: (holderIdentity) =>
      void put({ metadata: {}, spec: { holderIdentity, renewTime: '2020-01-01T00:00:00.000000Z' } }),
    annotate(key, value) {
      if (lease !== undefined)
        put({
          ...lease,
          metadata: { ...lease.metadata, annotations: { ...lease.metadata.annotations, [key]: value } },
        });
    },
    setUp: (up) => void (isUp = up),
    watch: (tell) => void (onWrite = tell),
    lease: () => lease,
  };
}
