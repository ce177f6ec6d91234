import type { Compilation } from '../../compiler/compile.ts';
import type { ServicePortIR } from '../../compiler/ir/ir.ts';
import type { Diagnostic } from '../../compiler/values/diagnostic.ts';
import { compareText } from '../../compiler/values/names.ts';
import { formatObjectRef } from '../../compiler/values/object-ref.ts';
import { type ExplainedEndpoint, explain } from '../explain/explain.ts';
import { graphs, type PortGraph } from '../graph/graph.ts';

/** `absent`: the Service is not served, and there is a diagnostic about it. */
export type ServiceState = 'serves' | 'serves in part' | 'no endpoints' | 'absent';

/** A Service, or a ServiceImport under the key that ends with `@clusterset`, with everything reported about it. */
export interface ReportedService {
  readonly key: string;
  readonly state: ServiceState;
  /** In order of their ids. */
  readonly ports: readonly ReportedPort[];
  /** Worst first. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface ReportedPort {
  readonly graph: PortGraph;
  /** All known endpoints, used or not. */
  readonly endpoints: readonly ExplainedEndpoint[];
  /** Its rules in the program. A thousand Services have much text, so it is made only when it is shown. */
  readonly rules: () => string;
}

export interface ReportedServices {
  /** By key. */
  readonly services: readonly ReportedService[];
  /** Diagnostics that are about no Service: the node, clusters, files, slices that feed none. Worst first. */
  readonly general: readonly Diagnostic[];
}

export interface Choice {
  readonly isMeant: (ir: ServicePortIR) => boolean;
  /** Whether a Service that is not served is chosen, by its key. */
  readonly isAbsentMeant: (key: string) => boolean;
}

/**
 * The Services of a report.
 *
 * diagnostics   of the compilation, of its input and of the program
 * rulesOf       the part of the program that belongs to a Service port
 */
export function reportedServices(
  compilation: Compilation,
  diagnostics: readonly Diagnostic[],
  rulesOf: (ir: Pick<ServicePortIR, 'family' | 'id'>) => string,
  { isMeant, isAbsentMeant }: Choice,
): ReportedServices {
  const irs = new Map([...compilation.services.IPv4, ...compilation.services.IPv6].map((ir) => [ir.id as string, ir]));
  const explained = new Map(explain(compilation, undefined).map(({ id, endpoints }) => [id, endpoints]));
  const ports = Map.groupBy(graphs(compilation, isMeant), ({ service }) => service as string);
  const served = new Set([...irs.values()].map(({ service }) => service as string));
  const { about, general } = sortedOut(compilation, diagnostics, served);
  const absent = [...about.keys()].filter((key) => !served.has(key) && isAbsentMeant(key));
  const services = [...ports.keys(), ...absent].sort(compareText).map((key): ReportedService => {
    const own = ports.get(key) ?? [];
    return {
      key,
      state: stateOf(own),
      ports: own.map((graph) => ({
        graph,
        endpoints: explained.get(graph.id) ?? [],
        rules: () => ruleText(graph.id),
      })),
      diagnostics: about.get(key) ?? [],
    };
  });
  return { services, general };

  function ruleText(id: string): string {
    const ir = irs.get(id);
    return ir === undefined ? '' : rulesOf(ir);
  }
}

function stateOf(ports: readonly PortGraph[]): ServiceState {
  const routes = ports.flatMap(({ frontends }) => frontends.map(({ route }) => route));
  if (routes.length === 0) return 'absent';
  if (routes.every(({ kind }) => kind === 'forward')) return 'serves';
  return routes.some(({ kind }) => kind === 'forward') ? 'serves in part' : 'no endpoints';
}

interface SortedOut {
  readonly about: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly general: readonly Diagnostic[];
}

/** Each diagnostic with the Services that it affects. */
function sortedOut(
  { endpoints }: Compilation,
  diagnostics: readonly Diagnostic[],
  served: ReadonlySet<string>,
): SortedOut {
  const fed = new Map<string, Set<string>>();
  for (const { slice, service } of endpoints) {
    const name = formatObjectRef(slice);
    fed.set(name, (fed.get(name) ?? new Set()).add(service));
  }
  const about = new Map<string, Diagnostic[]>();
  const general: Diagnostic[] = [];
  for (const diagnostic of diagnostics) {
    const keys = servicesOf(diagnostic, fed, served);
    if (keys.length === 0) general.push(diagnostic);
    for (const key of keys) about.set(key, [...(about.get(key) ?? []), diagnostic]);
  }
  return { about, general };
}

function servicesOf(
  { object, about = object }: Diagnostic,
  fed: ReadonlyMap<string, ReadonlySet<string>>,
  served: ReadonlySet<string>,
): readonly string[] {
  const key = `${about.namespace ?? ''}/${about.name}`;
  switch (about.kind) {
    case 'Service':
      return about.cluster === undefined || served.has(key) ? [key] : [];
    case 'ServiceImport':
      return [served.has(key) ? key : `${key}@clusterset`];
    case 'EndpointSlice':
      return [...(fed.get(formatObjectRef(about)) ?? [])];
    default:
      return [];
  }
}
