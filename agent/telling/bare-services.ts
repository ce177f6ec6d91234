import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import { compareText } from '../../compiler/values/names.ts';
import { formatObjectRef, type ObjectRef } from '../../compiler/values/object-ref.ts';
import type { Report } from './agent-event.ts';
import type { Log } from './log.ts';

/** A Service exists a moment before its first slice, and longer if a program has to dispatch its slices. */
const patienceMs = 60_000;

/** The most lines at one time; the rest is counted. */
const mostLines = 20;

const causes =
  'it has no selector and no slices were written for it; it has only Endpoints or slices of discovery.k8s.io/v1beta1, which slicewright does not read; ' +
  'its slices lack the label kubernetes.io/service-name; or the EndpointSlice controller, or the program that dispatches slices of other clusters, does not work';

/** Services that are served here and that no EndpointSlice names: even one without pods has a slice, which is empty. */
export function servicesWithoutSlices(services: Iterable<{ readonly ports: readonly ServicePortIR[] }>): string[] {
  const bare: ObjectRef[] = [];
  for (const { ports } of services) {
    const [object] = ports[0]?.origin ?? [];
    // An origin lists the Service first, then its slices.
    if (object !== undefined && ports.every(({ origin }) => origin.length === 1)) bare.push(object);
  }
  return bare.map(formatObjectRef).sort(compareText);
}

/** Reports Services that stay without slices for a minute, once each until they have one. */
export function bareServicesListener(log: Log, nowMs: () => number): Report {
  /** Since when, and whether it was reported. */
  let bare = new Map<string, { readonly sinceMs: number; isTold: boolean }>();

  return (event) => {
    const now = nowMs();
    if (event.kind === 'survey') {
      const before = bare;
      bare = new Map(
        event.withoutSlices.map((name) => [name, before.get(name) ?? { sinceMs: now, isTold: false }] as const),
      );
    }
    const due = [...bare].filter(([, { sinceMs, isTold }]) => !isTold && now - sinceMs >= patienceMs);
    for (const [, state] of due) state.isTold = true;
    for (const [name] of due.slice(0, mostLines)) {
      log.warn({ code: 'no-slices' }, `${name}: it has no EndpointSlice, so connections are rejected: ${causes}`);
    }
    if (due.length > mostLines) {
      log.warn({ code: 'no-slices', count: due.length - mostLines }, 'more Services have no EndpointSlice');
    }
  };
}
