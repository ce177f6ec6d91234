import { createCounts } from './counts.ts';
import type { EndpointSlice } from './model/endpoint-slice.ts';

/** What the local cluster's slices say about their origin, counted as they come and go: diagnostics then skip most of them. */
export interface OwnSlices {
  /** Those that the local cluster's own controllers do not manage: only these may be another cluster's (L1). */
  readonly notNative: ReadonlySet<EndpointSlice>;
  /** The nodes that endpoints of the native ones run on, and how many endpoints each has. */
  readonly nodesNamed: ReadonlyMap<string, number>;
  change(slice: EndpointSlice, present: boolean): void;
}

export function createOwnSlices(): OwnSlices {
  const notNative = new Set<EndpointSlice>();
  const nodesNamed = createCounts<string>();
  return {
    notNative,
    nodesNamed: nodesNamed.counts,
    change(slice, present) {
      if (slice.marks.native) {
        for (const { nodeName } of slice.endpoints)
          if (nodeName !== undefined) nodesNamed.change(nodeName, present ? 1 : -1);
      } else if (present) notNative.add(slice);
      else notNative.delete(slice);
    },
  };
}
