/** The limits of one source, for all its kinds together. */
export interface SourceLimits {
  readonly objects: number;
  readonly endpoints: number;
  /** Size on arrival, before objects are reduced. */
  readonly bytes: number;
  /** The most pages of one list. */
  readonly pages: number;
}

/**
 * Far above the sizes that Kubernetes is tested with (10,000 Services, 150,000 pods, each of which may be an endpoint of
 * several Services and in two families), and far below a node's memory.
 */
export const defaultSourceLimits: SourceLimits = {
  objects: 100_000,
  endpoints: 1_000_000,
  bytes: 512 * 1024 * 1024,
  pages: 2_000,
};

/** What is held of one kind. */
export interface Holding {
  readonly objects: number;
  readonly endpoints: number;
  readonly bytes: number;
}

export const nothingHeld: Holding = { objects: 0, endpoints: 0, bytes: 0 };

export function addHoldings(a: Holding, b: Holding, sign: 1 | -1 = 1): Holding {
  return {
    objects: a.objects + sign * b.objects,
    endpoints: a.endpoints + sign * b.endpoints,
    bytes: a.bytes + sign * b.bytes,
  };
}

/** One kind's part of its source's limits. */
export interface Allowance {
  readonly pages: number;
  /** Which limit would be exceeded if the kind held this; undefined: it fits. */
  excess(holding: Holding): string | undefined;
  /** The same for a list that is not complete yet; it counts for other kinds until it is held or released. */
  claim(holding: Holding): string | undefined;
  /** The kind holds this from now on. */
  hold(holding: Holding): void;
  /** The list was given up. */
  release(): void;
}

/**
 * The limits of one source. An API server that sends without end would fill this node's memory, and every Service of
 * the node would go down with the agent; so content beyond the limits is not taken in, and what was read before stays valid.
 */
export function createQuota(limits: SourceLimits): (kind: string) => Allowance {
  const held = new Map<string, Holding>();
  const claimed = new Map<string, Holding>();

  function excess(kind: string, holding: Holding): string | undefined {
    let total = holding;
    for (const other of new Set([...held.keys(), ...claimed.keys()])) {
      if (other !== kind) total = addHoldings(total, larger(held.get(other), claimed.get(other)));
    }
    const what = (['objects', 'endpoints', 'bytes'] as const).find((name) => total[name] > limits[name]);
    return what && tooMuch(what, limits[what]);
  }

  return (kind) => ({
    pages: limits.pages,
    excess: (holding) => excess(kind, holding),
    claim(holding) {
      const problem = excess(kind, holding);
      if (problem === undefined) claimed.set(kind, holding);
      return problem;
    },
    hold(holding) {
      claimed.delete(kind);
      held.set(kind, holding);
    },
    release: () => void claimed.delete(kind),
  });
}

function larger(a: Holding = nothingHeld, b: Holding = nothingHeld): Holding {
  return {
    objects: Math.max(a.objects, b.objects),
    endpoints: Math.max(a.endpoints, b.endpoints),
    bytes: Math.max(a.bytes, b.bytes),
  };
}

export function tooMuch(what: keyof SourceLimits, limit: number): string {
  const where = what === 'pages' ? 'the list has' : 'the source has';
  return `${where} more than ${limit} ${what}; the agent reads nothing more from it and keeps its previous objects (--source-limits ${what}=…)`;
}

export const unlimited: Allowance = {
  pages: Number.POSITIVE_INFINITY,
  excess: () => undefined,
  claim: () => undefined,
  hold: () => {},
  release: () => {},
};

/**
 * `objects=400000,bytes=1073741824`: limits that are not named keep their defaults.
 *
 * returns  undefined for any other text
 */
export function parseSourceLimits(text: string): SourceLimits | undefined {
  const limits = { ...defaultSourceLimits };
  for (const part of text.split(',')) {
    const [, name = '', number = ''] = /^\s*([a-z]+)=([1-9]\d{0,14})\s*$/.exec(part) ?? [];
    if (!Object.hasOwn(limits, name)) return undefined;
    limits[name as keyof SourceLimits] = Number(number);
  }
  return limits;
}

/** The number of endpoints of an EndpointSlice; 0 for any other object. */
export function endpointsIn(object: unknown): number {
  const { kind, endpoints } = (object ?? {}) as { readonly kind?: unknown; readonly endpoints?: unknown };
  return kind === 'EndpointSlice' && Array.isArray(endpoints) ? endpoints.length : 0;
}
