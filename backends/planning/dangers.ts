import { compareText } from '../../compiler/values/names.ts';
import type { TrafficDangerCode } from './danger-codes.ts';
import { endpointsOf, type FrontendChange } from './traffic.ts';

/** Something about a plan that someone should look at before it is applied. */
export interface Danger<Code extends string = string> {
  /** Stable word for programs; docs/commands.md has them all. */
  readonly code: Code;
  readonly message: string;
}

/** Fewer than this leaving at once is everyday life, whatever part of the whole they are. */
const fewOfAll = 5;
const fewOfOne = 3;

/**
 * Dangers to clients.
 *
 * endpointCount   of the program before: each Service port counts its own
 */
export function trafficDangers(changes: readonly FrontendChange[], endpointCount: number): Danger<TrafficDangerCode>[] {
  return [...lostServicePorts(changes), ...leavingEndpoints(changes, endpointCount)];
}

/** Endpoints that new connections reached before and reach after, by Service port, over all its frontends. */
function endpointsByServicePort(changes: readonly FrontendChange[]) {
  const ports = new Map<string, { readonly before: Set<string>; readonly after: Set<string>; staysServed: boolean }>();
  for (const { servicePort, before, after } of changes) {
    const port = ports.get(servicePort) ?? { before: new Set(), after: new Set(), staysServed: false };
    for (const endpoint of endpointsOf(before)) port.before.add(endpoint);
    for (const endpoint of endpointsOf(after)) port.after.add(endpoint);
    port.staysServed ||= after.kind !== 'absent';
    ports.set(servicePort, port);
  }
  return [...ports].sort(([a], [b]) => compareText(a, b));
}

/** A Service that is deleted is no surprise; one that is still there and answers nobody is. */
function* lostServicePorts(changes: readonly FrontendChange[]): Generator<Danger<TrafficDangerCode>> {
  for (const [servicePort, { before, after, staysServed }] of endpointsByServicePort(changes)) {
    if (before.size === 0 || after.size > 0 || !staysServed) continue;
    const message = `${servicePort} loses its last endpoint: ${before.size === 1 ? 'it had one' : `it had ${before.size}`}, and its clients will be refused`;
    yield { code: 'last-endpoint', message };
  }
}

function* leavingEndpoints(
  changes: readonly FrontendChange[],
  endpointCount: number,
): Generator<Danger<TrafficDangerCode>> {
  let leaving = 0;
  for (const [servicePort, { before, after }] of endpointsByServicePort(changes)) {
    const gone = [...before].filter((endpoint) => !after.has(endpoint)).length;
    leaving += gone;
    if (gone >= fewOfOne && gone * 2 > before.size && after.size > 0) {
      const message = `${servicePort} loses ${gone} of its ${before.size} endpoints at once`;
      yield { code: 'many-endpoints-leave', message };
    }
  }
  if (leaving >= fewOfAll && leaving * 3 > endpointCount) {
    yield {
      code: 'many-endpoints-leave',
      message: `${leaving} of the node's ${endpointCount} endpoints leave at once`,
    };
  }
}
