import { nobodys, type Side } from './side.ts';

/** Services of which one family's kernel has a frontend, also those without endpoints, which refuse their clients. */
export interface ServedServices {
  /** `shop/cart` */
  readonly named: ReadonlySet<string>;
  /**
   * Cluster IPs whose Services cannot be named: no object has them any more, and the kernel does not show their owners.
   * Each represents one Service.
   */
  readonly nameless: ReadonlySet<string>;
}

/** What is served before and after a plan, in one family. */
export interface Served {
  readonly before: ServedServices;
  readonly after: ServedServices;
}

export function servicesOf({ frontends }: Pick<Side, 'frontends'>): ServedServices {
  const named = new Set<string>();
  const nameless = new Set<string>();
  for (const { servicePort, kind, address } of frontends.values()) {
    if (servicePort !== nobodys) named.add(servicePort.split(':')[0] ?? servicePort);
    else if (address !== undefined && kind === 'cluster IP') nameless.add(address);
  }
  return { named, nameless };
}

/** What a plan starts from and leads to, as far as its effect on traffic goes. */
export interface Sides {
  readonly before: Side;
  readonly after: Side;
}

/** A value that is when it is first asked for. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
